"""Any table whose columns have usual names."""

from typing import ClassVar

from .base import Head, Layout


class Generic(Layout):
    """Any table with usual names of its columns, in English, German, Polish, French or Spanish."""

    title: ClassVar[str] = "a table"
    rank: ClassVar[int] = 0

    def recognises(self, head: Head) -> bool:
        """Every file that no other layout recognises."""
        del head
        return True
