"""From a raw table to checked bars: turned round, closed, cut to the span, checked."""

from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt
import pandas as pd

from core.clock import sessions
from core.errors import DataError
from core.types import Bars
from marketdata.sources.base import RawTable

from .data_faults import Fault
from .doctor.finding import Finding, Series
from .doctor.series_checks import findings_of
from .repair import Repair, repaired, sorted_rows
from .timestamps import Session, close_times
from .validation import beyond_time, checked, duplicates

NO_REPAIR = Repair()
FIRST_YEAR, LAST_YEAR = 1700, 2200
TURNED = "the rows run from new to old and are turned round"


@dataclass(frozen=True)
class Span:
    """The sessions that a run uses, both included; None leaves that end open."""

    start: date | None
    end: date | None

    def holds(self, days: pd.DatetimeIndex) -> npt.NDArray[np.bool_]:
        """(T,) whether each session lies in it; a missing one does, so that the checks name it."""
        inside = np.asarray(days.isna())
        if self.start is None and self.end is None:
            return np.ones(len(days), dtype=bool)
        first = pd.Timestamp(self.start or date.min)
        last = pd.Timestamp(self.end or date.max)
        return np.asarray(inside | ((days >= first) & (days <= last)))


@dataclass(frozen=True, eq=False)
class Cut:
    """A table cut to the span, not yet judged.

    Attributes
    ----------
    raw : its rows, oldest first if they only ran from new to old.
    times : (T,) close times, UTC; NaT where the stamp is missing.
    days : (T,) sessions.
    notes : what was done, for readers of the results.
    warnings : what may be wrong about the file.
    """

    raw: RawTable
    times: pd.DatetimeIndex
    days: pd.DatetimeIndex
    notes: tuple[str, ...]
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Examination:
    """The rules by which tables are judged.

    Attributes
    ----------
    session : when sessions close and end.
    span : what is used of a table.
    repair : what may be repaired.
    calendar : the days on which bars are expected; None: not stated.
    accepted : checks whose findings do not refuse a table.
    """

    session: Session
    span: Span
    repair: Repair = NO_REPAIR
    calendar: str | None = None
    accepted: frozenset[str] = frozenset()


@dataclass(frozen=True, eq=False)
class Judged:
    """The bars of a table, and what readers of the results should know.

    Attributes
    ----------
    bars : checked.
    notes : what was done, and how the file was read.
    findings : of the doctor, in the rows of the table that is left.
    """

    bars: Bars
    notes: tuple[str, ...]
    findings: tuple[Finding, ...]


def checked_bars(symbol: str, raw: RawTable, how: Examination, *, traded: bool) -> Judged:
    """The bars of a table, the notes on them, and the findings.

    Raises
    ------
    DataError
        The stamps cannot be placed in time, no bar lies in the span, or a check refuses one that does.
    """
    judged = examined(symbol, raw, how, traded=traded)
    refusing = [finding for finding in judged.findings if finding.severity == "refuse"]
    if refusing:
        names = ", ".join(sorted({finding.check for finding in refusing}))
        texts = "; also: ".join(finding.text for finding in refusing)
        raise DataError(f"{symbol} ({raw.where}): {texts}; if the prices are right, set data.accept: [{names}]")
    return judged


def examined(symbol: str, raw: RawTable, how: Examination, *, traded: bool) -> Judged:
    """As :func:`checked_bars`, without an error for findings that refuse a file."""
    cut = cut_to_span(symbol, raw, how)
    frame = checked(symbol, cut.raw)
    zone = how.session.market_zone
    findings = findings_of(Series(frame, cut.days, traded, cut.times, zone), how.calendar, how.accepted)
    remarks = (Finding("reading", text) for text in cut.warnings)
    return Judged(Bars.of(symbol, frame.set_axis(cut.times)), cut.notes, (*remarks, *findings))


def cut_to_span(symbol: str, raw: RawTable, how: Examination) -> Cut:
    """A table cut to the span before anything in it is judged, and repaired; errors as of :func:`checked_bars`."""
    _require_calendar(symbol, raw)
    raw, turned = oldest_first(raw)
    raw, moved = sorted_rows(raw) if how.repair.sort else (raw, ())
    closed = close_times(raw, how.session)
    if isinstance(closed, Fault):
        closed = duplicates(raw.frame) or closed  # an hour that is there twice is why a time is in doubt
        raise closed.error(symbol, raw.where, raw.row_names)
    zone = how.session.market_zone
    days = sessions(closed.times, zone)
    inside = how.span.holds(days)
    if len(days) and not inside.any():
        raise _outside(symbol, raw.where, days, how.span)
    read = (f"read as {raw.recognition.text}",) if raw.recognition and raw.recognition.unusual else ()
    times = closed.times
    if not inside.all():
        raw = raw.cut(inside)
        times = times[inside]
        days = days[inside]
    raw, remaining, repairs = repaired(raw, days, how.repair)
    if not remaining.all():
        times = times[remaining]
        days = days[remaining]
    notes = (*read, *raw.notes, *turned, *moved, *repairs, *closed.notes)
    return Cut(raw, times, days, notes, (*raw.warnings, *closed.warnings))


def _require_calendar(symbol: str, raw: RawTable) -> None:
    """Refuse dates so far off that they cannot be placed on the clock."""
    index = pd.DatetimeIndex(raw.frame.index)
    if len(index) and (index.min().year < FIRST_YEAR or index.max().year > LAST_YEAR):
        fault = beyond_time(raw.frame)
        if fault:
            raise fault.error(symbol, raw.where, raw.row_names)


def oldest_first(raw: RawTable) -> tuple[RawTable, tuple[str, ...]]:
    """The table, turned round if its dates only ever decrease, and a note if it was."""
    index = pd.DatetimeIndex(raw.frame.index)
    if len(index) < 2 or index.is_monotonic_increasing or not index.is_monotonic_decreasing:
        return raw, ()
    return raw.cut(slice(None, None, -1)), (TURNED,)


def _outside(symbol: str, where: str, days: pd.DatetimeIndex, span: Span) -> DataError:
    missing = f"no bar from {span.start or 'the beginning'} to {span.end or 'the end'}"
    extent = f"it spans {days.min():%Y-%m-%d} to {days.max():%Y-%m-%d}"
    return DataError(f"{symbol} ({where}): {missing}; {extent}, change data.start or data.end")
