"""Faults of a table and their message: symbol, file, problem, rows, advice; always one line."""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from core.errors import DataError

MAX_LISTED = 3  # rows named in a message; the rest is counted


@dataclass(frozen=True)
class Fault:
    """Something that makes a table unusable.

    Attributes
    ----------
    problem : for example ``close is nan``.
    advice : what to do.
    rows : with the problem, counted from 0; empty if it concerns the whole table.
    """

    problem: str
    advice: str
    rows: Sequence[int] = ()

    def error(self, symbol: str, where: str, stamps: pd.DatetimeIndex | None = None) -> DataError:
        """The error to raise; ``stamps`` adds the dates of the rows."""
        in_rows = f" in {_rows(self.rows, stamps)}" if len(self.rows) else ""
        return DataError(f"{symbol} ({where}): {self.problem}{in_rows}; {self.advice}")


def _rows(rows: Sequence[int], stamps: pd.DatetimeIndex | None) -> str:
    listed = ", ".join(_row(int(row), stamps) for row in rows[:MAX_LISTED])
    more = f" and {len(rows) - MAX_LISTED} more" if len(rows) > MAX_LISTED else ""
    return f"{'row' if len(rows) == 1 else 'rows'} {listed}{more}"


def _row(row: int, stamps: pd.DatetimeIndex | None) -> str:
    """A row's number, from 1 below the header, which is line 1 of a text file."""
    stamp = "" if stamps is None or pd.isna(stamps[row]) else f", {when(stamps[row])}"
    return f"{row + 1} (line {row + 2}{stamp})"


def when(stamp: pd.Timestamp) -> str:
    """A stamp as short as it can be written: the date alone at midnight."""
    return f"{stamp:%Y-%m-%d}" if stamp == stamp.normalize() else stamp.isoformat(sep=" ")
