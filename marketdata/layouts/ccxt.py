"""Bars that scripts write with ccxt."""

from typing import ClassVar

from .base import Head, Layout, Parts

NAMES = ("timestamp", "open", "high", "low", "close", "volume")
NUMBER = r"[\d.eE+-]+"


class Ccxt(Layout):
    """ccxt: timestamp in epoch ms, open, high, low, close, volume; UTC, stamped at the start."""

    title: ClassVar[str] = "ccxt"

    def recognises(self, head: Head) -> bool:
        """By its six columns, with or without names, and stamps of 13 digits."""
        stamp = r"\d{13}(?:\.0)?"
        if not head.names:
            return head.matches(stamp, *[NUMBER] * 5)
        return head.letters == NAMES and Head("", (), ((head.cell("timestamp"),),)).matches(stamp)

    def parts(self, head: Head) -> Parts:
        """Its stamps are starts."""
        return Parts(names=() if head.names else NAMES, stamp_zone="UTC", stamp="start")
