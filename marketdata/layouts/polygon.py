"""Aggregates of Polygon: flat files and JSON."""

from typing import ClassVar

from .base import Head, Layout, Parts


class Polygon(Layout):
    """Polygon: window_start in epoch ns, or t in epoch ms; UTC, stamped at the start."""

    title: ClassVar[str] = "Polygon"

    def recognises(self, head: Head) -> bool:
        """By window_start, or by the one-letter names with vw."""
        return head.has("windowstart", "close") or head.has("vw", "o", "h", "l", "c", "t")

    def parts(self, head: Head) -> Parts:
        """Its stamps are starts."""
        stamp = "windowstart" if head.has("windowstart") else "t"
        return Parts(columns={"date": head.names[head.letters.index(stamp)]}, stamp_zone="UTC", stamp="start")
