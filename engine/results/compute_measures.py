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
    """The measures of a run, by column of the daily returns.

    Attributes
    ----------
    headline : in the order in which they are reported.
    further : by group.
    intervals : of the strategy's headline measures, by name.
    """

    headline: Mapping[str, tuple[Measured, ...]]
    further: Mapping[str, Mapping[str, tuple[Measured, ...]]]
    intervals: Mapping[str, Interval]


PendingMeasures: TypeAlias = Callable[[], Measurements]
Measure: TypeAlias = Callable[[Mapping[str, Sample], MeasuresSpec, int], PendingMeasures]
"""Begins to measure; the callable that it returns waits for the measures."""


def measured(samples: Mapping[str, Sample], spec: MeasuresSpec, seed: int) -> Measurements:
    """Every measure of every column.

    Parameters
    ----------
    samples : one a column.
    seed : of the resampling.
    """
    return Measurements(
        headline={column: headline(sample, spec) for column, sample in samples.items()},
        further={column: further(sample, spec) for column, sample in samples.items()},
        intervals=bootstrap_intervals(samples[STRATEGY], spec.measures, spec.intervals, seed),
    )


def measure_here(samples: Mapping[str, Sample], spec: MeasuresSpec, seed: int) -> PendingMeasures:
    """Measure in this process, when the measures are requested."""
    return partial(measured, samples, spec, seed)


def measure_in(pool: Executor) -> Measure:
    """Measure in another process; see :func:`engine.run_folder.child_process.measuring`."""
    return lambda samples, spec, seed: pool.submit(measured, samples, spec, seed).result
