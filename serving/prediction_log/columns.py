"""The columns of a query on the prediction log, filled symbol by symbol and chunk by chunk.

A row of a database driver is a tuple of Python objects. A million of them at once take ten times the memory of their
numbers, so each chunk goes into arrays before the next one is read. A symbol's rows come in the order of the key
``one_answer``: the database sorts nothing.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from sqlalchemy import ColumnElement, Connection, Select, func, select

from core.clock import sessions
from core.types import Matrix

from .tables import PREDICTIONS

CHUNK = 5_000
FIRST = -(2**63)
"""Before every bar."""
TIMES = ("as_of", "received_at", "stored_at", "seen_at")
INTEGERS = ("side", "bars", "number", "same_inputs")
TEXTS = ("reason", "warnings", "request", "inputs")
ORDER = ("as_of", "number")
Positions = npt.NDArray[np.intp]


class Columns:
    """The columns of one query.

    Parameters
    ----------
    names : of the columns.
    inputs : F inputs of the model.
    zone : of a market's sessions. The inputs of the last row of each session are kept, those of other rows need not be.
        None keeps the inputs of every row.
    """

    def __init__(self, names: Sequence[str], inputs: int, zone: str | None) -> None:
        self.names = names
        self.inputs = inputs
        self.zone = zone
        self.read: tuple[str, ...] = ()
        self.cells: dict[str, npt.NDArray[Any]] = {}
        self.symbols: tuple[str, ...] = ()
        self.features: Matrix = np.empty((0, inputs))
        self.feature_rows: Positions = np.empty(0, dtype=np.intp)

    def fill(self, connection: Connection, conditions: Sequence[ColumnElement[bool]]) -> None:
        """Read the rows that meet the conditions."""
        totals = _totals(connection, conditions)
        self.symbols = tuple(totals)
        order = ORDER if len(totals) > 1 else ORDER[:1]
        self.read = tuple(name for name in dict.fromkeys((*order, *self.names)) if name != "symbol")
        self.cells = {name: np.empty(sum(totals.values()), dtype=dtype_of(name)) for name in self.read}
        counts: list[int] = []
        features = [np.empty((0, self.inputs))]
        positions = [np.empty(0, dtype=np.intp)]
        for symbol in totals:
            begin = end = sum(counts)
            for chunk in self._chunks(connection, conditions, symbol):
                rows = slice(end, end + len(chunk))
                for name in self.read:
                    self.cells[name][rows] = chunk[name]
                with_inputs = self._with_inputs(chunk["as_of"])
                content = b"".join(chunk["features"][with_inputs])
                features.append(np.frombuffer(content, "<f8").reshape(len(with_inputs), self.inputs))
                positions.append(end + with_inputs)
                end = rows.stop
            counts.append(end - begin)
        self.features = np.concatenate(features)
        self.feature_rows = np.concatenate(positions)
        self._arrange(np.repeat(np.arange(len(counts), dtype=np.int32), counts))

    def _chunks(
        self, connection: Connection, conditions: Sequence[ColumnElement[bool]], symbol: str
    ) -> Iterator[npt.NDArray[Any]]:
        """The rows of a symbol; each query goes on after the last bar of the one before."""
        table = PREDICTIONS.c
        names = (*self.read, "features")
        dtype = np.dtype([(name, dtype_of(name)) for name in names])
        query = select(*(table[name] for name in names)).where(*conditions, table.symbol == symbol)
        query = query.order_by(table.as_of).limit(CHUNK)
        last = FIRST
        while rows := _tuples(connection, query.where(table.as_of > last)):
            chunk = np.fromiter(rows, dtype=dtype, count=len(rows))
            yield chunk
            last = int(chunk["as_of"][-1])

    def _with_inputs(self, as_of: npt.NDArray[np.int64]) -> Positions:
        """The rows of a chunk whose inputs are kept; its last one may be the last one of a session."""
        if self.zone is None:
            return np.arange(len(as_of))
        days = sessions(_times(as_of), self.zone).to_numpy()
        return np.flatnonzero(np.append(days[1:] != days[:-1], True))

    def _arrange(self, codes: npt.NDArray[np.int32]) -> None:
        """Order the rows of all symbols by ``as_of``, then by storing; cells of rows that are gone are cut off."""
        for name in self.read:
            self.cells[name] = self.cells[name][: len(codes)]
        self.codes = codes
        if len(self.symbols) < 2:
            return
        order = np.lexsort((self.cells["number"], self.cells["as_of"]))
        for name in self.read:
            self.cells[name] = self.cells[name][order]
        self.codes = codes[order]
        ranks = np.empty(len(order), dtype=np.intp)
        ranks[order] = np.arange(len(order))
        moved = ranks[self.feature_rows]
        by_row = np.argsort(moved)
        self.feature_rows = moved[by_row]
        self.features = self.features[by_row]

    def table(self) -> pd.DataFrame:
        """The named columns, one row a prediction; they share the arrays' memory."""
        return pd.DataFrame({name: self._column(name) for name in self.names}, copy=False)

    def _column(self, name: str) -> Any:
        if name == "symbol":
            return pd.Categorical.from_codes(self.codes, categories=pd.Index(self.symbols, dtype="str"))
        return column_of(name, self.cells[name])


def _totals(connection: Connection, conditions: Sequence[ColumnElement[bool]]) -> dict[str, int]:
    symbol = PREDICTIONS.c.symbol
    query = select(symbol, func.count()).where(*conditions).group_by(symbol).order_by(symbol)
    return {str(name): int(total) for name, total in connection.execute(query)}


def _tuples(connection: Connection, query: Select[Any]) -> Sequence[tuple[Any, ...]]:
    """The driver's own rows: a Row of SQLAlchemy for each of a million takes as long as to read them."""
    result = connection.execute(query)
    rows: Sequence[tuple[Any, ...]] = result.cursor.fetchall()
    result.close()
    return rows


def dtype_of(name: str) -> type:
    """The type of a column's cells in memory."""
    if name in TIMES or name in INTEGERS:
        return np.int64
    return object if name in TEXTS or name in ("symbol", "features") else np.float64


def column_of(name: str, cells: Any) -> Any:
    """A column of a table: times are aware UTC."""
    if name in TIMES:
        return _times(np.asarray(cells, dtype=np.int64))
    if dtype_of(name) is object or name in ("kind", "answer"):
        return pd.array(list(cells), dtype="str")
    return np.asarray(cells, dtype=dtype_of(name))


def _times(nanoseconds: npt.NDArray[np.int64]) -> pd.DatetimeIndex:
    return pd.DatetimeIndex(nanoseconds.view("M8[ns]"), copy=False).tz_localize("UTC")
