"""Bars of Databento as CSV."""

from typing import ClassVar

from .base import Head, Layout, Parts

FIXED = 1e-9
"""The unit of prices that are written as whole numbers."""


class Databento(Layout):
    """Databento: ts_event in epoch ns or text, UTC, stamped at the start; whole prices are in units of 1e-9."""

    title: ClassVar[str] = "Databento"

    def recognises(self, head: Head) -> bool:
        """By ts_event and rtype or instrument_id."""
        return head.has("tsevent", "open", "close") and (head.has("rtype") or head.has("instrumentid"))

    def parts(self, head: Head) -> Parts:
        """Prices without a point are whole numbers of 1e-9."""
        unscaled = all(head.cell(name).isdigit() for name in ("open", "high", "low", "close"))
        date = head.names[head.letters.index("tsevent")]
        unit = FIXED if unscaled else None
        return Parts(columns={"date": date}, stamp_zone="UTC", stamp="start", price_unit=unit)
