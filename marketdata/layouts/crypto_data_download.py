"""Files of CryptoDataDownload."""

from typing import ClassVar

from .base import Head, Layout, Parts, letters


class CryptoDataDownload(Layout):
    """CryptoDataDownload: a line with its address, unix, date, symbol, Volume BTC; UTC, stamped at the start."""

    title: ClassVar[str] = "CryptoDataDownload"
    rank: ClassVar[int] = 2

    def recognises(self, head: Head) -> bool:
        """By its address above the header, or its two volumes."""
        named = any("cryptodatadownload" in line.casefold() for line in head.above)
        volumes = [name for name in head.letters if name.startswith("volume") and name != "volume"]
        return head.has("open", "close") and (named or (head.has("unix", "symbol") and bool(volumes)))

    def parts(self, head: Head) -> Parts:
        """The volume in units of what is traded: of BTC/USD the column Volume BTC."""
        symbol = letters(head.cell("symbol"))
        volumes = [name for name in head.names if letters(name).startswith("volume")]
        base = [name for name in volumes if symbol and symbol.startswith(letters(name).removeprefix("volume"))]
        columns = {"volume": (base or volumes)[0]} if volumes else {}
        return Parts(columns=columns, stamp_zone="UTC", stamp="start")
