"""Trials of one group in the compiled engine: a pure function of the signals and the points."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from core.errors import ConfigError, PluginError
from core.types import Matrix, Rows, RunResult
from engine.backtest.compiled import BatchRunner
from engine.backtest.engine_output import BacktestInput
from engine.sweep.space.dimensions import Columns, Dimension
from engine.sweep.space.space_check import is_policy
from engine.sweep.space.trial_measures import COUNTS, columns_of
from risk.measure_set import Periods
from risk.measures.base import Measure

from .plan import SharedSpan
from .trial_scores import DONE, FAILED, INVALID, NO_TRIALS, Scores, join_scores, unmeasured_scores

SETTING = re.compile(r"^setting \d+: ")


@dataclass(frozen=True, eq=False)
class TrialOutputs:
    """What is wanted of every trial of a sweep.

    Attributes
    ----------
    measures : each once.
    per_year, risk_free : as the config's measures have them.
    span : what all trials share.
    summed, kept : the trials of which sums and returns are kept.
    """

    measures: tuple[Measure, ...]
    per_year: Periods
    risk_free: float
    span: SharedSpan
    summed: Rows
    kept: Rows

    @property
    def names(self) -> tuple[str, ...]:
        """Of the values of a trial."""
        return columns_of(self.measures)

    @property
    def shape(self) -> tuple[int, int]:
        """The numbers of blocks and of sessions."""
        return self.span.blocks, len(self.span.sessions)


class CompiledTrials:
    """One group's market and signals, laid out for any number of chunks.

    Parameters
    ----------
    task : of the group.
    axes : of the whole space; those of the policy are used to make one kernel for all chunks.
    threads : that run a chunk.
    """

    def __init__(self, task: BacktestInput, wants: TrialOutputs, axes: tuple[Dimension, ...], threads: int) -> None:
        self.wants = wants
        common: Any = {"measures": wants.measures, "per_year": wants.per_year, "risk_free": wants.risk_free}
        self._plain = BatchRunner(task, threads=threads, **common)
        self._whole = BatchRunner(task, threads=threads, equity=True, **common)
        own = [axis for axis in axes if is_policy(axis.path)]
        for runner in (self._plain, self._whole):
            runner.prepare(_samples(own))

    def recorded(self, task: BacktestInput) -> RunResult:
        """One trial with all its tables."""
        return self._plain.recorded(task)

    def scores(self, numbers: Rows, columns: Columns) -> Scores:
        """Run a chunk; a trial that fails does not take the others with it.

        Parameters
        ----------
        numbers : (P,) of the trials, increasing.
        columns : their points.
        """
        settings = {path: values for path, values in columns.items() if is_policy(path)}
        settings = settings or {"broker.cash": [self._plain.cash] * len(numbers)}
        try:
            return self._scores(numbers, settings)
        except (PluginError, ConfigError) as error:
            if len(numbers) == 1:
                reason = SETTING.sub(
                    "", error.line
                )  # counted from where this process began, which is nobody's business
                return unmeasured_scores(numbers, FAILED, [reason], self.wants.names, self.wants.shape)
        one_by_one = (
            self.scores(numbers[place : place + 1], {path: [values[place]] for path, values in settings.items()})
            for place in range(len(numbers))
        )
        return join_scores(list(one_by_one))

    def _scores(self, numbers: Rows, settings: Mapping[str, Any]) -> Scores:
        wants = self.wants
        summed = np.isin(numbers, wants.summed)
        runner = self._whole if summed.all() else self._plain
        batch, places, reasons = runner.run_possible(settings)
        refused = _refused(numbers, reasons, wants)
        if batch is None:
            return refused
        equity, own = batch.equity, numbers[places]
        if equity is None and summed.any():
            few = np.flatnonzero(summed)
            again, among, _ = self._whole.run_possible(
                {path: [values[place] for place in few] for path, values in settings.items()}
            )
            equity, own = (again.equity, numbers[few[among]]) if again else (None, NO_TRIALS)
        found = _of_batch(batch.columns, numbers[places], wants)
        sums = evidence(equity, own, runner.sessions, wants) if equity is not None else {}
        made = Scores(**(found | sums))
        return join_scores([made, refused]) if reasons else made


def _samples(axes: list[Dimension]) -> Columns:
    """Points at which each value of each axis occurs once, the others at their first."""
    if not axes:
        return {"broker.lot": [0]}
    first = {axis.path: axis.representatives[0] for axis in axes}
    points = [{**first, axis.path: value} for axis in axes for value in axis.representatives]
    return {path: [point[path] for point in points] for path in first}


def _refused(numbers: Rows, reasons: Mapping[int, str], wants: TrialOutputs) -> Scores:
    places = sorted(reasons)
    texts = [reasons[place] for place in places]
    return unmeasured_scores(numbers[places], INVALID, texts, wants.names, wants.shape)


def _of_batch(columns: Mapping[str, Any], numbers: Rows, wants: TrialOutputs) -> dict[str, Any]:
    blocks, sessions = wants.shape
    status = np.asarray(columns["status"], dtype=np.str_)
    values = {name: np.asarray(columns[name], dtype=np.float64) for name in wants.names}
    for name in COUNTS:  # of a ruined account nothing was counted
        values[name] = np.where(status == DONE, values[name], np.nan)
    return {
        "numbers": numbers,
        "status": status,
        "reason": np.asarray(columns["reason"], dtype=np.str_),
        "values": values,
        "total": np.empty((0, blocks)),
        "squares": np.empty((0, blocks)),
        "summed": NO_TRIALS,
        "returns": np.empty((0, sessions)),
        "kept": NO_TRIALS,
    }


def evidence(equity: Matrix, numbers: Rows, sessions: pd.DatetimeIndex, wants: TrialOutputs) -> dict[str, Any]:
    """Of the trials that were chosen for it, sums over the blocks of the shared span, and daily returns.

    Parameters
    ----------
    equity : (P, D + 1) of the trials ``numbers``, before the first session and at the end of each; NaN in a row that
        was ruined.
    sessions : (D,) their dates.
    """
    from .block_sums import block_sums

    span, chosen = wants.span, np.flatnonzero(np.isin(numbers, wants.summed))
    kept = np.flatnonzero(np.isin(numbers, wants.kept))
    start = int(sessions.get_indexer(span.sessions[:1])[0])
    total, squares = (np.full((len(chosen), span.blocks), np.nan) for _ in range(2))
    returns = np.full((len(kept), len(span.sessions)), np.nan)
    if start >= 0:
        block_sums(equity, chosen, span.edges + start, total, squares)
        own = equity[kept, start:]
        returns[:] = own[:, 1:] / own[:, :-1] - 1.0
    return {
        "total": total,
        "squares": squares,
        "summed": numbers[chosen],
        "returns": returns,
        "kept": numbers[kept],
    }
