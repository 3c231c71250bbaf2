"""Bars and signals as a backtrader feed, filled in bulk.

backtrader's own pandas feed reads nine cells per bar one by one, a third of the time of a run. This one copies whole
columns. It is otherwise a feed like any other: ``cerebro.adddata(SignalFeed(dataname=frame), name="nasdaq")``.
"""

from array import array
from collections.abc import Iterable, Sequence
from typing import Any
from zoneinfo import ZoneInfo

import backtrader as bt
import numpy as np
import pandas as pd

from core.clock import split_zone
from core.errors import ConfigError, DataError
from core.types import PRICES, Vector
from engine.backtest.feed_checks import SIGNALS, check_prices, check_signals, check_times

ORDINAL_OF_1970 = 719163
"""Proleptic Gregorian ordinal of 1970-01-01, backtrader's unit of time."""


class SignalFeed(bt.feed.DataBase):
    """A feed with two more lines, ``prediction`` and ``confidence``.

    Parameters
    ----------
    dataname : frame with the columns open, high, low, close and, if there are any, volume, prediction and confidence.
        The index holds strictly increasing times in whole seconds; aware times are taken to UTC. Daily bars must be
        stamped at midnight in every feed of a run: feeds that differ in the time of day are not traded together.
        Prices are finite and positive. A NaN prediction is no opinion; without these columns all are NaN.

    Raises
    ------
    DataError
        The frame is not as described; the message names the row.
    """

    lines = SIGNALS
    features: tuple[str, ...] = ()
    """Further columns that are lines, in a subclass; NaN is allowed."""

    def __init__(self) -> None:
        super().__init__()
        self._columns = columns_of(self.p.dataname, self.p.name or "feed", self.features)
        self._rows = len(self.p.dataname)
        self._next_row = 0

    def start(self) -> None:
        """Begin at the first bar."""
        super().start()
        self._next_row = 0

    def preload(self) -> None:
        """Copy the columns, or, where filters, dates or time zones are set, deliver bar by bar."""
        options = (self._filters, self.p.fromdate, self.p.todate, self.p.tz, self.p.tzinput)
        if any(options):
            super().preload()
            return
        empty = array("d", [float("nan")]) * self._rows
        for name in self.getlinealiases():
            line = getattr(self.lines, name)
            line.array = array("d", self._columns[name].tobytes() if name in self._columns else empty)
            line.array.extend([float("nan")] * line.extension)
        self._next_row = self._rows  # nothing is left to be loaded bar by bar
        self.home()

    def _load(self) -> bool:
        if self._next_row >= self._rows:
            return False
        for name, values in self._columns.items():
            getattr(self.lines, name)[0] = values[self._next_row]
        self._next_row += 1
        return True


def columns_of(frame: pd.DataFrame, name: str, features: Sequence[str] = ()) -> dict[str, Vector]:
    """The checked columns of a feed by the name of its line, ``datetime`` included.

    Parameters
    ----------
    frame : as :class:`SignalFeed` takes it.
    name : the symbol, for messages.
    features : further columns.
    """
    missing = [column for column in PRICES if column not in frame]
    if missing:
        raise DataError(f"{name}: the frame has no column {missing[0]!r}; a feed needs {', '.join(PRICES)}")
    columns = {
        column: _numbers(frame, column) for column in (*PRICES, "volume", *SIGNALS, *features) if column in frame
    }
    stamps = numbers_of(frame.index, name)
    check_prices(columns, frame.index, name)
    check_signals(columns, frame.index, name)
    return {"datetime": stamps, **columns}


def _numbers(frame: pd.DataFrame, column: str) -> Vector:
    return np.ascontiguousarray(frame[column].to_numpy(dtype=np.float64))


def numbers_of(times: Any, name: str) -> Vector:
    """Backtrader's numbers of times: days since year 1, UTC, to the bit of its own ``date2num``.

    Raises
    ------
    DataError
        Not times, not strictly increasing, or finer than a second: backtrader would reorder or merge them silently.
    """
    if not isinstance(times, pd.DatetimeIndex):
        raise DataError(f"{name}: the index holds {times.dtype}; it must hold times (a pandas DatetimeIndex)")
    naive = times.tz_convert("UTC").tz_localize(None) if times.tz is not None else times
    naive = naive.as_unit("ns")
    check_times(naive, name)
    if (naive == naive.normalize()).all():
        return np.asarray(naive.as_unit("s").asi8 // 86_400 + ORDINAL_OF_1970, dtype=np.float64)
    return np.array([bt.date2num(time) for time in naive.to_pydatetime()], dtype=np.float64)


def times_of(numbers: Iterable[float], zone: str, *, utc: bool = False) -> pd.DatetimeIndex:
    """Times from backtrader's numbers, the inverse of :func:`numbers_of`, cut to milliseconds.

    Parameters
    ----------
    numbers : naive, in days since year 1.
    zone : IANA name of the time zone that the numbers are times of, with or without the end of its sessions.
    utc : True where they are times of UTC already.

    Returns
    -------
    Aware UTC times, ns.

    Raises
    ------
    ConfigError
        The zone is unknown, or its clock shows a time twice or never.
    """
    # Numbers are exact to about 10 microseconds; the end of a day, 23:59:59.999989, must not become the next day.
    naive = pd.DatetimeIndex([bt.num2date(number) for number in numbers]).as_unit("ns").floor("ms")
    if utc:
        return naive.tz_localize("UTC")
    try:
        return naive.tz_localize(ZoneInfo(split_zone(zone)[1])).tz_convert("UTC")
    except (ValueError, KeyError) as error:
        raise ConfigError(
            f"zone={zone!r}: {error}; name another zone, or set utc=True where the feeds are UTC"
        ) from error
