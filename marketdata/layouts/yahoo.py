"""Files of Yahoo Finance, downloaded or written by yfinance."""

from typing import ClassVar

from .base import Head, Layout, Parts


class Yahoo(Layout):
    """Yahoo Finance and yfinance: Adj Close, or Dividends and Stock Splits; intraday bars stamped at their start."""

    title: ClassVar[str] = "Yahoo Finance"

    def recognises(self, head: Head) -> bool:
        """By its adjusted close, the columns of ``history()``, or yfinance's three lines of names."""
        paired = any(line.casefold().startswith(("price,", "ticker,")) for line in head.above)
        prices = head.has("open", "high", "low", "close", "volume") and len(head.names) <= 10
        return prices and (paired or head.has("adjclose") or head.has("dividends", "stocksplits"))

    def parts(self, head: Head) -> Parts:
        """Stamps are starts; they matter within the day, for weeks and for months."""
        del head
        return Parts(stamp="start")
