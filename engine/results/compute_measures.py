"""The measures of a run, in this process or in another: resampling and fits take longer than the rest of a run."""

from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias

from engine.backtest.account_returns import STRATEGY
from risk.bootstrap import Interval, bootstrap_intervals
from risk.measure_set import MeasuresSpec, further, headline
from risk.measures.base import Measured, Sample


@dataclass(frozen=True, eq=False)
class Measurements:
    """What was measured, by column of the daily returns.

    Attributes
    ----------
    headline : in the order in which they are reported.
    further : by group.
    intervals : of the strategy's headline measures, by name.
    """

    headline: Mapping[str, tuple[Measured, ...]]
    further: Mapping[str, Mapping[str, tuple[Measured, ...]]]
    intervals: Mapping[str, Interval]


Answer: TypeAlias = Callable[[], Measurements]
Measure: TypeAlias = Callable[[Mapping[str, Sample], MeasuresSpec, int], Answer]
"""Begins to measure, and gives a callable that waits for the answer."""


def measured(told: Mapping[str, Sample], spec: MeasuresSpec, seed: int) -> Measurements:
    """Every measure of every column.

    Parameters
    ----------
    told : a sample a column.
    seed : of the resampling.
    """
    return Measurements(
        headline={column: headline(sample, spec) for column, sample in told.items()},
        further={column: further(sample, spec) for column, sample in told.items()},
        intervals=bootstrap_intervals(told[STRATEGY], spec.measures, spec.intervals, seed),
    )


def here(told: Mapping[str, Sample], spec: MeasuresSpec, seed: int) -> Answer:
    """Measure in this process, when the answer is asked for."""
    return partial(measured, told, spec, seed)


def there(pool: Executor) -> Measure:
    """Measure in another process; see :func:`engine.run_folder.child_process.measuring`."""
    return lambda told, spec, seed: pool.submit(measured, told, spec, seed).result
