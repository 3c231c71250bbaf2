"""The run folder's tables: a contract of columns and types, checked when a table is written.

Times are UTC. Sizes are units, signed (sells negative). Money is in account currency; fractions are fractions.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from .errors import StoreError

TIME, TEXT, NUMBER, INTEGER = "time", "text", "number", "whole"
DTYPES = {TIME: "datetime64[ns, UTC]", TEXT: "str", NUMBER: "float64", INTEGER: "int64"}


@dataclass(frozen=True)
class Table:
    """A table's name, its columns in order with their types, and the columns that may be null.

    ``added`` are columns of text that folders of earlier versions lack; read from such, they are empty.
    """

    name: str
    columns: dict[str, str]
    nullable: frozenset[str] = frozenset()
    added: frozenset[str] = frozenset()

    def empty(self) -> pd.DataFrame:
        """A frame without rows that fits the contract."""
        return self.frame([])

    def frame(self, rows: list[dict[str, object]]) -> pd.DataFrame:
        """A frame of the contract's types from one mapping per row."""
        return pd.DataFrame(
            {name: MAKERS[kind]([row.get(name, math.nan) for row in rows]) for name, kind in self.columns.items()}
        )

    def check(self, frame: pd.DataFrame) -> None:
        """Refuse a frame that breaks the contract.

        Raises
        ------
        StoreError
            Other columns, another type, or a null where none is allowed; the column is named.
        """
        if list(frame.columns) != list(self.columns):
            raise StoreError(f"table {self.name}: columns are {list(frame.columns)}, must be {list(self.columns)}")
        for name, kind in self.columns.items():
            if str(frame[name].dtype) != DTYPES[kind]:
                raise StoreError(f"table {self.name}: column {name} is {frame[name].dtype}, must be {DTYPES[kind]}")
            if name not in self.nullable and frame[name].isna().any():
                row = int(frame[name].isna().to_numpy().argmax())
                raise StoreError(f"table {self.name}: column {name} is null in row {row}; it may never be")

    def write(self, frame: pd.DataFrame, folder: Path) -> Path:
        """Check a frame and write it as ``<folder>/<name>.parquet``; equal frames give equal bytes."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        self.check(frame)
        path = folder / f"{self.name}.parquet"
        table = pa.Table.from_pandas(frame, preserve_index=False).replace_schema_metadata(None)
        pq.write_table(table, path, compression="zstd")
        return path

    def read(self, folder: Path) -> pd.DataFrame:
        """Read ``<folder>/<name>.parquet`` back, in the contract's types."""
        path = folder / f"{self.name}.parquet"
        try:
            frame = pd.read_parquet(path)
        except (OSError, ValueError) as error:
            raise StoreError(f"{path} cannot be read: {error}") from error
        frame = frame.assign(**dict.fromkeys(sorted(self.added - set(frame)), ""))
        try:
            frame = frame.astype({name: DTYPES[kind] for name, kind in self.columns.items() if name in frame})
        except (TypeError, ValueError) as error:
            raise StoreError(f"{path} does not fit table {self.name}: {error}") from error
        self.check(frame)
        return frame


def _times(column: list[Any]) -> pd.DatetimeIndex:
    try:
        stamps = np.array([time.value for time in column], dtype=np.int64)  # many times faster than pandas' own reading
    except AttributeError:  # no Timestamps, or not all of them
        return pd.DatetimeIndex(pd.to_datetime(column, utc=True)).as_unit("ns")
    return pd.DatetimeIndex(stamps.view("datetime64[ns]"), tz="UTC")


MAKERS: dict[str, Callable[[list[Any]], Any]] = {
    TIME: _times,
    TEXT: lambda column: pd.Series(column, dtype="str").array,
    NUMBER: lambda column: np.array(column, dtype=np.float64),
    INTEGER: lambda column: np.array(column, dtype=np.int64),
}
"""By a column's type, what makes it of a list."""


SIGNALS = Table(
    "signals",
    {"time": TIME, "symbol": TEXT, "prediction": NUMBER, "confidence": NUMBER, "fold": INTEGER},
    frozenset({"prediction", "confidence"}),
)
EQUITY = Table(
    "equity",
    {
        "time": TIME,
        "equity": NUMBER,
        "cash": NUMBER,
        "gross_exposure": NUMBER,
        "net_exposure": NUMBER,
        "return": NUMBER,
    },
    frozenset({"return"}),
)
ORDERS = Table(
    "orders",
    {
        "order_id": INTEGER,
        "created_at": TIME,
        "symbol": TEXT,
        "kind": TEXT,
        "side": TEXT,
        "asked": NUMBER,
        "trimmed": NUMBER,
        "filled": NUMBER,
        "price": NUMBER,
        "commission": NUMBER,
        "status": TEXT,
        "reason": TEXT,
        "share_at_fill": NUMBER,
        "decision": TEXT,
    },
    frozenset({"price", "share_at_fill"}),
    added=frozenset({"decision"}),
)
"""The orders: one row an order, and one for each entry that was not sent.

``reason`` says why an order was trimmed or not filled. ``decision`` is the strategy's word for it: the reason that its
rule gave, else ``signal``; ``resize`` for a move back to the rule's size; of an exit the same as ``exit_reason`` of the
trade; empty for the stop and the target of a bracket.
"""
FILLS = Table(
    "fills",
    {
        "order_id": INTEGER,
        "time": TIME,
        "symbol": TEXT,
        "kind": TEXT,
        "size": NUMBER,
        "price": NUMBER,
        "commission": NUMBER,
        "position_after": NUMBER,
    },
)
TRADES = Table(
    "trades",
    {
        "symbol": TEXT,
        "side": TEXT,
        "entered_at": TIME,
        "exited_at": TIME,
        "size": NUMBER,
        "entry_price": NUMBER,
        "exit_price": NUMBER,
        "commission": NUMBER,
        "interest": NUMBER,
        "pnl": NUMBER,
        "pnl_fraction": NUMBER,
        "bars": INTEGER,
        "exit_reason": TEXT,
        "entry_reason": TEXT,
    },
    frozenset({"exited_at", "exit_price"}),
    added=frozenset({"entry_reason"}),
)
COSTS = Table("costs", {"time": TIME, "symbol": TEXT, "kind": TEXT, "amount": NUMBER}, nullable=frozenset({"amount"}))
"""The costs of trading: one row a cost, positive where it was paid, negative where it was earned.

``kind`` is commission, slippage, impact, short_interest or cash_interest; ``symbol`` is empty for interest on cash.
``amount`` is null for slippage under a broker that keeps no record of it: a recorded run of a broker that is not of
backtrader's own kind.
"""
STOPS = Table(
    "stops",
    {
        "order_id": INTEGER,
        "symbol": TEXT,
        "entered_at": TIME,
        "size": NUMBER,
        "entry_price": NUMBER,
        "stop_price": NUMBER,
        "bar_extreme": NUMBER,
        "bar_close": NUMBER,
        "stopped_at": TIME,
        "stopped_size": NUMBER,
        "trigger": NUMBER,
        "quoted": NUMBER,
    },
    frozenset({"stopped_at", "stopped_size", "trigger", "quoted"}),
)
"""The stops of entries: one row an entry that had one, ``order_id`` that of the entry.

``stop_price`` is where the stop lay when the entry was filled. It is not active on the bar of the entry, whose
``bar_extreme`` (the low for a long, the high for a short, the close for an entry at the close) and ``bar_close`` say
what it missed. If it was hit later, ``stopped_size`` is what it closed, ``trigger`` where it lay then, and ``quoted``
the market's price before slippage: beyond the trigger after a gap.
"""
TABLES = (SIGNALS, EQUITY, ORDERS, FILLS, TRADES, COSTS, STOPS)
