"""Files of Tiingo, CSV and JSON."""

from typing import ClassVar

from .base import Head, Layout


class Tiingo(Layout):
    """Tiingo: date, close, high, low, open, volume, adjClose ..., divCash, splitFactor."""

    title: ClassVar[str] = "Tiingo"

    def recognises(self, head: Head) -> bool:
        """By divCash and splitFactor."""
        return head.has("divcash", "splitfactor", "close")
