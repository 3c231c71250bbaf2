"""The data that a setting was tried on, by content: digests of each month's returns, whatever the symbols' names."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np
import numpy.typing as npt
import pandas as pd

from core.clock import sessions
from core.digests import digest
from core.types import Bars, Market, Vector

MIN_RETURNS = 9
"""Returns that a block must hold: fewer could be equal by chance."""
STEPS = 2
"""Steps of the returns' grid in one standard deviation; coarse, because another download differs in the last digits."""
NO_MOVE = 1e-9
"""Standard deviation up to which returns do not vary: such a block says nothing."""
DIGITS = 12
"""Hex digits of a block's digest."""


@dataclass(frozen=True)
class TriedData:
    """The traded symbols' bars as blocks of time.

    A block is a calendar month of one symbol's closes; of weekly and monthly bars a year. Its digest is over the
    returns between the sessions of the block, rounded to half of a power of two near their standard deviation: it does
    not change with the symbol's name, the scale of the prices, the size of the bars or the last digits of another
    download, and months are equal where histories of different length overlap.

    Attributes
    ----------
    symbols : for people; they identify nothing.
    blocks : by period, ``2001-03`` or ``2001``, the digests of the symbols' blocks.
    """

    symbols: tuple[str, ...]
    blocks: Mapping[str, tuple[str, ...]]

    @classmethod
    def of(cls, market: Market) -> Self:
        """The traded symbols of a market."""
        blocks: dict[str, set[str]] = {}
        for symbol in market.trade:
            for period, block in _blocks(market.bars[symbol], market.zone):
                blocks.setdefault(period, set()).add(block)
        return cls(market.trade, {period: tuple(sorted(blocks[period])) for period in sorted(blocks)})

    @cached_property
    def digest(self) -> str:
        """16 hex digits over the blocks."""
        return digest({period: list(blocks) for period, blocks in self.blocks.items()})[:16]

    def shared_periods(self, other: Self) -> tuple[str, ...]:
        """The periods of which both hold an equal block."""
        both = self.blocks.keys() & other.blocks.keys()
        return tuple(sorted(period for period in both if not set(self.blocks[period]).isdisjoint(other.blocks[period])))


@dataclass(frozen=True)
class TriedSpan:
    """Sessions of some data: those that a setting was measured on.

    Attributes
    ----------
    first, last : ISO dates, both inclusive.
    """

    data: TriedData
    first: str
    last: str

    @classmethod
    def of(cls, market: Market, first: pd.Timestamp, last: pd.Timestamp) -> Self:
        """The sessions of a market from one date to another."""
        return cls(TriedData.of(market), f"{first:%F}", f"{last:%F}")


def overlap(periods: tuple[str, ...], one: tuple[str, str], two: tuple[str, str]) -> bool:
    """True if two spans of ISO dates have a day in common that lies in one of the shared periods.

    >>> overlap(("2001-03",), ("2000-01-01", "2001-03-15"), ("2001-03-02", "2002-01-01"))
    True
    >>> overlap(("2001-03",), ("2000-01-01", "2001-02-15"), ("2001-02-02", "2002-01-01"))
    False
    """
    first = max(one[0], two[0])
    last = min(one[1], two[1])
    return first <= last and any(first[: len(period)] <= period <= last[: len(period)] for period in periods)


def _blocks(bars: Bars, zone: str) -> Iterator[tuple[str, str]]:
    """The periods and digests of one symbol's blocks; one of all its closes if none is long enough."""
    days = sessions(bars.times, zone)
    is_last = np.append(days[1:] != days[:-1], True)
    days = days[is_last]
    closes = bars.close[is_last]
    months = np.asarray(days.year * 12 + days.month - 1)
    is_daily = np.median(np.unique(months, return_counts=True)[1]) > MIN_RETURNS
    blocks = list(_long_blocks(closes, months if is_daily else np.asarray(days.year), is_daily=bool(is_daily)))
    if blocks:
        yield from blocks
    else:
        yield f"{days[0]:%Y}", _short_digest(bars.times.as_unit("ns").asi8.tobytes() + bars.close.tobytes())


def _long_blocks(closes: Vector, periods: npt.NDArray[np.int64], *, is_daily: bool) -> Iterator[tuple[str, str]]:
    edges = np.append(np.flatnonzero(np.diff(periods, prepend=periods[0] - 1)), len(periods))
    for begin, end in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        prices = closes[begin:end]
        returns = prices[1:] / prices[:-1] - 1
        if len(returns) >= MIN_RETURNS and returns.std() > NO_MOVE:
            number = int(periods[begin])
            period = f"{number // 12:04d}-{number % 12 + 1:02d}" if is_daily else f"{number:04d}"
            yield period, _short_digest(period.encode() + _on_grid(returns).tobytes())


def _on_grid(returns: Vector) -> npt.NDArray[np.int64]:
    step = 2.0 ** np.round(np.log2(returns.std())) / STEPS
    return np.asarray(np.rint(returns / step), dtype="<i8")


def _short_digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:DIGITS]
