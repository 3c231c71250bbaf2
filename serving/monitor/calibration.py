"""Thresholds from the walk-forward itself: whole sessions are resampled in blocks, and the panel is run on them.

Textbook thresholds assume independent values. Inputs such as moving averages and errors such as those of a market are
not: most of them would raise alarms on series that did not change. Here every statistic is divided by its own
distribution on resampled sessions, and one limit on the largest of all holds the rate of false alarms of the panel.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from core.errors import DataError
from core.types import Matrix, Vector

from .channels import scale_of
from .observations import Observations
from .paths import new_paths
from .statistics import WINDOWS, Check, panel_of, statistics_of

STREAMS = 100
LENGTH = 500
"""Resampled streams, and their sessions."""
FALSE_ALARM_EVERY = 500
"""Sessions in which one false alarm of the whole panel is expected."""
MIN_SESSIONS = 250
TAIL = 0.999
TINY = 1e-6
REPETITIONS = 3
QUIET = max(WINDOWS)
"""Sessions without an alarm after which an alarm is a new one: its window has nothing of the one before."""


@dataclass(frozen=True, eq=False)
class Calibration:
    """The null distribution of the panel.

    Attributes
    ----------
    checks : C checks.
    centre, width : (C,) median of each statistic, and its 99.9 % quantile less the median.
    limit : of the largest score, (statistic - centre) / width.
    every : sessions in which one false alarm is expected, over the whole panel.
    sessions : of the reference.
    """

    checks: tuple[Check, ...]
    centre: Vector
    width: Vector
    limit: float
    every: int
    sessions: int

    def scores(self, statistics: Matrix) -> Matrix:
        """(T, C) statistics in units of their own tails; NaN where a statistic is."""
        return (statistics - self.centre) / self.width

    def thresholds(self) -> Vector:
        """(C,) the value of each statistic above which the panel alarms."""
        return self.centre + self.limit * self.width


def calibrate(reference: Observations, every: int = FALSE_ALARM_EVERY, seed: int = 0) -> Calibration:
    """The null distribution of the panel from a walk-forward.

    Each of 100 streams resamples the reference twice: once for the scale that the panel is measured with, so that the
    uncertainty of a reference of this length counts, and once for 500 sessions on which the panel is run.

    Parameters
    ----------
    reference : sessions of the walk-forward, 250 or more with an outcome.
    every : the sessions in which one false alarm is accepted.

    Raises
    ------
    DataError
        The reference is too short.
    """
    count = int((~np.isnan(reference.outcome)).any(axis=1).sum())
    if count < MIN_SESSIONS:
        raise DataError(
            f"the walk-forward has {count} sessions with an outcome; thresholds need {MIN_SESSIONS} or more"
        )
    paths = new_paths(reference, STREAMS, len(reference) + LENGTH, np.random.default_rng(seed))
    streams = [_on_path(path, len(reference)) for path in paths]
    pooled = np.concatenate(streams)
    centre = np.nanmedian(pooled, axis=0)
    width = np.maximum(np.nanquantile(pooled, TAIL, axis=0) - centre, TINY)
    centre, width = _with_repetitions(reference, centre, width)
    largest = [np.nanmax((stream - centre) / width, axis=1) for stream in streams]
    return Calibration(
        panel_of(reference.names, intervals=reference.has_intervals),
        centre,
        width,
        _limit(largest, every),
        every,
        len(reference),
    )


def _with_repetitions(reference: Observations, centre: Vector, width: Vector) -> tuple[Vector, Vector]:
    """The null of repeated values: paths have none, real inputs have some, so the reference's own maximum counts.

    At least three repetitions in a window are no alarm.
    """
    statistics = np.nan_to_num(statistics_of(reference, scale_of(reference)))
    highest = statistics.max(axis=0)
    for number, check in enumerate(panel_of(reference.names, intervals=reference.has_intervals)):
        if check.kind == "repeated":
            centre[number] = 0.0
            width[number] = max(highest[number], REPETITIONS / check.window)
    return centre, width


def _on_path(path: Observations, reference: int) -> Matrix:
    """The statistics on what follows the first sessions of a path, which are its own reference."""
    scale = scale_of(path.take(np.arange(reference)))
    live = path.take(np.arange(reference - QUIET, len(path)))
    return statistics_of(live, scale)[QUIET:]


def onsets(alarms: npt.NDArray[np.bool_]) -> npt.NDArray[np.intp]:
    """The sessions at which an alarm begins: none in the 60 sessions before."""
    rows = np.flatnonzero(alarms)
    return rows[np.diff(rows, prepend=-QUIET - 1) > QUIET]


def _limit(largest: list[Vector], every: int) -> float:
    """The least limit at which alarms begin at most once in ``every`` sessions over all streams, and above it too."""
    allowed = sum(map(len, largest)) / every
    limit = np.inf
    for candidate in np.quantile(np.concatenate(largest), np.linspace(1.0, 0.5, 1001)):
        if sum(len(onsets(stream > candidate)) for stream in largest) > allowed:
            break
        limit = float(candidate)
    return limit
