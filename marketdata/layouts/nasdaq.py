"""Files of nasdaq.com."""

from typing import ClassVar

from .base import Head, Layout, Parts


class Nasdaq(Layout):
    """nasdaq.com: Date, Close/Last, Volume, Open, High, Low; M/D/Y, dollar signs, new to old."""

    title: ClassVar[str] = "nasdaq.com"

    def recognises(self, head: Head) -> bool:
        """By the order of its columns."""
        return head.letters == ("date", "closelast", "volume", "open", "high", "low")

    def parts(self, head: Head) -> Parts:
        """The month comes first; indices have N/A or -- as volume."""
        del head
        return Parts(dayfirst=False, no_volume=("N/A", "--"))
