"""Files of Dukascopy's data feed."""

from typing import ClassVar

from .base import Head, Layout, Parts


class Dukascopy(Layout):
    """Dukascopy: Gmt time or Local time, D.M.Y with milliseconds, stamped at the start."""

    title: ClassVar[str] = "Dukascopy"

    def recognises(self, head: Head) -> bool:
        """By the name of its first column."""
        return head.letters[:1] in (("gmttime",), ("localtime",), ("time",)) and (
            head.has("gmttime") or head.has("localtime") or any("(gmt" in name.casefold() for name in head.names[:1])
        )

    def parts(self, head: Head) -> Parts:
        """Local times state their offset."""
        zone = "UTC" if head.has("gmttime") else None
        return Parts(columns={"date": head.names[0]}, dayfirst=True, stamp_zone=zone, stamp="start")
