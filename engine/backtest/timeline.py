"""The bars of several symbols on one line of time: the steps of a backtest."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from core.clock import sessions
from core.types import Bars, Matrix, Rows
from risk.delisting import SESSIONS


@dataclass(frozen=True, eq=False)
class Timeline:
    """The bars that are delivered together, and the names of their times.

    Attributes
    ----------
    stamps : by symbol (T,): the naive time that stands for each bar: the session's date for daily bars, the UTC close
        for bars within the day. Bars of one stamp are delivered together.
    closes : by symbol (T,): the UTC close times.
    zone : IANA time zone of the sessions.
    """

    stamps: Mapping[str, pd.DatetimeIndex]
    closes: Mapping[str, pd.DatetimeIndex]
    zone: str

    @classmethod
    def of(cls, bars: Mapping[str, Bars], zone: str) -> "Timeline":
        """The line of some symbols' bars; one symbol with two bars in a session makes all of them intraday."""
        closes = {symbol: item.times for symbol, item in bars.items()}
        stamps = {symbol: sessions(times, zone) for symbol, times in closes.items()}
        if not all(days.is_unique for days in stamps.values()):
            stamps = {symbol: times.tz_localize(None) for symbol, times in closes.items()}
        return cls(stamps, closes, zone)

    @cached_property
    def ticks(self) -> pd.DatetimeIndex:
        """(K,) every stamp once, in order: one step each."""
        return pd.DatetimeIndex(np.unique(np.concatenate([times.as_unit("ns").asi8 for times in self.stamps.values()])))

    @cached_property
    def rows(self) -> Mapping[str, Rows]:
        """By symbol (T,): the step of each bar."""
        return {symbol: self.ticks.get_indexer(times.as_unit("ns")) for symbol, times in self.stamps.items()}

    @cached_property
    def times(self) -> pd.DatetimeIndex:
        """(K,) the time of each step: the latest close of the bars that are delivered together, UTC."""
        latest = np.full(len(self.ticks), np.iinfo(np.int64).min)
        for symbol, rows in self.rows.items():
            latest[rows] = np.maximum(latest[rows], self.closes[symbol].as_unit("ns").asi8)
        return pd.DatetimeIndex(pd.to_datetime(latest, utc=True), name="time").as_unit("ns")

    @cached_property
    def days(self) -> Rows:
        """(K,) the session of each step, as a day's number."""
        return np.asarray(sessions(self.times, self.zone).as_unit("s").asi8 // 86_400, dtype=np.intp)

    @cached_property
    def ends(self) -> Mapping[str, int]:
        """The step at which each symbol that has ended is taken as ended; symbols that have not are left out.

        That is the first step of the session that completes :data:`risk.delisting.SESSIONS` of the account without a
        bar of the symbol. It does not depend on how much later the account ends.
        """
        days, first = np.unique(self.days, return_index=True)
        last = {symbol: int(np.searchsorted(days, self.days[rows[-1]])) for symbol, rows in self.rows.items()}
        return {symbol: int(first[day + SESSIONS]) for symbol, day in last.items() if day + SESSIONS < len(days)}

    def close_at(self, step: int, symbol: str) -> pd.Timestamp:
        """The UTC close time of a symbol's bar at a step; the time of the step if it has none."""
        row = int(self.rows[symbol].searchsorted(step))
        has_bar = row < len(self.rows[symbol]) and self.rows[symbol][row] == step
        return pd.Timestamp(self.closes[symbol][row] if has_bar else self.times[step])

    def last_bars(self) -> "np.ndarray[tuple[int, int], np.dtype[np.intp]]":
        """(K, N) the number of each symbol's latest bar at each step; -1 before its first."""
        bars = np.full((len(self.ticks), len(self.stamps)), -1)
        for column, rows in enumerate(self.rows.values()):
            bars[rows, column] = np.arange(len(rows))
        return np.maximum.accumulate(bars, axis=0)

    def marked(self, bars: Mapping[str, Bars]) -> Matrix:
        """(K, N) the last known close of each symbol at each step; 0 before its first bar."""
        last = self.last_bars()
        columns = [np.append(item.close, 0.0)[last[:, number]] for number, item in enumerate(bars.values())]
        return np.column_stack(columns)
