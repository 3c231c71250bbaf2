"""A file's table as it was read, of one symbol or of several, and the raw tables in it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from core.errors import DataError
from core.types import COLUMNS
from marketdata.layouts.base import letters
from marketdata.sources.base import ADJUSTED, RawTable, Recognition

from .stamps import Stamps

FEW = 3
ADJUST_NOTE = "Adj Close is applied: prices x Adj Close / Close, volume divided by it"


@dataclass(frozen=True, eq=False)
class Symbols:
    """The column of a table that says whose bar a row is.

    Attributes
    ----------
    codes : (T,) places in ``names``.
    names : the symbols, in the order in which the file has them.
    column : the column's name.
    """

    codes: npt.NDArray[np.int32]
    names: tuple[str, ...]
    column: str

    @classmethod
    def of(cls, cells: Any, column: str) -> "Symbols":
        """From an Arrow array of text."""
        import pyarrow as pa
        import pyarrow.compute as pc

        cells = cells.combine_chunks() if isinstance(cells, pa.ChunkedArray) else cells
        coded = pc.utf8_trim_whitespace(pc.fill_null(pc.cast(cells, pa.string()), "")).dictionary_encode()
        codes = np.asarray(coded.indices.to_numpy(zero_copy_only=False), dtype=np.int32)
        return cls(codes, tuple(coded.dictionary.to_pylist()), column)

    @classmethod
    def one(cls, name: str, count: int, column: str) -> "Symbols":
        """A column that says the same in each row."""
        return cls(np.zeros(count, dtype=np.int32), (name,), column)


@dataclass(frozen=True, eq=False)
class Sheet:
    """A file's table.

    Attributes
    ----------
    cells : by role, (T,) float64, or objects where some cell is no number.
    stamps : (T,).
    recognition : how the file was read.
    first_line : the number of the first row's line.
    symbols : whose bars the rows are; None where the file does not say it.
    notes : remarks on the columns.
    """

    cells: Mapping[str, npt.NDArray[Any]]
    stamps: Stamps
    recognition: Recognition
    first_line: int = 2
    symbols: Symbols | None = None
    notes: tuple[str, ...] = field(default=())

    def table(self, symbol: str, where: str) -> RawTable:
        """The table of one symbol: the whole file, or its rows.

        Raises
        ------
        DataError
            The file holds several symbols, and it is none of them.
        """
        symbols = self.symbols
        if symbols is None or len(symbols.names) <= 1:
            return replace(
                self._raw(where, None, ()), warnings=() if symbols is None else tuple(_other(symbols, symbol))
            )
        if symbol not in symbols.names:
            listed = ", ".join(symbols.names[:FEW]) + (" ..." if len(symbols.names) > FEW else "")
            raise DataError(
                f"{symbol} ({where}): column {symbols.column} holds {len(symbols.names)} symbols ({listed}) and not "
                f"{symbol}; name one of them, or write `file:` in place of `files:` for all"
            )
        rows = np.flatnonzero(symbols.codes == symbols.names.index(symbol))
        note = f"of {len(symbols.names)} symbols in the file, the rows whose column {symbols.column} says {symbol}"
        return self._raw(where, rows, (note,))

    def tables(self, where: str) -> Iterator[tuple[str, RawTable]]:
        """Each symbol's table, in the order of the file; none if the file does not say whose its rows are."""
        symbols = self.symbols
        if symbols is None:
            return
        order = np.argsort(symbols.codes, kind="stable")
        bounds = np.searchsorted(symbols.codes[order], np.arange(len(symbols.names) + 1))
        for number, name in enumerate(symbols.names):
            yield name, self._raw(where, order[bounds[number] : bounds[number + 1]], ())

    def _raw(self, where: str, rows: npt.NDArray[np.intp] | None, notes: tuple[str, ...]) -> RawTable:
        part = slice(None) if rows is None else rows
        offsets = self.stamps.offsets
        roles = [role for role in (*COLUMNS, ADJUSTED) if role in self.cells]
        frame = pd.DataFrame(
            {role: self.cells[role][part] for role in roles}, index=self.stamps.index[part], copy=False
        )
        return RawTable(
            frame,
            where,
            offsets=None if offsets is None else offsets[part],
            notes=(*notes, *self.notes, *self.stamps.notes),
            recognition=self.recognition,
            rows=rows,
            first_line=self.first_line,
            typed=self.stamps.typed,
        )


def _other(symbols: Symbols, symbol: str) -> Iterator[str]:
    if symbols.names and not _same_symbol(symbols.names[0], symbol):
        yield f"column {symbols.column} says {symbols.names[0]}: is this the file of {symbol}?"


def _same_symbol(one: str, other: str) -> bool:
    """True if two names may mean one symbol: ``BTC/USDT`` and ``BTCUSDT``, ``AAPL.US`` and ``AAPL``."""
    one = letters(one)
    other = letters(other)
    return one.startswith(other) or other.startswith(one)
