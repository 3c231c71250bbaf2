"""Backtests of many settings over one market and its signals: a table of measures, on all cores, chunk by chunk.

    task = BacktestInput.of(market, signals, strategy, risk, broker, "sweep")
    table = batch(task, {"strategy.entry": [0.0, 0.01], "risk.base": [0.01, 0.02]}).table

A setting changes parameters of the strategy, the risk rule and the broker. Its final value, fills and daily returns are
those of a run of the same config, to the last bit; the measures agree with :mod:`risk.measures` to 1e-12.
"""

import itertools
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from core.errors import ConfigError
from core.types import Matrix, RunResult
from engine.backtest.compiled.kernel.records import Policies
from engine.backtest.engine_output import BacktestInput
from risk.measure_set import ALWAYS, Periods
from risk.measures.base import Measure
from risk.measures.expected_shortfall import ExpectedShortfall
from risk.measures.turnover import Turnover
from risk.measures.value_at_risk import ValueAtRisk
from risk.periods import period_rate, periods_per_year

from .batch_measures import BatchOutputs, batch_columns
from .batch_run import BatchRun
from .engine import run_task
from .policy_table import Settings

MEASURES: tuple[Measure, ...] = (*ALWAYS, ValueAtRisk(), ExpectedShortfall(), Turnover())
"""The measures of a batch unless others are requested."""
CHUNK = 1024
"""Settings at a time: while they run, each takes some hundred bytes."""


@dataclass(frozen=True, eq=False)
class Batch:
    """The results of P settings.

    Attributes
    ----------
    columns : (P,) by name: the settings under their dotted paths; ``status`` (``done``, or ``ruined`` where the account
        lost more than it had); ``final_value`` of the account; each measure, NaN where it is undefined; ``fills``,
        ``trades`` that have ended, ``rejections`` of market orders; ``reason`` of each NaN, empty if there is none.
    equity : (P, D + 1) the account before the first session and at the end of each, NaN for a ruined one; None unless
        requested.
    sessions : (D,) dates.
    """

    columns: Mapping[str, Any]
    equity: Matrix | None
    sessions: pd.DatetimeIndex

    @cached_property
    def table(self) -> pd.DataFrame:
        """The columns as a table, one row a setting."""
        return pd.DataFrame({name: pd.Series(values) for name, values in self.columns.items()})

    @property
    def returns(self) -> Matrix | None:
        """(P, D) simple daily returns; None unless the equity was requested."""
        return None if self.equity is None else self.equity[:, 1:] / self.equity[:, :-1] - 1.0


class BatchRunner:
    """A runner of settings over a market and its signals, which are laid out once.

    Parameters
    ----------
    task : market and signals; its strategy, risk and broker are the base of every setting.
    measures : with their parameters; those of closed trades are refused.
    equity : True to keep the account at each session's end: 8 bytes a session and setting.
    threads : None for one on each core that this process may use.
    per_year : sessions in a year; ``auto`` counts them.
    risk_free : annual rate that ratios compare with.

    Raises
    ------
    ConfigError
        A measure that is refused, a strategy or broker that cannot be compiled.
    DataError
        There is no bar after the first decision.
    """

    def __init__(
        self,
        task: BacktestInput,
        *,
        measures: Sequence[Measure] = MEASURES,
        equity: bool = False,
        threads: int | None = None,
        per_year: Periods = "auto",
        risk_free: float = 0.0,
    ) -> None:
        self._outputs = outputs = BatchOutputs(tuple(measures), equity, risk_free)
        self._run = BatchRun(task, outputs.tail_probabilities, curves=outputs.curves, threads=_threads(threads))
        self._year = periods_per_year(self._run.sessions, per_year)
        self._risk_free = period_rate(risk_free, self._year)
        self._done = 0

    def prepare(self, settings: Settings) -> None:
        """Compile beforehand one kernel that serves settings like these.

        A kernel is made for the features that its settings use; without this, a chunk that uses more takes another one,
        which takes seconds to make, and may differ in the last digit of a measure (never of a fill).

        Parameters
        ----------
        settings : as for :meth:`run`; invalid ones are left out.
        """
        valid = self._run.reader.possible(settings)
        if valid.policies is not None:
            self._run.prepare(valid.policies)

    def run_possible(self, settings: Settings) -> tuple[Batch | None, Any, Mapping[int, str]]:
        """Backtest the rows that do not contradict themselves.

        Returns
        -------
        Their :class:`Batch` without the columns of the settings, None if there is no such row; their rows in
        ``settings``; and by row the reason against each other one.

        Raises
        ------
        ConfigError, PluginError
            As :meth:`run`, but for invalid values.
        """
        valid = self._run.reader.possible(settings)
        if valid.policies is None:
            return None, valid.rows, valid.reasons
        return self._measured(valid.policies, {}), valid.rows, valid.reasons

    def recorded(self, task: BacktestInput) -> RunResult:
        """One run of the same market and signals with all its tables, in a kernel like that of this runner's chunks."""
        return run_task(task, solvent=False, like=self._run.features)

    @property
    def cash(self) -> float:
        """Initial cash if no setting changes it."""
        return self._run.task.broker.cash

    @property
    def sessions(self) -> pd.DatetimeIndex:
        """(D,) dates of the daily returns."""
        return self._run.sessions

    @property
    def periods_per_year(self) -> float:
        """Sessions in a year."""
        return self._year

    def run(self, settings: Settings) -> Batch:
        """Backtest every row of ``settings``, all in memory at once; the next call's rows are numbered on.

        Parameters
        ----------
        settings : columns of equal length under dotted paths, such as ``{"risk.base": [0.01, 0.02]}``; a whole block
            may be a value: ``{"risk.stop": [None, {"kind": "percent", "value": 0.05}]}``.

        Raises
        ------
        ConfigError
            An invalid setting; nothing was run.
        PluginError
            The rule failed; setting, symbol and bar are named.
        """
        return self._measured(self._run.reader.read(settings, self._done), settings)

    def _measured(self, policies: Policies, settings: Settings) -> Batch:
        rows: Any = policies.rows
        result = self._run.run(policies, self._done, self._risk_free)
        self._done += len(rows)
        columns = {**settings, **batch_columns(rows["cash"], result, self._run, self._outputs, self._year)}
        return Batch(columns, result.curves if self._outputs.equity else None, self._run.sessions)


def batch(task: BacktestInput, settings: Settings, **options: Any) -> Batch:
    """Backtest every row of ``settings`` and give one table; parameters and errors are those of :class:`BatchRunner`.

    It goes through them chunk by chunk, so that only the table grows with their number, and the equity if it is kept.
    """
    parts = list(batches(task, sliced(settings), **options))
    names = parts[0].columns
    columns = {name: np.concatenate([_array(part.columns[name]) for part in parts]) for name in names}
    curves = [part.equity for part in parts if part.equity is not None]
    return Batch(columns, np.concatenate(curves) if curves else None, parts[0].sessions)


def _array(values: Any) -> Any:
    """A column as an array; one of mappings or None stays one of objects."""
    if isinstance(values, np.ndarray):
        return values
    plain = all(isinstance(value, int | float) for value in values)
    objects = np.empty(len(values), dtype=object)
    objects[:] = values
    return np.array(values) if plain else objects


def sliced(settings: Settings, size: int = CHUNK) -> Iterator[Settings]:
    """Cut columns into chunks; malformed columns come in one piece, to be refused."""
    lengths = {len(values) for values in settings.values() if hasattr(values, "__len__")}
    if len(lengths) != 1 or not max(lengths):
        yield settings
        return
    for first in range(0, max(lengths), size):
        yield {path: values[first : first + size] for path, values in settings.items()}


def product(space: Mapping[str, Sequence[Any]], size: int = CHUNK) -> Iterator[Settings]:
    """Every combination of the values of each path, the last path's changing fastest, chunk by chunk.

    >>> [chunk["risk.base"] for chunk in product({"risk.cap": [0.1, 0.2], "risk.base": [0.01, 0.02]}, size=3)]
    [[0.01, 0.02, 0.01], [0.02]]
    """
    rows = itertools.product(*space.values())
    while chunk := list(itertools.islice(rows, size)):
        yield {path: list(column) for path, column in zip(space, zip(*chunk, strict=True), strict=True)}


def batches(task: BacktestInput, chunks: Iterable[Settings], **options: Any) -> Iterator[Batch]:
    """The same for chunks of settings, which may be generated one by one: memory does not grow with their number.

    Every chunk gives one :class:`Batch`; parameters and errors are those of :class:`BatchRunner`.
    """
    runner = BatchRunner(task, **options)
    empty = True
    for settings in chunks:
        yield runner.run(settings)
        empty = False
    if empty:
        raise ConfigError("there is no setting to run: give at least one chunk of settings")


def _threads(threads: int | None) -> int:
    if threads is None:
        return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if threads < 1:
        raise ConfigError(f"threads is {threads}; give 1 or more, or None for all cores")
    return threads
