"""Sessions in a year, counted in the data or as stated, and annual rates per period."""

from typing import Literal

import pandas as pd

from core.clock import DAYS_PER_YEAR
from core.errors import DataError

EXCHANGE, WEEKDAYS, EVERY_DAY = 252.0, 260.0, 365.0
SATURDAY = 5


def periods_per_year(sessions: pd.DatetimeIndex, setting: float | Literal["auto"] = "auto") -> float:
    """Sessions in a year: the setting, or the count in the data's calendar.

    ``auto`` counts the steps between sessions per year of 365.25 days and takes the nearest customary number that is
    within 3 %: 252 (an exchange), 260 (every weekday) or 365 (every day; only if a session falls on a weekend).
    Otherwise the count itself is used, for example 52.18 for weekly data. Two cases differ:

    - a short span may lack one weekend: three days of it are added to the tolerance;
    - less than a year has too few holidays to distinguish an exchange from every weekday: it is taken for an
      exchange, and so are fewer than two sessions.

    Parameters
    ----------
    sessions : (T,) days at 00:00, strictly increasing, as :func:`core.clock.sessions` gives them, each once.
    setting : ``auto``, or a number that is returned.

    Raises
    ------
    DataError
        The sessions are not days, or not strictly increasing.

    >>> periods_per_year(pd.date_range("2020-01-01", "2022-12-31"))
    365.0
    """
    if setting != "auto":
        return float(setting)
    if not (sessions.is_monotonic_increasing and sessions.is_unique and sessions.equals(sessions.normalize())):
        raise DataError("sessions must be days at 00:00 in increasing order, each once; see core.clock.sessions")
    return _snapped(sessions) if len(sessions) > 1 else EXCHANGE


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


def _snapped(sessions: pd.DatetimeIndex) -> float:
    days = (sessions[-1] - sessions[0]).days
    count = (len(sessions) - 1) / days * DAYS_PER_YEAR
    has_weekend = bool((sessions.day_of_week >= SATURDAY).any())
    customary = [EXCHANGE] + [WEEKDAYS] * (days >= EVERY_DAY) + [EVERY_DAY] * has_weekend
    nearest = min(customary, key=lambda periods: abs(count / periods - 1.0))
    return nearest if abs(count / nearest - 1.0) <= 0.03 + 3.0 / days else count
