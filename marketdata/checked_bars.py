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
from .data_warnings import data_warnings
from .timestamps import Session, close_times
from .validation import beyond_time, checked, duplicates

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
    """

    raw: RawTable
    times: pd.DatetimeIndex
    days: pd.DatetimeIndex
    notes: tuple[str, ...]


def checked_bars(symbol: str, raw: RawTable, session: Session, span: Span, *, traded: bool) -> tuple[Bars, list[str]]:
    """The bars of a table and the notes on them.

    Raises
    ------
    DataError
        The stamps cannot be placed in time, no bar lies in the span, or a check refuses one that does.
    """
    cut = cut_to_span(symbol, raw, session, span)
    frame = checked(symbol, cut.raw)
    warnings = data_warnings(frame.set_axis(cut.days), traded=traded)
    return Bars.of(symbol, frame.set_axis(cut.times)), [*cut.notes, *warnings]


def cut_to_span(symbol: str, raw: RawTable, session: Session, span: Span) -> Cut:
    """A table cut to the span before anything in it is judged; errors as of :func:`checked_bars`."""
    _require_calendar(symbol, raw)
    raw, turned = oldest_first(raw)
    closed = close_times(raw, session)
    if isinstance(closed, Fault):
        closed = duplicates(raw.frame) or closed  # an hour that is there twice is why a time is in doubt
        raise closed.error(symbol, raw.where, raw.row_names)
    days = sessions(closed.times, session.market_zone)
    inside = span.holds(days)
    if len(days) and not inside.any():
        raise _outside(symbol, raw.where, days, span)
    read = (f"read as {raw.recognition.text}",) if raw.recognition and raw.recognition.unusual else ()
    notes = (*read, *raw.notes, *turned, *closed.notes)
    if inside.all():
        return Cut(raw, closed.times, days, notes)
    return Cut(raw.cut(inside), closed.times[inside], days[inside], notes)


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
