"""Dates and times: gaps, week-ends, mixed bar sizes, the clock."""

import warnings
from collections.abc import Iterator
from functools import cache
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
import pandas as pd

from core.clock import split_zone
from core.errors import DataError, install_hint

from .finding import Finding, Series, dates

GAP = 30  # days without a bar, of bars of any size
MISSING = 10  # weekdays in a row without a bar: more than any exchange's holidays
MISSING_DAYS = 3  # the same for a market that is open every day
FEWEST = 3  # sessions of a size that are no accident
ENOUGH = 20
SEVERAL = 3  # bars of a session within the day
FEW = 5
BUILT_IN = ("24/7", "fx", "weekdays")


def calendars(series: Series) -> Iterator[Finding]:
    """All findings about dates and times."""
    for check in (_gap, _weekend, _mixed_sizes, _clock):
        yield from check(series)


def known_calendar(name: str) -> str:
    """The name of a calendar, built in or of the library exchange_calendars.

    Raises
    ------
    DataError
        The library is not installed, or has no such calendar.
    """
    if name not in BUILT_IN:
        _exchange(name)
    return name


def _exchange(name: str) -> "frozenset[str]":
    try:
        import exchange_calendars
    except ImportError as error:
        hint = f"{install_hint('calendars')}, or state one of {', '.join(BUILT_IN)}"
        raise DataError(f"data.calendar {name!r}: exchange_calendars is not installed; {hint}") from error
    names = frozenset(exchange_calendars.get_calendar_names())
    if name not in names:
        raise DataError(f"data.calendar {name!r}: exchange_calendars has no such calendar; give a code such as XNYS")
    return names


@cache
def expected_days(name: str, first: pd.Timestamp, last: pd.Timestamp) -> pd.DatetimeIndex:
    """The sessions of a calendar between two dates, both included."""
    if name in BUILT_IN:
        return pd.date_range(first, last, freq="D" if name == "24/7" else "B")
    _exchange(name)
    import exchange_calendars

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pandas warns of what the library calls
        calendar = exchange_calendars.get_calendar(name, start=first, end=max(last, first + pd.Timedelta(days=7)))
        sessions = pd.DatetimeIndex(calendar.sessions).tz_localize(None).normalize()
    return sessions[(sessions >= first) & (sessions <= last)]


def against(series: Series, name: str) -> Iterator[Finding]:
    """Days of a stated calendar without a bar, and bars on days that it does not have: counts and dates."""
    have = series.unique_days
    expected = expected_days(name, have[0], have[-1])
    missing = expected.difference(have)
    extra = have.difference(expected)
    if len(missing):
        text = f"{len(missing)} of {len(expected)} sessions of {name} have no bar: {dates(missing)}"
        yield Finding("calendar", text)
    if len(extra):
        text = f"{len(extra)} sessions with bars are no sessions of {name}: {dates(extra)}"
        yield Finding("calendar", text, rows=tuple(series.days.searchsorted(extra).tolist()))


def _gap(series: Series) -> Iterator[Finding]:
    days = series.unique_days
    steps = np.diff(days.as_unit("s").asi8) / 86_400
    if not len(steps):
        return
    wide = np.flatnonzero(steps > max(GAP, 3 * float(np.median(steps))))
    what = f"of more than {GAP} days"
    if not len(wide) and series.step_days < 5:
        every_day = _every_day(days)
        limit = MISSING_DAYS if every_day else MISSING
        wide = np.flatnonzero(_missing(days) >= limit)
        what = f"of {limit} {'days' if every_day else 'weekdays'} or more"
    if not len(wide):
        return
    last = int(wide[steps[wide].argmax()])
    count = f"{len(wide)} gap{'s' if len(wide) > 1 else ''} {what}"
    yield Finding(
        "gap",
        f"{count}, the longest {steps[last]:.0f} days from {days[last]:%Y-%m-%d} to {days[last + 1]:%Y-%m-%d}",
        rows=tuple(series.days.searchsorted(days[wide + 1]).tolist()),
    )


def _missing(days: pd.DatetimeIndex) -> npt.NDArray[np.int64]:
    """(T - 1,) days, or weekdays if the series has no week-ends, missing between neighbours."""
    dates_only = days.to_numpy().astype("M8[D]")
    mask = "1111111" if _every_day(days) else "1111100"
    return np.asarray(np.busday_count(dates_only[:-1] + 1, dates_only[1:], weekmask=mask))


def _counts(days: pd.DatetimeIndex) -> npt.NDArray[np.intp]:
    """(7,) sessions by weekday, Monday first."""
    return np.bincount(days.day_of_week.to_numpy(), minlength=7)


def _every_day(days: pd.DatetimeIndex) -> bool:
    counts = _counts(days)
    return bool(counts[5:].min() >= 0.5 * counts[:5].max())


def _weekend(series: Series) -> Iterator[Finding]:
    """Sessions on Saturdays and Sundays of a market that is not open every day, nor from Sunday to Thursday."""
    days = series.unique_days
    if series.step_days > 3 or len(days) < FEW or _every_day(days):
        return
    counts = _counts(days)
    sunday_market = counts[6] >= 0.5 * counts[:4].max() and counts[4] + counts[5] <= 0.1 * counts[6]
    if sunday_market or not counts[5:].sum():
        return
    weekend = days[days.day_of_week >= 5]
    names = " and ".join(
        f"{count} {name}{'s' if count > 1 else ''}"
        for count, name in zip(counts[5:], ("Saturday", "Sunday"), strict=True)
        if count
    )
    sundays = counts[6] > 0.3 * counts[:5].max()
    advice = (
        'state where sessions end, for currencies `data.session_end: "17:00 America/New_York"`, or '
        if sundays
        else "each counts as a session with a return; "
    )
    yield Finding(
        "weekend",
        f"there are bars on {names}: {dates(weekend)}",
        f"{advice}`data.repair: [drop_weekend]`",
        tuple(series.days.searchsorted(weekend).tolist()),
    )


def _mixed_sizes(series: Series) -> Iterator[Finding]:
    """Sessions of one bar beside sessions of many, one stretch after the other: two files in one."""
    if not series.intraday:
        yield from _mixed_steps(series)
        return
    days, counts = np.unique(series.days.to_numpy(), return_counts=True)
    if len(counts) < ENOUGH or counts.max() < SEVERAL:
        return
    single = counts == 1
    changes = np.flatnonzero(np.diff(single.astype(int)))
    if not (FEWEST <= single.sum() <= len(counts) - FEWEST) or len(changes) > 2:
        return
    usual = int(np.median(counts[~single]))
    change = pd.Timestamp(days[changes[0] + 1])
    yield Finding(
        "mixed_sizes",
        f"bar sizes are mixed: {int(single.sum())} sessions have one bar, {int((~single).sum())} have {usual}; the "
        f"size changes on {change:%Y-%m-%d}: cut it off with data.start or data.end",
        rows=(int(series.days.searchsorted(change)),),
    )


def _mixed_steps(series: Series) -> Iterator[Finding]:
    """Daily bars beside weekly or monthly ones, one stretch after the other."""
    steps = np.diff(series.days.as_unit("s").asi8) / 86_400
    daily = steps < 5
    if len(steps) < ENOUGH or not (2 * FEW < daily.sum() < len(steps) - 2 * FEW):
        return
    split = int(np.abs(np.cumsum(daily - daily.mean())).argmax()) + 1
    parts = daily[:split].mean(), daily[split:].mean() if split < len(daily) else 0.5
    if min(parts) < 0.05 and max(parts) > 0.95:
        change = series.days[split]
        text = f"bar sizes are mixed: steps of days on one side of {change:%Y-%m-%d}, of weeks or months on the other"
        yield Finding("mixed_sizes", text, "cut it off with data.start or data.end", (split,))


def _clock(series: Series) -> Iterator[Finding]:
    """Sessions that begin an hour earlier or later in summer than in winter, on the clock of their own zone."""
    _, name = split_zone(series.zone)
    if series.times is None or not series.intraday or len(series.unique_days) < 4 * ENOUGH:
        return
    local = series.times.tz_convert(ZoneInfo(name))
    starts = np.flatnonzero(np.r_[True, np.diff(series.days.asi8) != 0])
    first = local[starts]
    summer = np.array([bool(stamp.dst()) for stamp in first])
    minutes = np.asarray(first.hour * 60 + first.minute)
    if min(summer.sum(), (~summer).sum()) < ENOUGH or _share(minutes[summer]) < 0.8 or _share(minutes[~summer]) < 0.8:
        return
    winter_start, summer_start = (int(np.bincount(minutes[part]).argmax()) for part in (~summer, summer))
    if abs(winter_start - summer_start) == 60:
        times = [f"{minute // 60:02d}:{minute % 60:02d}" for minute in (winter_start, summer_start)]
        yield Finding(
            "clock",
            f"the first bar of a session closes at {times[0]} in winter and at {times[1]} in summer, {name}: the "
            "stamps are of a clock without summer time, or of another zone",
            "state `stamp_zone` in the source",
        )


def _share(minutes: npt.NDArray[np.int64]) -> float:
    return float(np.bincount(minutes).max() / len(minutes))
