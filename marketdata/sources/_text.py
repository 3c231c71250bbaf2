"""Comma-separated text to a raw table."""

import csv
import io

import pandas as pd

from core.errors import DataError
from core.types import COLUMNS
from marketdata.faults import Fault

from ._base import RawTable
from ._dates import parse_dates

DATE = "Date"
HEADER = {"Open": "open", "High": "high", "Low": "low", "Close": "close", "Volume": "volume"}
ADJUSTED = "Adj Close"

Rows = list[list[str]]
Columns = dict[str, tuple[str, ...]]


def read_table(symbol: str, content: bytes, where: str) -> RawTable:
    """The table in a file with the columns Date, Open, High, Low, Close, Volume.

    Other columns are left out, and a note says so. Cells stay text: the checks turn them into numbers.

    Parameters
    ----------
    content : the file's bytes, UTF-8 with or without a byte order mark.
    where : the file's name, for messages.

    Raises
    ------
    DataError
        The file is empty, binary, not UTF-8, ragged, lacks a column, or has dates that cannot be read.
    """
    header, rows = _split(symbol, _decode(symbol, content, where), where)
    fault = _header_fault(header) or _ragged(rows, len(header))
    if fault:
        raise fault.error(symbol, where)
    columns = _columns(header, rows)
    stamps = parse_dates(columns[DATE])
    if isinstance(stamps, Fault):
        raise stamps.error(symbol, where)
    frame = pd.DataFrame(
        {HEADER[name]: pd.Series(columns[name], dtype=object) for name in HEADER}, columns=list(COLUMNS)
    )
    return RawTable(frame.set_axis(stamps.index), where, stamps.offsets, _left_out(columns))


def _decode(symbol: str, content: bytes, where: str) -> str:
    if not content.strip():
        raise DataError(f"{symbol} ({where}): the file is empty; it needs the columns {_needed()}")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        found = f"byte 0x{content[error.start]:02x} in line {line} is not UTF-8"
        raise DataError(f"{symbol} ({where}): {found}; save the file as UTF-8 text (is it binary?)") from error
    if "\0" in text:
        raise DataError(f"{symbol} ({where}): the file is binary; it must be UTF-8 text with commas")
    return text


def _split(symbol: str, text: str, where: str) -> tuple[list[str], Rows]:
    reader = csv.reader(io.StringIO(text, newline=None), strict=True, skipinitialspace=True)
    try:
        header, *rows = reader
    except csv.Error as error:
        raise DataError(f"{symbol} ({where}): line {reader.line_num} is not comma-separated text: {error}") from error
    while rows and not any(rows[-1]):
        rows.pop()  # blank lines at the end are no rows
    return [name.strip() for name in header], rows


def _header_fault(header: list[str]) -> Fault | None:
    twice = sorted({name for name in (DATE, *HEADER) if header.count(name) > 1})
    if twice:
        return Fault(f"column {', '.join(twice)} is there twice", "keep one")
    missing = [name for name in (DATE, *HEADER) if name not in header]
    if missing:
        found = ", ".join(header)
        return Fault(f"column {', '.join(missing)} is missing; found: {found}", f"the first line must name {_needed()}")
    return None


def _ragged(rows: Rows, width: int) -> Fault | None:
    wrong = [row for row, cells in enumerate(rows) if len(cells) != width]
    if not wrong:
        return None
    found = f"{len(rows[wrong[0]])} cells where the header has {width}"
    return Fault(found, "mend or remove the line; a number must not hold commas", wrong)


def _columns(header: list[str], rows: Rows) -> Columns:
    cells = zip(*rows, strict=True) if rows else [()] * len(header)
    return dict(zip(header, cells, strict=True))


def _left_out(columns: Columns) -> tuple[str, ...]:
    extra = [name for name in columns if name not in {DATE, *HEADER}]
    if not extra:
        return ()
    note = f"columns not used: {', '.join(extra)}"
    pairs = zip(columns.get(ADJUSTED, ()), columns["Close"], strict=False)
    differing = sum(adjusted != close for adjusted, close in pairs)
    if differing:
        note += (
            f"; {ADJUSTED} differs from Close in {differing} rows, so splits and dividends look like moves of the price"
        )
    return (note,)


def _needed() -> str:
    return ", ".join((DATE, *HEADER))
