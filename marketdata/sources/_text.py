"""Comma-separated text to a raw table."""

import csv
import io
import re

import pandas as pd

from core.errors import DataError
from marketdata.data_faults import Fault

from ._columns import assemble, needed, recognise
from ._dates import parse_dates
from .base import RawTable

Rows = list[list[str]]


def read_table(symbol: str, content: bytes, where: str, *, adjust: bool = False) -> RawTable:
    """The table in a text file whose first line names the columns; see :mod:`marketdata.sources._columns`.

    Columns without a role are left out, and a note says so. Cells stay text: the checks turn them into numbers.

    Parameters
    ----------
    content : the file's bytes, UTF-8 with or without a byte order mark.
    where : the file's name, for messages.
    adjust : apply the adjusted closes.

    Raises
    ------
    DataError
        The file is empty, binary, not UTF-8, ragged, lacks a column, or has dates that cannot be read.
    """
    header, rows = _split(symbol, _decode(symbol, content, where), where)
    roles = _several_headers(header, rows) or recognise(header, adjust, "the first line")
    if isinstance(roles, Fault):
        raise roles.error(symbol, where)
    if fault := _ragged(rows, len(header)):
        raise fault.error(symbol, where)
    columns = list(zip(*rows, strict=True)) if rows else [()] * len(header)
    stamps = parse_dates(
        [" ".join(cells) for cells in zip(*(columns[column] for column in roles.time_columns), strict=True)]
    )
    if isinstance(stamps, Fault):
        raise stamps.error(symbol, where)
    return assemble(roles, [pd.Series(cells, dtype=object) for cells in columns], stamps, where, adjust)


def _several_headers(header: list[str], rows: Rows) -> Fault | None:
    """The fault of a file with the three header lines that yfinance writes for a list of tickers."""
    if header[0].casefold() != "price" or not rows or rows[0][:1] != ["Ticker"]:
        return None
    return Fault(
        "lines 1 to 3 are the headers that yfinance writes for several tickers (Price, Ticker, Date)",
        "download each symbol with multi_level_index=False, or write Date for Price and remove lines 2 and 3",
    )


def _decode(symbol: str, content: bytes, where: str) -> str:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        problem = f"byte 0x{content[error.start]:02x} in line {line} is not UTF-8"
        raise DataError(f"{symbol} ({where}): {problem}; save the file as UTF-8 text (is it binary?)") from error
    if not text.strip():
        raise DataError(f"{symbol} ({where}): the file is empty; it needs the columns {needed()}")
    if "\0" in text:
        raise DataError(f"{symbol} ({where}): the file is binary; it must be UTF-8 text with commas")
    return text


def _split(symbol: str, text: str, where: str) -> tuple[list[str], Rows]:
    reader = csv.reader(io.StringIO(text, newline=None), strict=True, skipinitialspace=True)
    try:
        header, *rows = reader
    except csv.Error as error:
        raise DataError(f"{symbol} ({where}): line {reader.line_num} is not comma-separated text: {error}") from error
    if len(header) == 1 and (separator := re.search(r"[;\t|]", header[0])):
        problem = f"line 1 is separated by {separator[0]!r}, not by commas"
        raise DataError(f"{symbol} ({where}): {problem}; save the file with commas, and a point before decimals")
    while rows and not any(rows[-1]):
        rows.pop()  # blank lines at the end are no rows
    return [name.strip() for name in header], rows


def _ragged(rows: Rows, width: int) -> Fault | None:
    wrong = [row for row, cells in enumerate(rows) if len(cells) != width]
    if not wrong:
        return None
    problem = f"{len(rows[wrong[0]])} cells where the header has {width}"
    return Fault(problem, "mend or remove the line; a number must not hold commas", wrong)
