"""Files of Alpha Vantage, CSV and JSON."""

from typing import ClassVar

from .base import Head, Layout, Parts


class AlphaVantage(Layout):
    """Alpha Vantage: timestamp, open, high, low, close, new to old; JSON with ``1. open``."""

    title: ClassVar[str] = "Alpha Vantage"

    def recognises(self, head: Head) -> bool:
        """By its numbered names, its amounts of dividends, or its plain columns with dates from new to old."""
        if head.has("1open", "4close") or head.has("timestamp", "adjustedclose", "dividendamount"):
            return True
        if head.names != ("timestamp", "open", "high", "low", "close", "volume") or len(head.rows) < 2:
            return False
        return "-" in head.rows[0][0] and head.rows[0][0] > head.rows[1][0]

    def parts(self, head: Head) -> Parts:
        """The numbered names of JSON."""
        if not head.has("1open"):
            return Parts()
        names = {letters.lstrip("0123456789"): name for letters, name in zip(head.letters, head.names, strict=True)}
        roles = {"open": "open", "high": "high", "low": "low", "close": "close", "volume": "volume"}
        columns = {role: names[name] for role, name in roles.items() if name in names}
        return Parts(columns={**columns, **({"adj close": names["adjustedclose"]} if "adjustedclose" in names else {})})
