"""Many settings over one market and its signals: a table of measures out, on all cores, chunk by chunk.

    task = Task.of(market, signals, strategy, risk, broker, "sweep")
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
from engine.backtest.engine_output import BacktestInput
from risk.measure_set import ALWAYS, Periods
from risk.measures.base import Measure
from risk.measures.expected_shortfall import ExpectedShortfall
from risk.measures.turnover import Turnover
from risk.measures.value_at_risk import ValueAtRisk
from risk.periods import period_rate, periods_per_year

from .batch_measures import Wanted, measured
from .batch_run import BatchRun
from .engine import run_task
from .policy_table import PolicyTable, Settings

MEASURES: tuple[Measure, ...] = (*ALWAYS, ValueAtRisk(), ExpectedShortfall(), Turnover())
"""What is measured unless something else is asked for."""
CHUNK = 1024
"""Settings at a time: all that is kept of them while they run is some hundred bytes each."""


@dataclass(frozen=True, eq=False)
class Batch:
    """What became of P settings.

    Attributes
    ----------
    columns : (P,) by name: the settings under their dotted paths; ``status`` (``done``, or ``ruined`` where the account
        lost more than it had); ``final_value`` of the account; each measure, NaN where it is undefined; ``fills``,
        ``trades`` that have ended, ``rejections`` of market orders; ``reason``, why a measure is NaN, empty if none is.
    equity : (P, D + 1) the account before the first session and at the end of each, NaN for a ruined one; None unless
        asked for.
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
        """(P, D) simple daily returns; None unless the equity was asked for."""
        return None if self.equity is None else self.equity[:, 1:] / self.equity[:, :-1] - 1.0


class BatchRunner:
    """A market and its signals, laid out once for any number of settings.

    Parameters
    ----------
    task : market and signals; its strategy, risk and broker are what a setting leaves as it is.
    measures : with their parameters; those of closed trades are not to be had.
    equity : whether the account at each session's end is kept: 8 bytes a session and setting.
    threads : None for one on each core that this process may use.
    per_year : sessions in a year; ``auto`` counts them.
    risk_free : annual rate that ratios compare with.

    Raises
    ------
    ConfigError
        A measure that cannot be had, a strategy or broker that cannot be compiled.
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
        self._wanted = wanted = Wanted(tuple(measures), equity, risk_free)
        self._course = BatchRun(task, wanted.shares, curves=wanted.curves, threads=_threads(threads))
        self._year = periods_per_year(self._course.sessions, per_year)
        self._rate = period_rate(risk_free, self._year)
        self._done = 0

    def prepare(self, settings: Settings) -> None:
        """Say beforehand what settings will be like, so that one kernel serves all of them.

        A kernel is made for what its settings use; without this, a chunk that uses more takes another one, which takes
        seconds to make, and may differ in the last digit of a measure (never of a fill).

        Parameters
        ----------
        settings : as for :meth:`run`; what cannot be is left out.
        """
        found = self._course.reader.possible(settings)
        if found.policies is not None:
            self._course.prepare(found.policies)

    def run_possible(self, settings: Settings) -> tuple[Batch | None, Any, Mapping[int, str]]:
        """Backtest the rows that do not contradict themselves.

        Returns
        -------
        Their :class:`Batch` without the settings' own columns, None if there is no such row; their places in
        ``settings``; and why each other one cannot be, by place.

        Raises
        ------
        ConfigError, PluginError
            As :meth:`run`, but for values that cannot be.
        """
        found = self._course.reader.possible(settings)
        if found.policies is None:
            return None, found.places, found.reasons
        return self._measured(found.policies, {}), found.places, found.reasons

    def recorded(self, task: BacktestInput) -> RunResult:
        """One run of the same market and signals with all its tables, in a kernel like that of this runner's chunks."""
        return run_task(task, solvent=False, like=self._course.shape)

    @property
    def cash(self) -> float:
        """What an account begins with if no setting says otherwise."""
        return self._course.task.broker.cash

    @property
    def sessions(self) -> pd.DatetimeIndex:
        """(D,) dates of the daily returns."""
        return self._course.sessions

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
            A setting that cannot be; nothing was run.
        PluginError
            The rule failed; setting, symbol and bar are named.
        """
        return self._measured(self._course.reader.read(settings, self._done), settings)

    def _measured(self, policies: PolicyTable, settings: Settings) -> Batch:
        course = self._course
        answer = course.run(policies, self._done, self._rate)
        self._done += len(policies.rows)
        columns = {**settings, **measured(policies.rows["cash"], answer, course, self._wanted, self._year)}
        return Batch(columns, answer.curves if self._wanted.equity else None, course.sessions)


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
    made = np.empty(len(values), dtype=object)
    made[:] = values
    return np.array(values) if plain else made


def sliced(settings: Settings, size: int = CHUNK) -> Iterator[Settings]:
    """Cut columns into chunks; columns that are none come whole, to be refused."""
    lengths = {len(values) for values in settings.values() if hasattr(values, "__len__")}
    for first in range(0, max(lengths, default=0), size) if len(lengths) == 1 else ():
        yield {path: values[first : first + size] for path, values in settings.items()}
    if len(lengths) != 1 or not max(lengths):
        yield settings


def product(space: Mapping[str, Sequence[Any]], size: int = CHUNK) -> Iterator[Settings]:
    """Every combination of the values of each path, the last path's changing fastest, chunk by chunk.

    >>> [chunk["risk.base"] for chunk in product({"risk.cap": [0.1, 0.2], "risk.base": [0.01, 0.02]}, size=3)]
    [[0.01, 0.02, 0.01], [0.02]]
    """
    rows = itertools.product(*space.values())
    while chunk := list(itertools.islice(rows, size)):
        yield {path: list(column) for path, column in zip(space, zip(*chunk, strict=True), strict=True)}


def batches(task: BacktestInput, chunks: Iterable[Settings], **options: Any) -> Iterator[Batch]:
    """The same for chunks of settings, which may be made as they are asked for: memory does not grow with their number.

    Every chunk gives one :class:`Batch`; parameters and errors are those of :class:`BatchRunner`.
    """
    runner = BatchRunner(task, **options)
    empty = True
    for settings in chunks:
        yield runner.run(settings)
        empty = False
    if empty:
        raise ConfigError("there is no setting to run: give at least one chunk of settings")


def _threads(given: int | None) -> int:
    if given is None:
        return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if given < 1:
        raise ConfigError(f"threads is {given}; give 1 or more, or None for all cores")
    return given
