"""The return of another symbol."""

import numpy as np
from pydantic import PositiveInt

from core.errors import ConfigError, DataError
from core.types import Bars, Market, Matrix
from signals.rolling_windows import shifted

from .base import Feature

HOLIDAYS = 10
"""Bars that the other symbol may miss at the start without being refused; the longest of exchanges' holidays."""


class CrossReturn(Feature):
    """Simple return of another symbol over its last bars, as it was known at this bar's close.

    It is that of the last bar of the other symbol that had closed at or before this bar's close: never a later close of
    another market. Where the other symbol had no bar since, its last return stays; for a market that closes later in
    the day that is yesterday's. Of the symbol itself, as where the benchmark is what is traded, it is its own return.

    Notes
    -----
    The warm-up is ``bars`` and 10 more, so that the two may begin some holidays apart. If the other symbol has not
    enough bars even then, there is no value that would be true, and the data are refused.

    Examples
    --------
    >>> CrossReturn(symbol="sp500", bars=5).names, CrossReturn().names, CrossReturn().warmup
    (('cross_return_sp500_5',), ('cross_return_benchmark_1',), 11)
    """

    symbol: str | None = None
    """The other symbol; null takes the benchmark."""

    bars: PositiveInt = 1
    """Bars of the other symbol that the return spans."""

    @property
    def warmup(self) -> int:
        """Rows before the other symbol must have had a return."""
        return self.bars + HOLIDAYS

    @property
    def names(self) -> tuple[str, ...]:
        """``cross_return_<symbol>_<bars>``, with ``benchmark`` for null."""
        return (f"cross_return_{self.symbol or 'benchmark'}_{self.bars}",)

    def others(self, market: Market) -> tuple[str, ...]:
        """The other symbol."""
        return (self._other(market),)

    def of(self, market: Market, symbol: str) -> Matrix:
        """(T, 1) fractions, above -1; NaN in the warm-up.

        Raises
        ------
        ConfigError
            The market has no such symbol.
        DataError
            The other symbol has too few bars at the end of the warm-up.
        """
        bars = market.bars[symbol]
        other = market.bars[self._other(market)]
        returns = np.append(other.close / shifted(other.close, self.bars) - 1, np.nan)
        last = other.times.searchsorted(bars.times, side="right") - 1  # -1, none yet, is the NaN at the end
        values = returns[last]
        values[: self.warmup] = np.nan
        self._check(bars, other, last)
        return values[:, None]

    def _other(self, market: Market) -> str:
        symbol = market.benchmark if self.symbol is None else self.symbol
        if market.basket and self.symbol is None:
            raise ConfigError(
                f"features: {self.names[0]}: the benchmark is a basket, which has no bars of its own; write the "
                f"feature's symbol, one of {', '.join(market.bars)}"
            )
        if symbol not in market.bars:
            raise ConfigError(
                f"features: {self.names[0]}: there is no symbol {symbol!r} in the data; known: {', '.join(market.bars)}"
            )
        return symbol

    def _check(self, bars: Bars, other: Bars, last: np.ndarray) -> None:
        late = np.flatnonzero(last[self.warmup :] < self.bars)
        if late.size:
            time = bars.times[self.warmup]
            count = int(last[self.warmup]) + 1
            raise DataError(
                f"{bars.symbol}: feature {self.names[0]} needs {self.bars + 1} bars of {other.symbol} at "
                f"{time.isoformat()}, the end of its warm-up of {self.warmup} bars; there are {count}; begin later "
                "(data.start), or take another symbol"
            )
