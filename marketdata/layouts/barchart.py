"""Files of Barchart."""

from typing import ClassVar

from .base import Head, Layout, Parts


class Barchart(Layout):
    """Barchart: Time, Open, High, Low, Last, Change, %Chg, Volume; M/D/Y, new to old, a line below the table."""

    title: ClassVar[str] = "Barchart"

    def recognises(self, head: Head) -> bool:
        """By Last or Latest beside %Chg or Change."""
        return head.has("time", "open") and (head.has("last") or head.has("latest")) and head.has("change")

    def parts(self, head: Head) -> Parts:
        """An American vendor: the month comes first."""
        del head
        return Parts(dayfirst=False)
