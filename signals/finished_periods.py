"""Bars of a coarser size, made of finished periods only: what was known of them at each finer bar.

A period is finished at its last bar if that bar alone says so, else at the first bar of the next period. Nothing after
a bar decides whether a period is finished at it, and no calendar of holidays is used: so a history that is cut off
gives the same values.
"""

import re
from dataclasses import dataclass
from typing import Annotated, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd
from pydantic import AfterValidator
from pydantic_core import PydanticCustomError

from core.clock import sessions, split_zone
from core.errors import DataError
from core.types import Bars, Rows, read_only

DAY = 86_400 * 10**9
CALENDAR = ("day", "week", "month", "quarter")
"""Periods of whole sessions."""
CLOCK = re.compile(r"([1-9]\d{0,3})(min|h)|hour")
STEPS = 20
"""The bars before a bar from which their size, and so the time of the next one, is derived."""
WEEKEND_DAYS = 21
"""Days before a bar; a market without a session on a weekend in them is not expected to have one on the next."""
ENOUGH = 60
"""Bars from which on a period that never holds two of them is refused."""
SATURDAY = 5


def _period(text: str) -> str:
    if text in CALENDAR:
        return text
    if CLOCK.fullmatch(text) and DAY % _length(text) == 0 and _length(text) < DAY:
        return text
    raise PydanticCustomError(
        "period",
        "must be {calendar}, hour, or minutes or hours that divide a day, as 15min or 4h",
        {"calendar": ", ".join(CALENDAR)},
    )


Period: TypeAlias = Annotated[str, AfterValidator(_period)]
"""``week``, ``month``, ``quarter``, ``day``, ``hour``, or minutes or hours that divide a day: ``15min``, ``4h``."""


def _length(text: str) -> int:
    """The length of a period of the clock in nanoseconds."""
    match = CLOCK.fullmatch(text)
    number = int(match[1] or 1) if match else 1
    return number * (60 if match and match[2] == "min" else 3600) * 10**9


@dataclass(frozen=True, eq=False)
class FinishedPeriods:
    """A symbol's bars of a coarser size.

    Attributes
    ----------
    bars : C bars, each of one finished period: first open, highest high, lowest low, last close, summed volume. The
        time is that of the finer bar at which the period was known to be finished.
    known_row : (C,) the row of that finer bar, not decreasing.
    """

    bars: Bars
    known_row: Rows


def finished_periods(bars: Bars, zone: str, every: str) -> FinishedPeriods:
    """The finished periods of a symbol's bars.

    The first period is left out, as data may begin in the middle of it, and so are those of the first
    :data:`STEPS` bars; periods of a week and more begin :data:`WEEKEND_DAYS` after the data do.

    Parameters
    ----------
    bars : T bars.
    zone : of the market's sessions: a day is a session, a week begins with Monday's session. Minutes and hours are
        counted from the begin of a session.
    every : a :data:`Period`.

    Raises
    ------
    DataError
        The bars are no shorter than the period.
    """
    if not len(bars):
        return FinishedPeriods(bars, np.empty(0, dtype=np.intp))
    days = sessions(bars.times, zone)
    times = bars.times.as_unit("ns").asi8
    step = _steps(times, days)
    label, is_last = (
        _clock(times, zone, every, step) if CLOCK.fullmatch(every) else _calendar(days, zone, times, every, step)
    )
    first, end, finished_row = _groups(label, is_last)
    if len(bars) >= ENOUGH and len(end) == len(bars):
        raise DataError(
            f"{bars.symbol}: a feature is computed every {every}, but no {every} has two bars; take a longer period"
        )
    late_enough = (np.arange(len(end)) > 0) & (finished_row > STEPS) & (finished_row < len(bars))
    if every in CALENDAR[1:]:
        late_enough &= np.asarray((days[first] - days[0]).days >= WEEKEND_DAYS)
    return _merged(bars, first[late_enough], end[late_enough], finished_row[late_enough])


def _steps(times: Rows, days: pd.DatetimeIndex) -> npt.NDArray[np.int64]:
    """(T,) the size of bars as known at each: the shortest of the last steps within a session, ns.

    0 where the last :data:`STEPS` steps all lead to another session: bars of a day or more; -1 where there are fewer.
    """
    within = np.diff(days.as_unit("ns").asi8, prepend=-1) == 0
    none = np.iinfo(np.int64).max
    steps = np.where(within, np.diff(times, prepend=times[:1]), none)
    padded = np.concatenate([np.full(STEPS - 1, none), steps])
    shortest = np.lib.stride_tricks.sliding_window_view(padded, STEPS).min(axis=1)
    size = np.where(shortest == none, 0, shortest)
    size[:STEPS] = -1
    return size


def _clock(times: Rows, zone: str, every: str, step: Rows) -> tuple[Rows, npt.NDArray[np.bool_]]:
    """(T,) the end of each bar's period, ns, and whether the next bar would close after it."""
    length = _length(every)
    # A bar that closes where a session begins belongs to the period that ends there.
    before = pd.DatetimeIndex(times - 1, tz="UTC")
    begin = _begins(sessions(before, zone), zone)
    end = begin - (-(times - begin) // length) * length
    return end, (step > 0) & (times + step > end)


def _begins(days: pd.DatetimeIndex, zone: str) -> Rows:
    """(T,) the UTC time at which each session begins, ns."""
    session_end, name = split_zone(zone)
    local = days - pd.Timedelta(days=1) + pd.Timedelta(f"{session_end}:00") if session_end else days
    aware = local.tz_localize(name, nonexistent="shift_forward", ambiguous=np.ones(len(local), dtype=bool))
    return aware.tz_convert("UTC").as_unit("ns").asi8


def _calendar(
    days: pd.DatetimeIndex, zone: str, times: Rows, every: str, step: Rows
) -> tuple[Rows, npt.NDArray[np.bool_]]:
    """(T,) the number of each bar's period, and whether the next bar would be in a later one."""
    label = _number(days, every)
    following = sessions(pd.DatetimeIndex(times + np.maximum(step, 0), tz="UTC"), zone)
    following = following.where(step > 0, days + pd.Timedelta(days=1))
    weekday = following.day_of_week.to_numpy()
    skipped = np.where((weekday >= SATURDAY) & ~_has_weekends(days), 7 - weekday, 0)
    expected = following + pd.to_timedelta(skipped, unit="D")
    return label, (step >= 0) & (_number(expected, every) > label)


def _has_weekends(days: pd.DatetimeIndex) -> npt.NDArray[np.bool_]:
    """(T,) whether the market had a session on a weekend in the days before each bar."""
    number = days.as_unit("ns").asi8 // DAY
    last = np.maximum.accumulate(np.where(days.day_of_week >= SATURDAY, number, number[0] - WEEKEND_DAYS - 1))
    return np.asarray(number - last <= WEEKEND_DAYS)


def _number(days: pd.DatetimeIndex, every: str) -> Rows:
    """(T,) a number of the period that each session is in."""
    number = days.as_unit("ns").asi8 // DAY
    if every == "day":
        return number
    if every == "week":
        return (number + 3) // 7  # 1970-01-01 was a Thursday
    months = 12 * days.year.to_numpy() + days.month.to_numpy() - 1
    return np.asarray(months if every == "month" else months // 3, dtype=np.int64)


def _groups(label: Rows, is_last: npt.NDArray[np.bool_]) -> tuple[Rows, Rows, Rows]:
    """The first row, the last row and the row at which each period is known to be finished.

    A bar that comes after the one that was expected to be the last, as on an unscheduled session, belongs to the next
    period: what was known is not changed afterwards.
    """
    number = np.cumsum(np.diff(label, prepend=label[:1]) != 0)
    count = int(number[-1]) + 1
    rows = np.arange(len(label))
    last_row = np.searchsorted(number, np.arange(count), side="right") - 1
    expected = np.full(count, len(label))
    np.minimum.at(expected, number[is_last], rows[is_last])
    end = np.minimum(expected, last_row)
    finished_row = np.where(expected <= last_row, expected, last_row + 1)
    return np.append(0, end[:-1] + 1), end, finished_row


def _merged(bars: Bars, first: Rows, end: Rows, finished_row: Rows) -> FinishedPeriods:
    if not len(first):
        return FinishedPeriods(bars.between(None, bars.times[0] - pd.Timedelta(1)), finished_row)
    stop = end[-1] + 1
    high = np.maximum.reduceat(bars.high[:stop], first)
    low = np.minimum.reduceat(bars.low[:stop], first)
    volume = np.add.reduceat(bars.volume[:stop], first)
    times = bars.times[finished_row].as_unit("ns").asi8
    # Two periods may become known at one bar; then the earlier one was a moment earlier.
    times = np.where(np.append(finished_row[1:] == finished_row[:-1], False), times - 1, times)
    index = pd.DatetimeIndex(times, tz="UTC")
    columns = (bars.open[first], high, low, bars.close[end], volume)
    return FinishedPeriods(Bars(bars.symbol, index, *map(read_only, columns)), finished_row)
