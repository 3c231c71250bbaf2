"""UTC close times, the clock of `core.clock`, from the stamps of a raw table."""

import difflib
import re
from dataclasses import dataclass
from zoneinfo import ZoneInfo, available_timezones

import numpy as np
import pandas as pd
from pydantic_core import PydanticCustomError

from core.clock import closes
from marketdata.sources.base import RawTable, Recognition

from .data_faults import Fault
from .periods import PERIODS, dated_at_start, ends_of_periods, period_of

STATE_SESSION = 'state it in the config, for example data.session_close: "16:00 America/New_York"'
STATE = (
    "state the zone they are written in, for example `stamp_zone: UTC` in the source, or, if it is the zone of the "
    'sessions, data.session_close: "16:00 America/New_York"'
)


@dataclass(frozen=True)
class Session:
    """The close of a date's session.

    Attributes
    ----------
    time : HH:MM on the market's clock.
    zone : IANA time zone; its calendar days are the sessions.
    stated : set by the config; stamps without a zone are then times of this zone.
    end : HH:MM at which sessions end; empty: at midnight.
    """

    time: str
    zone: str
    stated: bool = True
    end: str = ""

    @property
    def market_zone(self) -> str:
        """The zone with the time at which sessions end, as `core.clock.sessions` takes it."""
        return f"{self.end} {self.zone}" if self.end else self.zone

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


@dataclass(frozen=True, eq=False)
class Closes:
    """The close times of a table's bars.

    Attributes
    ----------
    times : (T,) UTC, ns; NaT where the stamp is missing.
    notes : remarks on how the stamps were taken.
    warnings : what may be wrong about them.
    """

    times: pd.DatetimeIndex
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def close_times(raw: RawTable, session: Session) -> Closes | Fault:
    """The close times of a table's rows, or the fault of its stamps.

    Dates close at the session's close; stamps that are all midnights as they are written are dates, whatever their
    offset. Other stamps with an offset are taken as they are. Times of day without one are times of the zone that the
    file or its source states, or else of the session's zone if the config states that; they are refused otherwise.
    Stamps of starts are moved to the ends of their bars.
    """
    recognition = raw.recognition or PLAIN
    index = pd.DatetimeIndex(raw.frame.index)
    days = _as_dates(raw, session, recognition)
    if days is not None:
        return _closes_of_dates(days, session, recognition, aware=index.tz is not None)
    times = _moments(raw, index, session, recognition)
    if isinstance(times, Fault):
        return times
    notes: list[str] = []
    if index.tz is None:
        notes.append(f"times of day are taken as {recognition.zone or session.zone} time")
    times, rounded = _whole_seconds(times)
    notes += rounded
    if recognition.side == "start":
        return _shifted(times, notes)
    if recognition.side is None and len(times) > 1 and recognition is not PLAIN:
        notes.append(
            "stamps are taken as the closes of their bars; if they are starts, set `stamp: start` in the source"
        )
    return Closes(times, tuple(notes))


PLAIN = Recognition("", "")


def _as_dates(raw: RawTable, session: Session, recognition: Recognition) -> pd.DatetimeIndex | None:
    """The dates, naive midnights, of stamps that are dates; None for times."""
    index = pd.DatetimeIndex(raw.frame.index)
    if index.tz is None:
        return index if _midnights(index) else None
    if recognition.stated and recognition.side == "end":
        return None
    utc = index.tz_convert("UTC").tz_localize(None)
    written = index.tz_localize(None) if raw.offsets is None else utc + pd.to_timedelta(raw.offsets, unit="s")
    if _midnights(written):
        return written
    local = index.tz_convert(ZoneInfo(session.zone)).tz_localize(None)
    return local if session.stated and _midnights(local) else None


def _midnights(index: pd.DatetimeIndex) -> bool:
    """True if all are midnights; looks at a few first, since most tables of times differ at once."""
    few = index[:3]
    return bool((few == few.normalize())[few.notna()].all() and (index == index.normalize())[index.notna()].all())


def _closes_of_dates(days: pd.DatetimeIndex, session: Session, recognition: Recognition, aware: bool) -> Closes | Fault:
    notes = ["every stamp is a midnight, as it is written: they are taken as dates"] if aware else []
    warnings: list[str] = []
    length = period_of(days)
    if recognition.side == "start" and length and (recognition.stated or dated_at_start(days, length)):
        days = ends_of_periods(days, length)
        notes.append(f"{length} bars dated at their start are moved to the last day of their {PERIODS[length]}")
    elif recognition.side is None and length and dated_at_start(days, length):
        usual = (
            f"mostly {days.day_name().value_counts().idxmax()}s" if length == "weekly" else "the first days of months"
        )
        warnings.append(
            f"{length} bars whose dates are {usual} may be dated at their start, and are then used before they are "
            "known; set `stamp: start` (or end) in the source"
        )
    times = _closes_of_days(days, session)
    return times if isinstance(times, Fault) else Closes(times, tuple(notes), tuple(warnings))


def _moments(
    raw: RawTable, index: pd.DatetimeIndex, session: Session, recognition: Recognition
) -> pd.DatetimeIndex | Fault:
    """The stamps in UTC."""
    if index.tz is not None:
        return _several_offsets(raw, session) or index.tz_convert("UTC").as_unit("ns")
    if recognition.zone:
        return _in_zone(index, recognition.zone)
    if not session.stated:
        return Fault("the dates have a time of day but no zone", STATE)
    return _in_zone(index, session.zone)


def _whole_seconds(times: pd.DatetimeIndex) -> tuple[pd.DatetimeIndex, list[str]]:
    """Stamps a moment before a full second, as of a bar that ends at 59.999, at that second."""
    rest = times.asi8 % 10**9
    late = rest >= 999 * 10**6
    if not late.any() or times.hasnans:
        return times, []
    rounded = np.where(late, times.asi8 - rest + 10**9, times.asi8)
    note = f"{int(late.sum())} stamps that end in .999 of a second are taken as the full second"
    return pd.DatetimeIndex(rounded.view("M8[ns]")).tz_localize("UTC"), [note]


def _shifted(times: pd.DatetimeIndex, notes: list[str]) -> Closes | Fault:
    """Starts of bars moved to their ends: by the most frequent step, but not beyond the next bar's start."""
    steps = np.diff(times.asi8)
    lengths = np.abs(steps[steps != 0])
    if not len(lengths):
        return Fault("one bar that is stamped at its start has no known length", "set `stamp: end` in the source")
    lengths, counts = np.unique(lengths, return_counts=True)
    length = int(lengths[counts.argmax()])
    ends = times.asi8 + length
    if len(steps) and (steps > 0).all():
        ends[:-1] = np.minimum(ends[:-1], times.asi8[1:])
    words = f"{length // 60_000_000_000} minutes" if length % 60_000_000_000 == 0 else f"{length / 1e9:g} seconds"
    note = f"bars stamped at their start are moved to their end, {words} later (`stamp: end` leaves them)"
    return Closes(pd.DatetimeIndex(ends.view("M8[ns]")).tz_localize("UTC"), (*notes, note))


def _several_offsets(raw: RawTable, session: Session) -> Fault | None:
    """Offsets may differ only as the clock changes of the session's zone make them differ."""
    if raw.offsets is None or not len(raw.offsets) or (raw.offsets == raw.offsets[0]).all():
        return None
    index = pd.DatetimeIndex(raw.frame.index)
    local = index.tz_convert(ZoneInfo(session.zone)).tz_localize(None)
    utc = index.tz_convert("UTC").tz_localize(None)
    if raw.typed or np.array_equal((local - utc).total_seconds(), raw.offsets):
        return None
    rows = np.flatnonzero(raw.offsets != raw.offsets[0]).tolist()
    return Fault(
        f"mixed time zones: the offset is not the first row's, nor that of {session.zone},",
        f"use one zone, or {STATE_SESSION}",
        rows,
    )


def _closes_of_days(days: pd.DatetimeIndex, session: Session) -> pd.DatetimeIndex | Fault:
    try:
        return closes(days, session.time, session.zone).as_unit("ns")
    except ValueError:
        return Fault(f"{session} falls into a change of the clock on some day", "choose another data.session_close")


def _in_zone(index: pd.DatetimeIndex, zone: str) -> pd.DatetimeIndex | Fault:
    aware = index.tz_localize(ZoneInfo(zone), ambiguous="NaT", nonexistent="NaT")
    lost = np.asarray(aware.isna()) & np.asarray(index.notna())
    if lost.any():
        rows = np.flatnonzero(lost).tolist()
        return Fault(f"the time falls into a change of the clock in {zone}", "write it with its UTC offset", rows)
    return aware.tz_convert("UTC").as_unit("ns")
