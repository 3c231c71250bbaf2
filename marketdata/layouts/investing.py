"""Files of Investing.com, in English and German."""

from typing import ClassVar

from .base import Head, Layout, Parts


class Investing(Layout):
    """Investing.com: Date, Price, Open, High, Low, Vol., Change %; 1.23M, new to old."""

    title: ClassVar[str] = "Investing.com"

    def recognises(self, head: Head) -> bool:
        """By Price and Change %, or Zuletzt and Eröffn."""
        return head.has("date", "price", "open", "change") or head.has("datum", "zuletzt", "eröffn")

    def parts(self, head: Head) -> Parts:
        """A volume that is not stated is a dash or nothing."""
        close = head.names[head.letters.index("price" if head.has("price") else "zuletzt")]
        return Parts(columns={"close": close}, no_volume=("-", ""))
