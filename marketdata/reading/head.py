"""The form of a text file: its delimiter, the line that names the columns, the first row, lines below the table."""

import csv
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

from marketdata.layouts.base import Head

from .columns import role_count

DELIMITERS = ("\t", ";", "|", ",", " ")
ENOUGH = 4  # cells of a line that make a delimiter believable
LINES = 60  # looked at above, and as first rows
TAIL = 4096  # bytes looked at for lines below the table
STAMP = re.compile(r"\d{8}\b|\d{1,4}[-./]\w{1,9}[-./]\d|\d{9,}|[A-Za-z]{3,9}\.? \d{1,2},? \d{4}|\d{1,2}[ -][A-Za-z]{3}")


@dataclass(frozen=True)
class Form:
    """The form of a text file.

    Attributes
    ----------
    head : what layouts are recognised by.
    start, end : bytes between which the rows stand.
    line : the number of the first row's line, from 1.
    trailing : every row ends with one cell more than there are names.
    below : lines below the table that are no rows.
    tickers : by column, the second line of names of yfinance; empty if there is none.
    """

    head: Head
    start: int
    end: int
    line: int
    trailing: bool = False
    below: tuple[str, ...] = ()
    tickers: tuple[str, ...] = ()


def form_of(
    content: bytes, file: str, delimiter: str | None = None, skip: int | None = None, names: Sequence[str] = ()
) -> Form:
    """The form of a text.

    Parameters
    ----------
    content : UTF-8; not blank.
    file : its name.
    delimiter : as stated; None: the one that divides most lines alike.
    skip : lines above the one that names the columns, as stated; None: it is searched for.
    names : of columns that the config states.
    """
    lines = [line.rstrip(b"\r").decode(errors="replace") for line in islice(content[: 1 << 18].split(b"\n"), LINES)]
    sign = delimiter or _delimiter(lines)
    first, header = _first_row(lines, sign, skip, names)
    end, below = _end(content, sign)
    columns = _cells(lines[header], sign) if header is not None else []
    tickers: tuple[str, ...] = ()
    if header is not None and (pairs := _pairs(lines, header, sign)):
        columns, tickers, first = pairs
    start = _offset(content, first)
    rows = tuple(tuple(_cells(line, sign)) for line in lines[first:] if line.strip())
    trailing = bool(columns) and bool(rows) and len(rows[0]) == len(columns) + 1 and not rows[0][-1].strip()
    above = tuple(lines[: first if tickers else header if header is not None else first])
    head = Head(file, tuple(name.strip() for name in columns), rows[:LINES], sign, above)
    return Form(head, start, max(start, end), first + 1, trailing, below, tickers)


def _cells(line: str, delimiter: str) -> list[str]:
    if delimiter == " ":
        return line.split()
    try:
        return next(csv.reader([line], delimiter=delimiter, skipinitialspace=delimiter != "\t"), [])
    except csv.Error:
        return [line]


def _delimiter(lines: Sequence[str]) -> str:
    """The first sign by which a line with known names, or most lines, have enough cells."""
    if match := re.fullmatch(r"sep=(.)", lines[0].strip()):
        return match[1]
    named = [sign for sign in DELIMITERS for line in lines if role_count(_cells(line, sign)) >= ENOUGH]
    if named:
        return named[0]
    for sign in DELIMITERS:
        count, share = Counter(len(_cells(line, sign)) for line in lines if line.strip()).most_common(1)[0]
        if count >= ENOUGH and share * 2 > len(lines) - 1:
            return sign
    return ","


def _first_row(lines: Sequence[str], delimiter: str, skip: int | None, names: Sequence[str]) -> tuple[int, int | None]:
    """The numbers, from 0, of the first row's line and of the line that names the columns, if there is one."""
    if skip is not None:
        return (skip, None) if skip >= len(lines) or _is_row(lines[skip], delimiter) else (skip + 1, skip)
    table = [_cells(line, delimiter) for line in lines]
    stated = {name.strip() for name in names}
    for number, cells in enumerate(table):
        if role_count(cells) >= 3 or (stated and stated <= {cell.strip() for cell in cells}):
            return number + 1, number
        if _is_row(lines[number], delimiter):
            break
    first = next((number for number, line in enumerate(lines) if _is_row(line, delimiter)), None)
    if first is None:
        header = next((number for number, line in enumerate(lines) if line.strip() and not line.startswith("#")), 0)
        return header + 1, header
    above = first - 1
    while above >= 0 and not lines[above].strip():
        above -= 1
    named = above >= 0 and len(table[above]) >= len(table[first]) - 1 and not lines[above].startswith("#")
    return (first, above) if named else (first, None)


def _is_row(line: str, delimiter: str) -> bool:
    """A line with a date among its first cells and at least three numbers."""
    cells = [cell.strip() for cell in _cells(line, delimiter)]
    numbers = sum(bool(re.fullmatch(r"[$€£]?-?[\d.,]*\d[\d.,]*(?:[eE][+-]?\d+)?[KMB]?", cell)) for cell in cells)
    return numbers >= 3 and any(STAMP.match(cell) for cell in cells[:3])


def _pairs(lines: Sequence[str], header: int, delimiter: str) -> tuple[list[str], tuple[str, ...], int] | None:
    """The names, the tickers and the first row below three lines of names: Price,Close..; Ticker,AAPL..; Date,,.."""
    table = [[cell.strip() for cell in _cells(line, delimiter)] for line in lines[header : header + 3]]
    if len(table) < 3 or not table[1] or len(table[1]) != len(table[0]) or _is_row(lines[header + 1], delimiter):
        return None
    index_name, *rest = table[2] or [""]
    if any(rest) or index_name not in ("Date", "Datetime"):
        return None
    return [index_name, *table[0][1:]], ("", *table[1][1:]), header + 3


def _offset(content: bytes, line: int) -> int:
    """The place of the first byte of a line, counted from 0."""
    position = 0
    for _ in range(line):
        position = content.find(b"\n", position) + 1
        if position == 0:
            return len(content)
    return position


def _end(content: bytes, delimiter: str) -> tuple[int, tuple[str, ...]]:
    """The place behind the last row, and the lines below it: without a delimiter but with letters, or empty."""
    end = len(content)
    below: list[str] = []
    while True:
        tail = content[max(0, end - TAIL) : end]
        end -= len(tail) - len(tail.rstrip(b" \r\n"))
        start = content.rfind(b"\n", 0, end) + 1
        line = content[start:end].decode(errors="replace").strip()
        cells = [cell for cell in _cells(line, delimiter) if cell.strip()]
        is_row = len(cells) > 1 or start == 0 or not re.search(r"[^\W\d]{3}", line) or len(below) >= 5
        if is_row and not line.startswith("#"):
            return end, tuple(below)
        below.append(line)
        end = start
