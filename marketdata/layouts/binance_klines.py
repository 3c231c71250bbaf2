"""Files of Binance's public data: klines."""

from typing import ClassVar

from .base import Head, Layout, Parts

NAMES = (
    *("open_time", "open", "high", "low", "close", "volume", "close_time"),
    *("quote_volume", "count", "taker_buy_volume", "taker_buy_quote_volume", "ignore"),
)
EPOCH = r"\d{10}|\d{13}|\d{16}"
NUMBER = r"[\d.eE+-]+"


class BinanceKlines(Layout):
    """Binance klines: 12 columns, often without a header; epoch s, ms or us, UTC; the close time stands beside."""

    title: ClassVar[str] = "Binance klines"

    def recognises(self, head: Head) -> bool:
        """By 12 columns of numbers with two epochs, or by the header of newer files."""
        return head.matches(EPOCH, *[NUMBER] * 5, EPOCH, *[NUMBER] * 5) or head.has("opentime", "closetime", "close")

    def parts(self, head: Head) -> Parts:
        """The close time is the stamp."""
        return Parts(names=() if head.names else NAMES, stamp_zone="UTC")
