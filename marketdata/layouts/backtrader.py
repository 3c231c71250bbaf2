"""The columns of backtrader's own CSV feed."""

from typing import ClassVar

from .base import Head, Layout


class Backtrader(Layout):
    """backtrader's CSV: Date, Time, Open, High, Low, Close, Volume, OpenInterest."""

    title: ClassVar[str] = "backtrader's CSV"

    def recognises(self, head: Head) -> bool:
        """By its names in their order; the time may be missing."""
        prices = ("open", "high", "low", "close", "volume", "openinterest")
        return head.letters in (("date", "time", *prices), ("date", *prices), ("datetime", *prices))
