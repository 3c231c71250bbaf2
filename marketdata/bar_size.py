"""The size of a symbol's bars, derived from their stamps alone."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from core.clock import sessions

ENOUGH = 20  # steps below which holidays and gaps could be taken for another size
DAYS = {"daily": 5, "weekly": 20, "monthly": 80}
"""Names of the sizes of a day and more, each with the upper bound of its median step in days."""


@dataclass(frozen=True)
class BarSize:
    """The size of a symbol's bars.

    Attributes
    ----------
    name : ``daily``, ``weekly``, ``monthly``, or for example ``60-minute``.
    intraday : some session has more than one bar.
    certain : there are enough bars to distinguish it from another size of its kind.
    """

    name: str
    intraday: bool
    certain: bool

    def differs(self, other: "BarSize") -> bool:
        """True if two symbols cannot have bars of one size."""
        return self.intraday != other.intraday or (self.certain and other.certain and self.name != other.name)


def bar_size(times: pd.DatetimeIndex, zone: str) -> BarSize:
    """The size of bars.

    Parameters
    ----------
    times : (T,) close times, UTC, increasing.
    zone : IANA time zone whose calendar days are the sessions.
    """
    return size_of(times, sessions(times, zone))


def size_of(times: pd.DatetimeIndex, days: pd.DatetimeIndex) -> BarSize:
    """The size of bars whose sessions are known; parameters as of :func:`bar_size`, and (T,) their sessions."""
    if days.is_unique:
        steps = (days[1:] - days[:-1]).days
        median = float(steps.to_series().median()) if len(steps) else 1.0
        name = next((name for name, below in DAYS.items() if median < below), f"{median:.0f}-day")
        return BarSize(name, False, len(steps) >= ENOUGH)
    same = np.diff(days.as_unit("ns").asi8) == 0
    lengths, counts = np.unique(np.diff(times.as_unit("ns").asi8)[same], return_counts=True)
    return BarSize(_length(int(lengths[counts.argmax()]) // 10**9), True, int(same.sum()) >= ENOUGH)


def _length(seconds: int) -> str:
    return f"{seconds // 60}-minute" if seconds % 60 == 0 else f"{seconds}-second"


def extent(times: pd.DatetimeIndex, zone: str) -> str:
    """The extent of the data in words: bar size, bars a session, sessions and the clock that they are counted on.

    >>> extent(pd.date_range("2020-01-06 21:00", periods=5, tz="UTC"), "UTC")
    'daily bars: 5 sessions (days in UTC) from 2020-01-06 to 2020-01-10'
    """
    days = sessions(times, zone)
    counts = _counts(days)
    size = size_of(times, days)
    usual = np.bincount(counts).argmax()
    rate = f", mostly {usual} a session" if size.intraday else ""
    if size.intraday and usual == 1:
        rate += " (if they are daily, state the zone of their days in data.session_close)"
    span = f"{len(counts)} sessions (days in {zone}) from {days[0]:%F} to {days[-1]:%F}"
    return f"{size.name} bars{rate}: {span}"


def _counts(days: pd.DatetimeIndex) -> npt.NDArray[np.intp]:
    """The number of bars in each session, in order."""
    starts = np.flatnonzero(np.diff(days.as_unit("ns").asi8, prepend=np.iinfo(np.int64).min + 1))
    return np.diff(starts, append=len(days))
