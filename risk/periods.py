"""The calendar of a series of returns: the period of one return, sessions in a year, holes; annual rates per period."""

from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeAlias

import numpy as np
import pandas as pd

from core.clock import DAYS_PER_YEAR
from core.errors import DataError
from core.types import Rows

EXCHANGE, WEEKDAYS, EVERY_DAY = 252.0, 260.0, 365.0
SATURDAY = 5
YEAR = 365
"""Days of data from which an exchange's holidays distinguish it from every weekday."""
HOLE_DAYS, HOLE_STEPS = 15, 5.0
"""A hole is longer than this many days, and than this many median steps; a week of holidays is none."""

Period: TypeAlias = Literal["day", "week", "month", "quarter", "year", "session"]
PERIODS: tuple[tuple[Period, int, int], ...] = (
    ("day", 1, 1),
    ("week", 5, 9),
    ("month", 26, 35),
    ("quarter", 85, 97),
    ("year", 360, 372),
)
"""Periods with the shortest and the longest median step in days."""
ADJECTIVES = {"day": "daily", "week": "weekly", "month": "monthly", "quarter": "quarterly", "year": "yearly"}


@dataclass(frozen=True)
class Calendar:
    """The sessions of a series of returns, as annual figures and labels need them.

    Attributes
    ----------
    periods_per_year : sessions in a year without the holes, or as stated.
    with_holes : the same, the holes counted as time.
    period : of one return, by the median step between sessions; ``session`` where that has no name.
    holes : the last session before each hole and the first one after it.
    """

    periods_per_year: float
    with_holes: float
    period: Period
    holes: tuple[tuple[pd.Timestamp, pd.Timestamp], ...]

    @property
    def adjective(self) -> str:
        """``daily``, ``weekly``, ``monthly``, ``quarterly``, ``yearly`` or ``session``."""
        return adjective(self.period)


def adjective(period: str) -> str:
    """The adjective of a period; ``session`` stays.

    >>> adjective("week"), adjective("session")
    ('weekly', 'session')
    """
    return ADJECTIVES.get(period, period)


def calendar(sessions: pd.DatetimeIndex, setting: float | Literal["auto"] = "auto") -> Calendar:
    """The calendar of sessions; ``auto`` counts the sessions in a year.

    ``auto`` counts the steps between sessions per year of 365.25 days and takes the nearest customary number that is
    within 3 %: 252 (an exchange), 260 (every weekday) or 365 (every day; only if a session falls on a weekend).
    Otherwise the count itself is used, for example 52.18 for weekly data. Three cases differ:

    - **holes**, steps of more than 15 days and of more than five median steps, are left out of steps and time;
    - a short span may lack one weekend: three days of it are added to the tolerance;
    - less than a year has too few holidays to distinguish an exchange from every weekday: what is near 260 is taken for
      an exchange, and so are fewer than two sessions.

    Parameters
    ----------
    sessions : (T,) days at 00:00, strictly increasing, as :func:`core.clock.sessions` gives them, each once.
    setting : ``auto``, or the sessions in a year.

    Raises
    ------
    DataError
        The sessions are not days, or not strictly increasing.

    >>> days = pd.bdate_range("2015-01-01", "2019-12-31")
    >>> found = calendar(days[days.year != 2017])
    >>> found.periods_per_year, round(found.with_holes, 1), found.period, len(found.holes)
    (260.0, 208.7, 'day', 1)
    """
    if not (sessions.is_monotonic_increasing and sessions.is_unique and sessions.equals(sessions.normalize())):
        raise DataError("sessions must be days at 00:00 in increasing order, each once; see core.clock.sessions")
    steps = np.asarray((sessions[1:] - sessions[:-1]).days, dtype=np.int64)
    if not len(steps):
        return Calendar(EXCHANGE if setting == "auto" else float(setting), EXCHANGE, "session", ())
    median = _lower_median(steps)
    is_hole = steps > max(HOLE_DAYS, HOLE_STEPS * median)
    has_weekend = bool((sessions.day_of_week >= SATURDAY).any())
    kept, plain = (_snapped(chosen, has_weekend=has_weekend) for chosen in (steps[~is_hole], steps))
    rows = np.flatnonzero(is_hole)
    holes = tuple(zip(sessions[rows], sessions[rows + 1], strict=True))
    return Calendar(kept if setting == "auto" else float(setting), plain, _period(median), holes)


def periods_per_year(sessions: pd.DatetimeIndex, setting: float | Literal["auto"] = "auto") -> float:
    """Sessions in a year: the setting, or the count in the data's calendar; see :func:`calendar`.

    Raises
    ------
    DataError
        The count is wanted, and the sessions are not days, or not strictly increasing.

    >>> periods_per_year(pd.date_range("2020-01-01", "2022-12-31"))
    365.0
    """
    return calendar(sessions).periods_per_year if setting == "auto" else float(setting)


def period_rate(annual: float, periods_per_year: float) -> float:
    """The rate of one period that compounds to an annual rate.

    Parameters
    ----------
    annual : rate, a fraction above -1.
    periods_per_year : above 0.

    >>> period_rate(0.21, 2.0)
    0.10000000000000009
    """
    return float((1.0 + annual) ** (1.0 / periods_per_year) - 1.0)


class Year(NamedTuple):
    """A year of returns, for annual figures.

    Attributes
    ----------
    periods : in a year.
    risk_free : the annual rate.
    """

    periods: float
    risk_free: float

    @property
    def rate(self) -> float:
        """The risk-free rate of a period."""
        return period_rate(self.risk_free, self.periods)


def _lower_median(steps: Rows) -> int:
    return int(np.sort(steps)[(len(steps) - 1) // 2])


def _period(median: int) -> Period:
    return next((name for name, least, most in PERIODS if least <= median <= most), "session")


def _snapped(steps: Rows, *, has_weekend: bool) -> float:
    """Sessions in a year by the steps between them, days."""
    days = int(steps.sum())
    count = len(steps) / days * DAYS_PER_YEAR
    customary = [EXCHANGE, WEEKDAYS] + [EVERY_DAY] * has_weekend
    nearest = min(customary, key=lambda periods: abs(count / periods - 1.0))
    if abs(count / nearest - 1.0) > 0.03 + 3.0 / days:
        return count
    return EXCHANGE if nearest == WEEKDAYS and days < YEAR else nearest
