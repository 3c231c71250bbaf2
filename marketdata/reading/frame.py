"""A typed table, of Parquet or JSON, to a sheet."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from marketdata.data_faults import Fault
from marketdata.layouts.base import Head

from .assemble import Recognised, recognised, sheet_of
from .columns import SYMBOL, roles_of
from .numbers import numbers
from .options import ReadingOptions
from .sheet import Sheet, Symbols
from .stacked import stacked
from .stamps import Stamps, stamps_of_numbers, stamps_of_text

ROWS = 20  # that layouts are recognised by


def sheet_of_frame(
    frame: pd.DataFrame, label: str, file: str, options: ReadingOptions, facts: Sequence[str] = ()
) -> Sheet:
    """The sheet of a typed table.

    Parameters
    ----------
    frame : columns of numbers, times or text; with two levels of names, as yfinance has them, one for each symbol.
    label : symbol and file, for messages.
    facts : what was found about the form of the file, in words.

    Raises
    ------
    DataError
        A column is missing, or the dates cannot be read.
    """
    if isinstance(frame.columns, pd.MultiIndex):
        return stacked([_of_ticker(frame, ticker, label, file, options) for ticker in _tickers(frame)])
    file_known = recognised(_head(frame, file), options)
    if file_known.parts.names and all(str(name).isdigit() for name in frame.columns):
        frame = frame.set_axis(list(file_known.parts.names)[: frame.shape[1]], axis=1)
    sheet = _sheet(frame, file_known, options, facts)
    if isinstance(sheet, Fault):
        raise sheet.labelled(label)
    return sheet


def _head(frame: pd.DataFrame, file: str) -> Head:
    named = not all(str(name).isdigit() for name in frame.columns)
    rows = tuple(tuple(_text(cell) for cell in row) for row in frame.head(ROWS).itertuples(index=False, name=None))
    return Head(file, tuple(map(str, frame.columns)) if named else (), rows)


def _text(cell: object) -> str:
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return str(cell)


def _tickers(frame: pd.DataFrame) -> list[str]:
    level = _ticker_level(frame)
    names = [column[level] for column in frame.columns if str(column[1 - level]).strip()]
    return [str(name) for name in dict.fromkeys(names) if str(name).strip()]


def _ticker_level(frame: pd.DataFrame) -> int:
    """The level of the columns' names that holds the tickers: the one that holds no usual name of prices."""
    usual = {"open", "high", "low", "close"}
    return 1 if usual <= {str(name).casefold() for name in frame.columns.get_level_values(0)} else 0


def _of_ticker(frame: pd.DataFrame, ticker: str, label: str, file: str, options: ReadingOptions) -> Sheet:
    level = _ticker_level(frame)
    chosen = [str(column[level]) == ticker or "" in column for column in frame.columns]
    part = frame.loc[:, chosen]
    part.columns = pd.Index([str(column[1 - level] or column[level]) for column in part.columns])
    sheet = sheet_of_frame(part, label, file, options, ("a column for each symbol",))
    return replace(sheet, symbols=Symbols.one(ticker, len(part), "Ticker"))


def _sheet(frame: pd.DataFrame, file: Recognised, options: ReadingOptions, facts: Sequence[str]) -> Sheet | Fault:
    names = [str(name) for name in frame.columns]
    dated = bool(names) and frame.iloc[:, 0].dtype.kind == "M"
    roles = roles_of(names, file.parts.columns, options.adjust, "the table", dated)
    if isinstance(roles, Fault):
        return roles
    columns = [frame.iloc[:, column] for column in range(len(names))]
    stamps = _stamps([columns[column] for column in roles.time_columns], file)
    if isinstance(stamps, Fault):
        return stamps
    decimal = file.parts.decimal or "."
    volume = roles.columns.get("volume")
    symbols = (
        Symbols.of(_texts(columns[roles.columns[SYMBOL]]), names[roles.columns[SYMBOL]])
        if (SYMBOL in roles.columns)
        else None
    )
    return sheet_of(
        roles,
        lambda column: _cells(columns[column], decimal, column == volume, file.parts.no_volume),
        stamps,
        file,
        facts,
        options,
        symbols,
    )


def _cells(column: pd.Series, decimal: str, is_volume: bool, missing: tuple[str, ...]) -> npt.NDArray[Any]:
    """Numbers as they are, text as numbers, everything else cell by cell for the checks."""
    import pyarrow as pa

    if isinstance(column.dtype, np.dtype) and column.dtype.kind in "fiu":
        return column.to_numpy()
    cells = column.astype(object)
    if len(cells) and all(isinstance(cell, str) for cell in cells):
        texts = pa.array(cells.tolist(), pa.string())
        return numbers(texts, decimal, amounts=is_volume, missing=missing if is_volume else ())
    return cells.to_numpy()


def _stamps(columns: list[pd.Series], file: Recognised) -> Stamps | Fault:
    """The stamps in one column, or in a date and a time of day."""
    import pyarrow.compute as pc

    date_format = file.parts.date_format
    if len(columns) == 1 and columns[0].dtype.kind == "M":
        return _typed(pd.DatetimeIndex(columns[0]))
    if len(columns) == 1 and columns[0].dtype.kind in "iuf":
        values = columns[0].to_numpy()
        if np.isnan(values.astype(float)).any():
            rows = np.flatnonzero(np.isnan(values)).tolist()
            return Fault("the date is missing", "fill it in or remove the row", rows)
        compact = date_format not in ("s", "ms", "us", "ns") and ((values >= 17e6) & (values < 22e6 * 10)).all()
        if not compact:
            return stamps_of_numbers(values, date_format)
        columns = [pd.Series([str(int(value)) for value in values], dtype=object)]
    texts = _texts(columns[0])
    if len(columns) == 2:
        texts = pc.binary_join_element_wise(texts, _texts(columns[1]), " ")
    return stamps_of_text(texts, date_format, file.parts.dayfirst)


def _typed(index: pd.DatetimeIndex) -> Stamps | Fault:
    rows = np.flatnonzero(index.isna())
    if rows.size:
        return Fault("the date is missing", "fill it in or remove the row", rows.tolist())
    if index.tz is None:
        return Stamps(index, None, "times without a zone")
    offsets = (index.tz_localize(None) - index.tz_convert("UTC").tz_localize(None)).total_seconds()
    return Stamps(index.tz_convert("UTC"), offsets.to_numpy().astype(np.int64), "times with a zone", typed=True)


def _texts(column: pd.Series) -> Any:
    """Cells as text; a stamp that is joined with a time of day gives its date alone."""
    import pyarrow as pa

    if column.dtype.kind == "M":
        return pa.array([f"{cell:%Y-%m-%d}" for cell in column], pa.string())
    return pa.array(["" if pd.isna(cell) else str(cell) for cell in column], pa.string())


def flat(frame: pd.DataFrame) -> pd.DataFrame:
    """A table with its index, if it has one, as columns.

    An index without a name is called ``Date`` where it holds times, ``index`` otherwise.
    """
    if isinstance(frame.index, pd.RangeIndex):
        return frame
    names = []
    for number in range(frame.index.nlevels):
        level = frame.index.get_level_values(number)
        dates = isinstance(level, pd.DatetimeIndex)
        names.append(str(level.name) if level.name is not None else "Date" if dates else f"index{number or ''}")
    return frame.reset_index(names=names)
