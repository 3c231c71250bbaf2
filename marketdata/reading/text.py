"""Delimited text to a sheet."""

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from core.errors import DataError
from core.types import PRICES
from marketdata.data_faults import Fault
from marketdata.sources.base import ADJUSTED

from .assemble import Recognised, recognised, sheet_of
from .columns import SYMBOL, Roles, needed, roles_of
from .content import text_of
from .head import STAMP, Form, form_of
from .numbers import NULLS, numbers
from .options import ReadingOptions
from .sheet import Sheet, Symbols
from .stacked import stacked
from .stamps import Stamps, stamps_of_text

DELIMITER_NAMES = {";": "semicolons", "\t": "tabs", "|": "bars", " ": "blanks"}
HEAD = 4096
BLOCK = 1 << 22  # bytes that Arrow parses at once


@dataclass(frozen=True)
class Job:
    """A text file on its way to a sheet: its form, what is known of it, and the names of its columns."""

    content: bytes
    form: Form
    file: Recognised
    names: tuple[str, ...]
    facts: tuple[str, ...]
    options: ReadingOptions


def read_text(content: bytes, label: str, file: str, options: ReadingOptions) -> Sheet:
    """The sheet in a text file's bytes.

    Parameters
    ----------
    label : symbol and file, for messages.
    file : the file's name, which some layouts are recognised by.

    Raises
    ------
    DataError
        The file is empty, binary, ragged, lacks a column, or has dates that cannot be read.
    """
    job = _job(content, label, file, options)
    sheet = _paired(job) if _several_tickers(job) else _sheet(job, range(len(job.names)))
    if isinstance(sheet, Fault):
        raise sheet.labelled(label, first_line=job.form.line)
    return replace(sheet, first_line=job.form.line)


def _job(content: bytes, label: str, file: str, options: ReadingOptions) -> Job:
    text = text_of(content, label, options.encoding)
    if not text.content[:HEAD].strip() and not text.content.strip():
        raise DataError(f"{label}: the file is empty; it needs the columns {needed()}")
    stated = [name for name in (options.columns or {}).values() if isinstance(name, str)]
    form = form_of(text.content, file, options.delimiter, options.skip, stated)
    layout = recognised(form.head, options)
    width = len(form.head.rows[0]) if form.head.rows else 0
    names = form.head.names or layout.parts.names or tuple(f"column {number + 1}" for number in range(width))
    if form.trailing:
        names = (*names, "")
    return Job(text.content, form, layout, names, (*text.facts, *_facts(form)), options)


def _facts(form: Form) -> list[str]:
    """Everything unusual about the form of a file, in words."""
    facts = [] if form.head.names else ["no header"]
    sign = form.head.delimiter
    if sign != ",":
        facts.append(f"cells separated by {DELIMITER_NAMES.get(sign, repr(sign))}")
    above = len([line for line in form.head.above if line.strip()])
    if above:
        facts.append(f"{above} {'line' if above == 1 else 'lines'} above the table")
    if form.trailing:
        facts.append("a delimiter at the end of each line")
    return facts + [f"below the table {line[:60]!r}" for line in reversed(form.below)]


def _several_tickers(job: Job) -> bool:
    return len(set(job.form.tickers[1:])) > 1


def _paired(job: Job) -> Sheet | Fault:
    """The sheet of a table with columns for each of several symbols, symbol under symbol."""
    sheets = []
    for ticker in dict.fromkeys(job.form.tickers[1:]):
        sheet = _sheet(job, [0, *(column for column, name in enumerate(job.form.tickers) if name == ticker)])
        if isinstance(sheet, Fault):
            return sheet
        sheets.append(replace(sheet, symbols=Symbols.one(ticker, len(sheet.stamps.index), "Ticker")))
    return stacked(sheets)


def _sheet(job: Job, columns: Sequence[int]) -> Sheet | Fault:
    """The sheet of some of the file's columns."""
    names = [job.names[column] for column in columns]
    rows = job.form.head.rows
    dated = bool(rows) and bool(rows[0]) and STAMP.match(rows[0][0].strip()) is not None
    roles = roles_of(names, job.file.parts.columns, job.options.adjust, "the first line", dated)
    if isinstance(roles, Fault):
        return roles
    decimal = job.file.parts.decimal or _decimal(job, roles, columns)
    if isinstance(decimal, Fault):
        return decimal
    cells = _cells(job, roles, columns, decimal)
    if isinstance(cells, Fault):
        return cells
    stamps = _stamps(job, roles, cells)
    if isinstance(stamps, Fault):
        return _blank_line(job, columns) or stamps
    facts = [*job.facts, *(["decimal commas"] if decimal == "," else [])]
    symbols = _symbols(job, roles, cells, len(stamps.index))
    return sheet_of(roles, lambda column: cells[column], stamps, job.file, facts, job.options, symbols)


def _symbols(job: Job, roles: Roles, cells: dict[int, Any], count: int) -> Symbols | None:
    """The owners of the rows, by a column or by yfinance's line of tickers."""
    if SYMBOL in roles.columns:
        return Symbols.of(cells[roles.columns[SYMBOL]], roles.names[roles.columns[SYMBOL]])
    tickers = set(job.form.tickers[1:])
    return Symbols.one(tickers.pop(), count, "Ticker") if len(tickers) == 1 else None


def _decimal(job: Job, roles: Roles, columns: Sequence[int]) -> str | Fault:
    """The sign before decimals, by the first rows' prices."""
    cells = [
        row[columns[roles.columns[role]]].strip()
        for row in job.form.head.rows
        for role in PRICES
        if columns[roles.columns[role]] < len(row)
    ]
    with_comma = [cell for cell in cells if "," in cell]
    if not with_comma or any(re.search(r",\d{3}\.|^[^,]*\.\d*$", cell) for cell in cells):
        if with_comma and not any(re.search(r"\.\d", cell) for cell in with_comma) and job.form.head.delimiter != ",":
            return _undecided(with_comma[0], cells)
        return "."
    return _undecided(with_comma[0], cells)


def _undecided(example: str, cells: Sequence[str]) -> str | Fault:
    if any(re.search(r"\.\d{3},|^[^,.]*,(?:\d{1,2}|\d{4,})$", cell) for cell in cells):
        return ","
    if any(re.search(r"\d,\d{3},|,\d{3}\.\d", cell) for cell in cells):
        return "."
    advice = 'state `decimal: ","` (or ".") in the source'
    return Fault(f"{example!r} may be a number with decimals or with thousands", advice)


def _cells(job: Job, roles: Roles, columns: Sequence[int], decimal: str) -> dict[int, Any] | Fault:
    """The needed columns: numbers as float64 or objects, stamps and symbols as Arrow texts."""
    number_roles = [role for role in (*PRICES, "volume", ADJUSTED) if role in roles.columns]
    marks = job.file.parts.no_volume
    texts = {*roles.time_columns, *([roles.columns[SYMBOL]] if SYMBOL in roles.columns else [])}
    number_columns = {roles.columns[role]: role for role in number_roles}
    needed_columns = sorted({*texts, *number_columns})
    slow = {column for column, role in number_columns.items() if role == "volume" and marks}
    table = _parsed(job, columns, needed_columns, set(number_columns) - slow if decimal == "." else set())
    if isinstance(table, Fault):
        return table
    if job.form.trailing and (fault := _not_empty(table[str(len(job.names) - 1)], len(job.names) - 1)):
        return fault
    return {
        index: _converted(table[str(columns[index])], number_columns[index], decimal, marks)
        if index in number_columns
        else table[str(columns[index])]
        for index in needed_columns
    }


def _converted(cells: Any, role: str, decimal: str, marks: tuple[str, ...]) -> npt.NDArray[Any]:
    """A column's numbers, as Arrow has read them or from its texts."""
    import pyarrow as pa

    if pa.types.is_floating(cells.type):
        return np.asarray(cells.to_numpy())
    is_volume = role == "volume"
    return numbers(cells, decimal, amounts=is_volume, missing=marks if is_volume else ())


def _parsed(job: Job, columns: Sequence[int], indices: Sequence[int], typed: set[int]) -> Any:
    """The needed columns as an Arrow table, with numbers where they are plain; or the fault of the text."""
    import pyarrow as pa

    problem = ""
    for attempt in (typed, set()) if typed else (set(),):
        try:
            return _arrow(job, columns, indices, attempt)
        except pa.ArrowInvalid as error:
            problem = str(error)
    return _by_python(job, columns, indices, problem)


def _arrow(job: Job, columns: Sequence[int], indices: Sequence[int], typed: set[int]) -> Any:
    """The needed columns of the rows as an Arrow table; names are the columns' numbers in the file."""
    import pyarrow as pa
    import pyarrow.csv as pacsv

    content = _rows(job)
    names = [str(number) for number in range(len(job.names))]
    include = [names[columns[index]] for index in indices] + ([names[-1]] if job.form.trailing else [])
    types = {names[columns[index]]: pa.float64() if index in typed else pa.string() for index in indices}
    types |= {names[-1]: pa.string()} if job.form.trailing else {}
    if not len(content):
        return pa.table({name: pa.array([], type=types[name]) for name in include})
    return pacsv.read_csv(
        pa.BufferReader(content),
        read_options=pacsv.ReadOptions(column_names=names, block_size=BLOCK),
        parse_options=pacsv.ParseOptions(delimiter=job.form.head.delimiter, ignore_empty_lines=False),
        convert_options=pacsv.ConvertOptions(
            column_types=types, include_columns=include, null_values=list(NULLS), strings_can_be_null=False
        ),
    )


def _blank_line(job: Job, columns: Sequence[int]) -> Fault | None:
    """The fault of a blank line, if there is one: Arrow reads it as a row without a date."""
    start = job.form.start
    rows = job.content[start : job.form.end]
    if not re.search(rb"^\r?\n|\n\r?\n", rows):
        return None
    fault = _by_python(job, columns, (), "a blank line")
    return fault if isinstance(fault, Fault) else None


def _rows(job: Job) -> memoryview | bytes:
    """The bytes of the rows; blanks between cells are made one where they are the delimiter."""
    rows = memoryview(job.content)[job.form.start : job.form.end]
    sign = job.form.head.delimiter
    if sign == " ":
        return re.sub(rb"(?m)^ +| +$", b"", re.sub(rb"[ \t]+", b" ", bytes(rows)))
    if sign == "," and re.search(rb', +"', rows[:65536]):
        return re.sub(rb', +"', b',"', bytes(rows))
    return rows


def _by_python(job: Job, columns: Sequence[int], indices: Sequence[int], problem: str) -> Any:
    """The columns of a text that Arrow refuses, by Python's slower reader, or the fault of it."""
    import pyarrow as pa

    text = bytes(_rows(job)).decode()
    reader = csv.reader(
        io.StringIO(text, newline=None), delimiter=job.form.head.delimiter, strict=True, skipinitialspace=True
    )
    try:
        rows = list(reader)
    except csv.Error as error:
        line = job.form.line + reader.line_num - 1
        return Fault(f"line {line} is no row of a table: {error}", "mend the line, or state the `delimiter`")
    if fault := _ragged(rows, len(job.names) - job.form.trailing):
        return fault
    if not all(len(row) == len(job.names) for row in rows):
        return Fault(f"the table cannot be read: {problem}", "mend the file")
    return pa.table(
        {str(columns[index]): pa.array([row[columns[index]] for row in rows], pa.string()) for index in indices}
    )


def _ragged(rows: Sequence[Sequence[str]], width: int) -> Fault | None:
    wrong = [row for row, cells in enumerate(rows) if len(cells) != width]
    if not wrong:
        return None
    problem = f"{len(rows[wrong[0]])} cells where the header has {width}"
    return Fault(problem, "mend or remove the line; a number must not hold commas", wrong)


def _not_empty(cells: Any, width: int) -> Fault | None:
    import pyarrow.compute as pc

    rows = np.flatnonzero(np.asarray(pc.not_equal(pc.utf8_trim_whitespace(cells), ""))).tolist()
    return Fault(f"{width + 1} cells where the header has {width}", "mend or remove the line", rows) if rows else None


def _stamps(job: Job, roles: Roles, cells: dict[int, Any]) -> Stamps | Fault:
    """The stamps in one column, or in a date and a time of day."""
    import pyarrow.compute as pc

    texts = cells[roles.time_columns[0]]
    if len(roles.time_columns) == 2:
        texts = pc.binary_join_element_wise(
            pc.utf8_trim_whitespace(texts), pc.utf8_trim_whitespace(cells[roles.time_columns[1]]), " "
        )
    return stamps_of_text(texts, job.file.parts.date_format, job.file.parts.dayfirst)
