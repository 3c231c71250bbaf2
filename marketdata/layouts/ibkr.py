"""Bars of Interactive Brokers."""

from typing import ClassVar

from .base import Head, Layout, Parts


class Ibkr(Layout):
    """Interactive Brokers: date, open, high, low, close, volume, average, barCount; stamped at the start."""

    title: ClassVar[str] = "Interactive Brokers"

    def recognises(self, head: Head) -> bool:
        """By barCount, or WAP and count."""
        return head.has("date", "open", "close") and (head.has("barcount") or head.has("wap", "count"))

    def parts(self, head: Head) -> Parts:
        """Bars without a known volume have -1."""
        del head
        return Parts(stamp="start", no_volume=("-1",))
