"""Bars of a request as checked bars: by the checks of data files, after a fast look that finds most requests sound."""

import re
from collections.abc import Callable, Sequence
from itertools import starmap
from operator import itemgetter

import numpy as np
import numpy.typing as npt
import pandas as pd

from core.clock import closes
from core.types import COLUMNS, Bars, Vector
from marketdata.data_faults import MAX_LISTED, when
from marketdata.data_faults import Fault as TableFault
from marketdata.sources.base import RawTable
from marketdata.timestamps import Session
from marketdata.validation import faults

from .problems import Fault, Problem, refused, shortened
from .schemas import Bar

DATE = re.compile(r"\d{4}-\d{2}-\d{2}(?:[T ]00:00(?::00(?:\.0+)?)?(?:Z|[+-]\d{2}:?\d{2})?)?", re.ASCII)
"""A date, or a midnight, which files mean as a date, too."""
MOMENT = re.compile(r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:Z|[+-]\d{2}:?\d{2})", re.ASCII)
UTC_SECOND = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:Z|\+00:00)", re.ASCII)
EXAMPLE = "write 2024-06-28T20:00:00Z, or 2024-06-28 for a daily bar"
EARLIEST = pd.Timestamp("1700-01-01", tz="UTC").value
SECOND = 10**9
DAY = 86_400 * SECOND
LISTED = 4
"""Faults that are told; the rest is counted."""
CELLS = itemgetter("time", *COLUMNS)


def checked_rows(symbol: str, rows: Sequence[Bar], session: Session, where: str, now: pd.Timestamp) -> Bars:
    """The bars of one symbol.

    Parameters
    ----------
    rows : oldest first.
    session : closes the bars that have a date alone.
    where : their place in the request, as ``bars``.
    now : the present, aware; bars that lie more than a day ahead are refused.

    Raises
    ------
    Problem
        422: a time cannot be read, or a check of data files refuses a bar.
    """
    texts, *columns = zip(*map(CELLS, rows), strict=True)
    times = moments(texts, session, lambda row: f"{where}[{row}].time")
    numbers = [np.array(column, dtype=np.float64) for column in columns]
    if not _is_sound(times.asi8, numbers, now.value):
        _refuse(times, numbers, where)
    for array in numbers:
        array.flags.writeable = False
    return Bars(symbol, times, *numbers)


def moments(texts: Sequence[str], session: Session, location: Callable[[int], str]) -> pd.DatetimeIndex:
    """Times in UTC, ns: dates at the session's close, as in files; others as their offsets say.

    Parameters
    ----------
    location : gives the place of a text in the request, by its number.

    Raises
    ------
    Problem
        422: a text is no date and no time with an offset.
    """
    try:
        if all(map(DATE.fullmatch, texts)):
            days = pd.DatetimeIndex(pd.to_datetime([text[:10] for text in texts], format="%Y-%m-%d"))
            return closes(days.as_unit("ns"), session.time, session.zone).as_unit("ns")
        if all(map(UTC_SECOND.fullmatch, texts)):
            stamps = np.array([text[:19] for text in texts], dtype="M8[s]")  # as below, in a tenth of the time
            return pd.DatetimeIndex(stamps).as_unit("ns").tz_localize("UTC")
        if all(map(MOMENT.fullmatch, texts)):
            return pd.DatetimeIndex(pd.to_datetime(list(texts), format="ISO8601", utc=True)).as_unit("ns")
    except (ValueError, OverflowError):
        pass  # one of them does not exist: it is looked for below
    raise refused(_time_fault(texts, session, location))


def _time_fault(texts: Sequence[str], session: Session, location: Callable[[int], str]) -> Fault:
    """The first text that is no time, or that is one of another kind than the first."""
    is_dates = DATE.fullmatch(texts[0]) is not None
    for number, text in enumerate(texts):
        if not DATE.fullmatch(text) and not MOMENT.fullmatch(text):
            return Fault(location(number), "is no date, and no time with a UTC offset", shortened(text), EXAMPLE)
        if is_dates != (DATE.fullmatch(text) is not None) and (is_dates or len(text) == 10):
            return Fault(location(number), "dates and times are mixed", shortened(text), "write all of one kind")
        try:
            stamp = pd.Timestamp(text).as_unit("ns")
            if is_dates:
                closes(pd.DatetimeIndex([stamp.tz_localize(None).normalize()]), session.time, session.zone)
        except (ValueError, OverflowError):
            return Fault(location(number), "there is no such time", shortened(text), EXAMPLE)
    return Fault(location(0), "the times cannot be read", shortened(texts[0]), EXAMPLE)


def _is_sound(stamps: npt.NDArray[np.int64], numbers: Sequence[Vector], now: int) -> bool:
    """True if no check of data files can find a fault; False leaves the judgement to them."""
    opening, high, low, close, volume = numbers
    in_time = stamps[0] >= EARLIEST and stamps[-1] <= now + DAY and not (stamps % SECOND).any()
    ordered = bool((np.diff(stamps) > 0).all())
    finite = all(bool(np.isfinite(column).all()) for column in numbers)
    inside = (low > 0) & (low <= opening) & (opening <= high) & (low <= close) & (close <= high) & (volume >= 0)
    return bool(in_time and ordered and finite and inside.all())


def _refuse(times: pd.DatetimeIndex, numbers: Sequence[Vector], where: str) -> None:
    """Refuse bars by the checks of data files; bars that they let through are used."""
    frame = pd.DataFrame(dict(zip(COLUMNS, numbers, strict=True)), index=times)
    collected = faults(RawTable(frame, where))
    if not collected:
        return
    more = [Fault(where, f"{len(collected) - LISTED} more faults")] if len(collected) > LISTED else []
    raise Problem(422, "bars", *[_in_request(fault, times, where) for fault in collected[:LISTED]], *more)


def _in_request(fault: TableFault, times: pd.DatetimeIndex, where: str) -> Fault:
    """A fault of a table, with its rows as places in the request."""
    if not len(fault.rows):
        return Fault(where, fault.problem, remedy=fault.advice)
    named = ", ".join(starmap(_name, ((where, row, times) for row in fault.rows[1:MAX_LISTED])))
    more = f" and {len(fault.rows) - MAX_LISTED} more" if len(fault.rows) > MAX_LISTED else ""
    also = f", also in {named}{more}" if named else ""
    return Fault(_name(where, fault.rows[0], times), f"{fault.problem}{also}", remedy=fault.advice)


def _name(where: str, row: int, times: pd.DatetimeIndex) -> str:
    return f"{where}[{row}] ({when(times[row])})"
