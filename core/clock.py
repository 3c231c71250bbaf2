"""The one clock.

The index of every table is the bar's **close** time in UTC, strictly increasing. Row ``t`` may use what was known at
or before close ``t``; a decision at ``t`` is filled at the open of the symbol's next bar. A *session* is the calendar
day of a close in the market's own time zone: daily returns are made per session, and backtrader is fed the session's
date at 00:00.
"""

from zoneinfo import ZoneInfo

import pandas as pd

DAYS_PER_YEAR = 365.25


def sessions(times: pd.DatetimeIndex, zone: str) -> pd.DatetimeIndex:
    """The session of each time: naive midnights, one per time, in order; equal for bars of one day.

    Parameters
    ----------
    times : aware UTC close times.
    zone : IANA name of the market's time zone, whose calendar days are the sessions; or with the time at which a
        session ends before it, ``17:00 America/New_York``: what closes later belongs to the next day's session.

    Examples
    --------
    >>> sunday = pd.DatetimeIndex(["2020-01-05 23:00"], tz="UTC")
    >>> [f"{sessions(sunday, zone)[0]:%a}" for zone in ("America/New_York", "17:00 America/New_York")]
    ['Sun', 'Mon']
    """
    end, name = split_zone(zone)
    local = times.tz_convert(ZoneInfo(name)).tz_localize(None)
    if end:
        local = local + (pd.Timedelta(days=1) - pd.Timedelta(f"{end}:00") - pd.Timedelta(1, "ns"))
    return local.normalize()


def split_zone(zone: str) -> tuple[str, str]:
    """The time at which sessions end, empty for midnight, and the IANA name, of a market's zone."""
    end, _, name = zone.rpartition(" ")
    return end, name


def closes(days: pd.DatetimeIndex, time: str, zone: str) -> pd.DatetimeIndex:
    """The UTC close times of date-only bars: each day at ``time`` (HH:MM) in ``zone``.

    Parameters
    ----------
    days : naive midnights.
    """
    local = days + pd.Timedelta(f"{time}:00")
    return local.tz_localize(ZoneInfo(zone)).tz_convert("UTC")
