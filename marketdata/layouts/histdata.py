"""Files of HistData.com."""

from typing import ClassVar

from .base import Head, Layout, Parts

PRICE = r"\d+(?:\.\d+)?"


class Histdata(Layout):
    """HistData.com: no header, 20200106 160000;open;high;low;close;volume; EST all year, stamped at the start."""

    title: ClassVar[str] = "HistData.com"
    rank: ClassVar[int] = 2

    def recognises(self, head: Head) -> bool:
        """By the form of the stamp, or by the file's name for the form of MetaTrader."""
        ascii_form = head.delimiter == ";" and head.matches(r"\d{8} \d{6}", *[PRICE] * 5)
        return ascii_form or (head.file.startswith("DAT_MT_") and head.matches(*_METATRADER))

    def parts(self, head: Head) -> Parts:
        """Its zone is five hours behind UTC, without summer time."""
        prices = ("open", "high", "low", "close", "volume")
        names = ("date", "time", *prices) if len(head.rows[0]) == 7 else ("date", *prices)
        return Parts(names=names, stamp_zone="Etc/GMT+5", stamp="start")


_METATRADER = (r"\d{4}\.\d\d\.\d\d", r"\d\d:\d\d", *[PRICE] * 5)
