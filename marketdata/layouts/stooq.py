"""Files of Stooq: the Polish header, and the database with tickers."""

from typing import ClassVar

from .base import Head, Layout


class Stooq(Layout):
    """Stooq: Data, Otwarcie, Najwyzszy ..., or <TICKER>,<PER>,<DATE> of its database."""

    title: ClassVar[str] = "Stooq"

    def recognises(self, head: Head) -> bool:
        """By the Polish names or the database's columns."""
        return head.has("data", "otwarcie", "zamkniecie") or head.has("ticker", "per", "date", "close")
