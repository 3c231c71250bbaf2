"""Thresholds from the walk-forward itself: whole sessions are resampled in blocks, and the panel is run on them.

Textbook thresholds assume independent values. Inputs such as moving averages and errors such as those of a market are
not: most of them would raise alarms on series that did not change. Here every statistic is divided by its own
distribution on resampled sessions, and one limit on the largest of all holds the rate of false alarms of the panel.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from core.errors import DataError
from core.types import Matrix, Vector

from .channels import scale_of
from .observations import Observations
from .statistics import WINDOWS, Check, panel_of, statistics_of

STREAMS = 100
LENGTH = 500
"""Resampled streams, and their sessions."""
FALSE_ALARM_EVERY = 500
"""Sessions in which one false alarm of the whole panel is expected."""
MIN_SESSIONS = 250
TAIL = 0.999
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
    block : sessions of the resampled blocks.
    sessions : of the reference.
    """

    checks: tuple[Check, ...]
    centre: Vector
    width: Vector
    limit: float
    every: int
    block: int
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
    generator = np.random.default_rng(seed)
    block = block_length(reference)
    streams = [_stream(reference, block, generator) for _ in range(STREAMS)]
    pooled = np.concatenate(streams)
    centre = np.nanmedian(pooled, axis=0)
    width = np.maximum(np.nanquantile(pooled, TAIL, axis=0) - centre, 1e-9)
    largest = [np.nanmax((stream - centre) / width, axis=1) for stream in streams]
    return Calibration(panel_of(reference.names), centre, width, _limit(largest, every), every, block, len(reference))


def _stream(reference: Observations, block: int, generator: np.random.Generator) -> Matrix:
    scale = scale_of(reference.take(resampled(len(reference), len(reference), block, generator)))
    length = QUIET + LENGTH
    rows = resampled(len(reference), length, block, generator)
    return statistics_of(reference.take(rows, pd.RangeIndex(length)), scale)[QUIET:]


def resampled(sessions: int, length: int, block: int, generator: np.random.Generator) -> npt.NDArray[np.intp]:
    """(length,) session numbers in blocks that begin anywhere and wrap round (the circular block bootstrap)."""
    starts = generator.integers(0, sessions, -(-length // block))
    return ((starts[:, None] + np.arange(block)).ravel()[:length] % sessions).astype(np.intp)


def block_length(reference: Observations) -> int:
    """The longest of the optimal block lengths of inputs, prediction, squared errors and volatility.

    References
    ----------
    Politis, D. and White, H. (2004), Automatic block-length selection for the dependent bootstrap, Econometric Reviews
    23(1), with the correction of Patton, Politis and White (2009).
    """
    from arch.bootstrap import optimal_block_length

    from .channels import error_channels, input_channels

    scale = scale_of(reference)
    errors = error_channels(reference, scale)
    columns = np.concatenate([input_channels(reference, scale)[:, :, 0], errors[:, [1, 5]]], axis=1)
    columns = columns[~np.isnan(columns).any(axis=1)]
    varying = columns[:, columns.std(axis=0) > 1e-12]
    lengths = optimal_block_length(varying)["circular"].to_numpy() if varying.size else np.array([5.0])
    longest = float(np.nanmax(lengths)) if np.isfinite(lengths).any() else len(reference) / 4
    return int(np.clip(np.ceil(longest), 5, len(reference) // 4))


def onsets(alarms: npt.NDArray[np.bool_]) -> npt.NDArray[np.intp]:
    """The sessions at which an alarm begins: none in the 60 sessions before."""
    rows = np.flatnonzero(alarms)
    return rows[np.diff(rows, prepend=-QUIET - 1) > QUIET]


def _limit(largest: list[Vector], every: int) -> float:
    """The limit at which alarms begin once in ``every`` sessions over all streams."""
    sessions = sum(map(len, largest))
    candidates = np.quantile(np.concatenate(largest), np.linspace(0.5, 1.0, 400))
    counts = [sum(len(onsets(stream > limit)) for stream in largest) for limit in candidates]
    allowed = sessions / every
    enough = [limit for limit, count in zip(candidates[::-1], counts[::-1], strict=True) if count > allowed]
    return float(enough[0]) if enough else float(candidates[0])
