"""Files that MetaTrader 4 and 5 export."""

from typing import ClassVar

from .base import Head, Layout, Parts

PRICE = r"\d+(?:\.\d+)?"


class Metatrader(Layout):
    """MetaTrader 4 and 5: Y.M.D with the broker's time, which no file states; stamped at the start."""

    title: ClassVar[str] = "MetaTrader"

    def recognises(self, head: Head) -> bool:
        """By <TICKVOL>, or by seven columns without a header."""
        daily = head.matches(r"\d{4}\.\d\d\.\d\d", *[PRICE] * 5)
        return daily or head.has("date", "tickvol") or head.matches(r"\d{4}\.\d\d\.\d\d", r"\d\d:\d\d", *[PRICE] * 5)

    def parts(self, head: Head) -> Parts:
        """The volume is that of ticks: the real one is 0 for currencies."""
        if head.names:
            return Parts(columns={"volume": head.names[head.letters.index("tickvol")]}, stamp="start")
        prices = ("open", "high", "low", "close", "volume")
        return Parts(names=("date", *(("time",) if len(head.rows[0]) == 7 else ()), *prices), stamp="start")
