"""Trials of one group in the compiled engine: scores as a pure function of signals and points."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from core.errors import ConfigError, PluginError
from core.types import Matrix, Rows, RunResult
from engine.backtest.compiled import BatchRunner, SettingError
from engine.backtest.engine_output import BacktestInput
from engine.sweep.space.dimensions import Columns, Dimension
from engine.sweep.space.space_check import is_policy
from engine.sweep.space.trial_measures import COUNTS, columns_of
from risk.measure_set import Periods
from risk.measures.base import Measure

from .plan import SharedSpan
from .trial_scores import DONE, FAILED, INVALID, Scores, join_scores, scores_without_returns, unmeasured_scores


@dataclass(frozen=True, eq=False)
class TrialOutputs:
    """The results to compute for every trial of a sweep.

    Attributes
    ----------
    measures : without repetitions.
    per_year, risk_free : conventions of the config's measures.
    span : the sessions that all trials share.
    summed, with_returns : the trials of which block sums and daily returns are stored.
    """

    measures: tuple[Measure, ...]
    per_year: Periods
    risk_free: float
    span: SharedSpan
    summed: Rows
    with_returns: Rows

    @property
    def names(self) -> tuple[str, ...]:
        """The names of a trial's values."""
        return columns_of(self.measures)

    @property
    def shape(self) -> tuple[int, int]:
        """The numbers of blocks and of sessions."""
        return self.span.blocks, len(self.span.sessions)


class CompiledTrials:
    """One group's market and signals as arrays of the compiled engine, for any number of chunks.

    Parameters
    ----------
    task : of the group.
    outputs : the results to compute.
    axes : of the whole space; those of the policy determine the kernel, which serves all chunks.
    threads : that run a chunk.
    """

    def __init__(self, task: BacktestInput, outputs: TrialOutputs, axes: tuple[Dimension, ...], threads: int) -> None:
        self.outputs = outputs
        self._runner = _batch_runner(task, outputs, threads, equity=False)
        self._equity_runner = _batch_runner(task, outputs, threads, equity=True)
        settings = _settings_of_axes([axis for axis in axes if is_policy(axis.path)])
        for runner in (self._runner, self._equity_runner):
            runner.prepare(settings)

    def recorded(self, task: BacktestInput) -> RunResult:
        """One trial with all its tables."""
        return self._runner.recorded(task)

    def scores(self, numbers: Rows, columns: Columns) -> Scores:
        """Scores of a chunk; a trial that fails does not affect the others.

        Parameters
        ----------
        numbers : (P,) of the trials, increasing.
        columns : their points.
        """
        settings = {path: values for path, values in columns.items() if is_policy(path)}
        settings = settings or {"broker.cash": [self._runner.cash] * len(numbers)}
        try:
            return self._scores(numbers, settings)
        except (PluginError, ConfigError) as error:
            if len(numbers) == 1:
                reason = _reason_of(error)
                return unmeasured_scores(numbers, FAILED, [reason], self.outputs.names, self.outputs.shape)
        # Some trial of the chunk failed: the trials are run one by one.
        parts = []
        for index in range(len(numbers)):
            setting = {path: [values[index]] for path, values in settings.items()}
            parts.append(self.scores(numbers[index : index + 1], setting))
        return join_scores(parts)

    def _scores(self, numbers: Rows, settings: Columns) -> Scores:
        summed = np.isin(numbers, self.outputs.summed)
        runner = self._equity_runner if summed.all() else self._runner
        batch, positions, reasons = runner.run_possible(settings)
        invalid = _invalid_scores(numbers, reasons, self.outputs)
        if batch is None:
            return invalid
        scores = _batch_scores(batch.columns, numbers[positions], self.outputs)
        if batch.equity is not None:
            scores = add_returns(scores, batch.equity, numbers[positions], runner.sessions, self.outputs)
        elif summed.any():
            scores = self._add_returns_of(np.flatnonzero(summed), scores, numbers, settings)
        return join_scores([scores, invalid]) if reasons else scores

    def _add_returns_of(self, indices: Rows, scores: Scores, numbers: Rows, settings: Columns) -> Scores:
        """Run some trials of a chunk once more, for their equity, and add samples of their returns to its scores."""
        selected = {path: [values[index] for index in indices] for path, values in settings.items()}
        batch, positions, _ = self._equity_runner.run_possible(selected)
        if batch is None or batch.equity is None:
            return scores
        sessions = self._equity_runner.sessions
        return add_returns(scores, batch.equity, numbers[indices[positions]], sessions, self.outputs)


def _batch_runner(task: BacktestInput, outputs: TrialOutputs, threads: int, *, equity: bool) -> BatchRunner:
    return BatchRunner(
        task,
        measures=outputs.measures,
        equity=equity,
        threads=threads,
        per_year=outputs.per_year,
        risk_free=outputs.risk_free,
    )


def _reason_of(error: ConfigError) -> str:
    """The message of a failed trial in one line, without the index of its setting.

    The index counts all settings that this process has run: a resumed sweep would give another one.
    """
    return error.reason.replace("\n", " ") if isinstance(error, SettingError) else error.line


def _settings_of_axes(axes: list[Dimension]) -> Columns:
    """Settings in which each value of each axis occurs; the other axes have their first value."""
    if not axes:
        return {"broker.lot": [0]}
    first = {axis.path: axis.representatives[0] for axis in axes}
    points = [{**first, axis.path: value} for axis in axes for value in axis.representatives]
    return {path: [point[path] for point in points] for path in first}


def _invalid_scores(numbers: Rows, reasons: Mapping[int, str], outputs: TrialOutputs) -> Scores:
    indices = sorted(reasons)
    texts = [reasons[index] for index in indices]
    return unmeasured_scores(numbers[indices], INVALID, texts, outputs.names, outputs.shape)


def _batch_scores(columns: Mapping[str, Any], numbers: Rows, outputs: TrialOutputs) -> Scores:
    """The table of a batch as scores, without samples of returns."""
    status = np.asarray(columns["status"], dtype=np.str_)
    values = {name: np.asarray(columns[name], dtype=np.float64) for name in outputs.names}
    for name in COUNTS:  # counts of a ruined account are undefined
        values[name] = np.where(status == DONE, values[name], np.nan)
    return scores_without_returns(numbers, status, np.asarray(columns["reason"], dtype=np.str_), values, outputs.shape)


def add_returns(
    scores: Scores, equity: Matrix, numbers: Rows, sessions: pd.DatetimeIndex, outputs: TrialOutputs
) -> Scores:
    """Scores with block sums and daily returns of the trials that ``outputs`` selects.

    Parameters
    ----------
    equity : (P, D + 1) of the trials ``numbers``, before the first session and at the end of each; a row of NaN for a
        ruined trial.
    sessions : (D,) their dates.
    """
    from .block_sums import block_sums

    span = outputs.span
    summed = np.flatnonzero(np.isin(numbers, outputs.summed))
    with_returns = np.flatnonzero(np.isin(numbers, outputs.with_returns))
    start = int(sessions.get_indexer(span.sessions[:1])[0])
    total = np.full((len(summed), span.blocks), np.nan)
    squares = np.full((len(summed), span.blocks), np.nan)
    returns = np.full((len(with_returns), len(span.sessions)), np.nan)
    if start >= 0:  # otherwise the trials begin after the shared span does
        block_sums(equity, summed, span.edges + start, total, squares)
        span_equity = equity[with_returns, start:]
        returns[:] = span_equity[:, 1:] / span_equity[:, :-1] - 1.0
    return replace(
        scores,
        total=total,
        squares=squares,
        summed=numbers[summed],
        returns=returns,
        with_returns=numbers[with_returns],
    )
