"""How a table's fault is told: symbol, file, what was found, in which rows, what to do; always one line."""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from core.errors import DataError

SHOWN = 3  # rows named in a message; the rest is counted


@dataclass(frozen=True)
class Fault:
    """Something that makes a table unusable.

    Attributes
    ----------
    found : what was found, for example ``close is nan``.
    advice : what to do.
    rows : the rows it was found in, counted from 0; empty if it concerns the whole table.
    """

    found: str
    advice: str
    rows: Sequence[int] = ()

    def error(self, symbol: str, where: str, stamps: pd.DatetimeIndex | None = None) -> DataError:
        """The error to raise; ``stamps`` adds the dates of the rows."""
        place = f" in {_rows(self.rows, stamps)}" if len(self.rows) else ""
        return DataError(f"{symbol} ({where}): {self.found}{place}; {self.advice}")


def _rows(rows: Sequence[int], stamps: pd.DatetimeIndex | None) -> str:
    shown = ", ".join(_row(int(row), stamps) for row in rows[:SHOWN])
    more = f" and {len(rows) - SHOWN} more" if len(rows) > SHOWN else ""
    return f"{'row' if len(rows) == 1 else 'rows'} {shown}{more}"


def _row(row: int, stamps: pd.DatetimeIndex | None) -> str:
    """A row as people count: from 1 below the header, which is line 1 of a text file."""
    stamp = "" if stamps is None or pd.isna(stamps[row]) else f", {when(stamps[row])}"
    return f"{row + 1} (line {row + 2}{stamp})"


def when(stamp: pd.Timestamp) -> str:
    """A stamp as short as it can be written: the date alone at midnight."""
    return f"{stamp:%Y-%m-%d}" if stamp == stamp.normalize() else stamp.isoformat(sep=" ")
