"""Trades from fills: the gain between being flat and being flat again."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

import pandas as pd

from core.table_schemas import TRADES
from core.types import Rows

REASONS = {"market": "signal", "limit": "take_profit"}
"""The word for an exit, by the kind of the order that made it; the other kinds name themselves. The strategy's own word
for a market or a limit order goes before.
"""


@dataclass(frozen=True, eq=False)
class Mark:
    """A symbol at the end of a run.

    Attributes
    ----------
    times : (T,) the close times of its bars.
    close : its last close.
    interest : short interest charged to cash and not yet booked into a fill.
    multiplier : value of one unit at a price of 1.
    """

    times: pd.DatetimeIndex
    close: float
    interest: float = 0.0
    multiplier: float = 1.0

    @cached_property
    def stamps(self) -> Rows:
        """(T,) the times in nanoseconds: many times faster to look up."""
        return self.times.as_unit("ns").asi8


class Fill(NamedTuple):
    """The columns of the table ``fills`` that make trades."""

    time: pd.Timestamp
    symbol: str
    kind: str
    size: float
    price: float
    commission: float
    position_after: float
    order_id: int


class Leg(NamedTuple):
    """The part of one fill that belongs to one trade; ``size`` is signed, ``why`` is the word for it as an exit."""

    time: pd.Timestamp
    size: float
    price: float
    commission: float
    interest: float
    why: str


@dataclass
class Trip:
    """A trade under construction.

    Attributes
    ----------
    entry_reason : the strategy's word for the order that opened it; empty for none.
    held : units held after the last leg, signed; 0.0 once it is closed.
    """

    symbol: str
    entry_reason: str = ""
    legs: list[Leg] = field(default_factory=list)
    held: float = 0.0

    def add(self, fill: Fill, size: float, interest: float, held: float, reason: str) -> None:
        """Add ``size`` units of a fill with their part of its commission; ``held`` units are left after it."""
        commission = fill.commission * (size / fill.size)
        why = reason if reason and fill.kind in REASONS else REASONS.get(fill.kind, fill.kind)
        self.legs.append(Leg(fill.time, size, fill.price, commission, interest, why))
        self.held = held


def round_trips(
    fills: pd.DataFrame,
    interest: Sequence[float],
    reasons: Sequence[str],
    marks: Mapping[str, Mark],
    decisions: Mapping[int, str] | None = None,
) -> pd.DataFrame:
    """The table ``trades``, ordered by entry: one row per stretch of one symbol between flat and flat.

    ``size`` is all that was entered, signed; ``entry_price`` and ``exit_price`` are averages weighted by size.
    Commission and interest are what the trade paid; ``pnl`` is net of both, and ``pnl_fraction`` is ``pnl`` over the
    value entered. ``bars`` counts the closes at which the position was held. A fill that reverses a position ends one
    trade and begins the next. A trade that is still open has no exit, is marked at the last close, and bears the
    interest that is not booked yet: the sum of ``pnl`` is what the account gained.

    Parameters
    ----------
    fills : the table ``fills``, in the order in which they happened.
    interest : short interest booked into each fill, account currency.
    reasons : the strategy's reason for each fill's order, as far as it closes; empty for none.
    marks : by symbol.
    decisions : by number of an order, the strategy's word for it; ``entry_reason`` is that of the order that opened.
    """
    decisions = decisions or {}
    trips: list[Trip] = []
    current: dict[str, Trip] = {}
    for fill, paid, reason in zip(_rows(fills), interest, reasons, strict=True):
        trip = current.get(fill.symbol)
        closing, opening = split(trip.held if trip else 0.0, fill.size, fill.position_after)
        if trip and closing:
            trip.add(fill, closing, paid, 0.0 if opening else fill.position_after, reason)
        if opening:
            if not trip or not trip.held:
                trip = current[fill.symbol] = Trip(fill.symbol, decisions.get(fill.order_id, ""))
                trips.append(trip)
            trip.add(fill, opening, 0.0, fill.position_after, "")
    return TRADES.frame([_row(trip, marks[trip.symbol]) for trip in trips])


def _rows(fills: pd.DataFrame) -> Iterator[Fill]:
    # Many times faster than itertuples, which asks the columns of text for their cells one by one.
    return map(Fill._make, zip(*(fills[name].tolist() for name in Fill._fields), strict=True))


def split(held: float, size: float, after: float) -> tuple[float, float]:
    """The part of a fill that closes and the part that opens, both signed like it.

    >>> split(2.0, -5.0, -3.0), split(2.0, -1.0, 1.0), split(2.0, 1.0, 3.0)
    ((-2.0, -3.0), (-1.0, 0.0), (0.0, 1.0))
    """
    if held * size >= 0:
        return 0.0, size
    return (size, 0.0) if held * after >= 0 else (-held, after)


def _row(trip: Trip, mark: Mark) -> dict[str, object]:
    side = 1 if trip.legs[0].size > 0 else -1
    entries = [leg for leg in trip.legs if leg.size * side > 0]
    exits = [leg for leg in trip.legs if leg.size * side < 0]
    is_open = trip.held != 0.0
    interest = sum(leg.interest for leg in trip.legs) + (mark.interest if is_open else 0.0)
    commission = sum(leg.commission for leg in trip.legs)
    gained = (trip.held * mark.close - sum(leg.size * leg.price for leg in trip.legs)) * mark.multiplier
    pnl = gained - commission - interest
    return {
        "symbol": trip.symbol,
        "side": "long" if side > 0 else "short",
        "entered_at": trip.legs[0].time,
        "exited_at": pd.NaT if is_open else trip.legs[-1].time,
        "size": sum(leg.size for leg in entries),
        "entry_price": _average(entries),
        "exit_price": float("nan") if is_open else _average(exits),
        "commission": commission,
        "interest": interest,
        "pnl": pnl,
        "pnl_fraction": pnl / (sum(abs(leg.size) * leg.price for leg in entries) * mark.multiplier),
        "bars": _bars(trip, mark.stamps),
        "exit_reason": "open" if is_open else exits[-1].why,
        "entry_reason": trip.entry_reason,
    }


def _average(legs: list[Leg]) -> float:
    if len(legs) == 1:
        return legs[0].price
    return sum(leg.size * leg.price for leg in legs) / sum(leg.size for leg in legs)


def _bars(trip: Trip, stamps: Rows) -> int:
    # A fill's bar is its first close when it enters; the exit's bar is no longer held at its close.
    first = stamps.searchsorted(trip.legs[0].time.value)
    after = len(stamps) if trip.held else stamps.searchsorted(trip.legs[-1].time.value)
    return int(after - first)
