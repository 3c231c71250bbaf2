"""UTC close times, the clock of `core.clock`, from the stamps of a raw table."""

import difflib
import re
from dataclasses import dataclass
from zoneinfo import ZoneInfo, available_timezones

import numpy as np
import pandas as pd
from pydantic_core import PydanticCustomError

from core.clock import closes
from marketdata.sources.base import RawTable

from .data_faults import Fault

STATE = 'state it in the config, for example data.session_close: "16:00 America/New_York"'


@dataclass(frozen=True)
class Session:
    """The close of a date's session.

    Attributes
    ----------
    time : HH:MM on the market's clock.
    zone : IANA time zone; its calendar days are the sessions.
    stated : set by the config; stamps without a zone are then times of this zone.
    """

    time: str
    zone: str
    stated: bool = True

    @classmethod
    def parse(cls, text: str) -> "Session":
        """A session from text such as ``16:00 America/New_York``.

        Raises
        ------
        PydanticCustomError
            The text has another form, or there is no such time zone; close names are suggested.
        """
        match = re.fullmatch(r"((?:[01]\d|2[0-3]):[0-5]\d) +(\S+)", text, re.ASCII)
        if not match:
            raise PydanticCustomError("session", 'must be a time and a zone, for example "16:00 America/New_York"')
        time, zone = match.groups()
        known_zone(zone)
        return cls(time, zone)

    def __str__(self) -> str:
        return f"{self.time} {self.zone}"


def known_zone(zone: str) -> None:
    """Refuse a name that is no time zone, with a close one.

    Raises
    ------
    PydanticCustomError
        There is no such zone.
    """
    try:
        ZoneInfo(zone)
    except (KeyError, ValueError, OSError) as error:  # no such name, no name at all, a folder of names
        close = difflib.get_close_matches(zone, available_timezones(), n=1)
        hint = f"did you mean {close[0]}?" if close else "use an IANA name such as America/New_York or UTC"
        raise PydanticCustomError(
            "zone", "there is no time zone {zone}; {hint}", {"zone": zone, "hint": hint}
        ) from error


def close_times(raw: RawTable, session: Session) -> pd.DatetimeIndex | Fault:
    """The UTC close times, ns, of a table's rows, or the fault of its stamps.

    Dates close at the session's close. Stamps with an offset are taken as they are. Times of day without a zone are
    times of the session's zone if the config states one, and are refused otherwise.
    """
    index = pd.DatetimeIndex(raw.frame.index)
    if index.tz is not None:
        return _several_offsets(raw, session) or index.tz_convert("UTC").as_unit("ns")
    if (index == index.normalize()).all():
        return _closes_of_days(index, session)
    if not session.stated:
        return Fault("the dates have a time of day but no zone", STATE)
    return _in_zone(index, session)


def stamp_remarks(raw: RawTable, session: Session) -> list[str]:
    """Notes on the interpretation of a table's stamps."""
    index = pd.DatetimeIndex(raw.frame.index)
    at_midnight = bool((index == index.normalize()).all())
    if index.tz is None:
        return [] if at_midnight else [f"times of day are taken as {session.zone} time"]
    written = index if raw.offsets is None else index + pd.to_timedelta(raw.offsets, unit="s")
    if (written == written.normalize()).all():
        return ["every stamp is a midnight and is taken as a bar's close; for bars of one day write the date alone"]
    return []


def _several_offsets(raw: RawTable, session: Session) -> Fault | None:
    """Offsets may differ only as the clock changes of the session's zone make them differ."""
    if raw.offsets is None or len(set(raw.offsets.tolist())) == 1:
        return None
    index = pd.DatetimeIndex(raw.frame.index)
    local = index.tz_convert(ZoneInfo(session.zone)).tz_localize(None)
    if np.array_equal((local - index.tz_localize(None)).total_seconds(), raw.offsets):
        return None
    rows = np.flatnonzero(raw.offsets != raw.offsets[0]).tolist()
    return Fault(
        f"mixed time zones: the offset is not the first row's, nor that of {session.zone},",
        f"use one zone, or {STATE}",
        rows,
    )


def _closes_of_days(days: pd.DatetimeIndex, session: Session) -> pd.DatetimeIndex | Fault:
    try:
        return closes(days, session.time, session.zone).as_unit("ns")
    except ValueError:
        return Fault(f"{session} falls into a change of the clock on some day", "choose another data.session_close")


def _in_zone(index: pd.DatetimeIndex, session: Session) -> pd.DatetimeIndex | Fault:
    aware = index.tz_localize(ZoneInfo(session.zone), ambiguous="NaT", nonexistent="NaT")
    if aware.hasnans:
        rows = np.flatnonzero(aware.isna()).tolist()
        return Fault(
            f"the time falls into a change of the clock in {session.zone}", "write it with its UTC offset", rows
        )
    return aware.tz_convert("UTC").as_unit("ns")
