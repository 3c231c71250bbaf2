"""Faults of a table and their message: symbol, file, problem, rows, advice; always one line."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
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

    def error(self, symbol: str, where: str, rows: "RowNames | None" = None) -> DataError:
        """The error to raise; ``rows`` adds the lines and dates of the rows."""
        return self.labelled(f"{symbol} ({where})", rows)

    def labelled(self, label: str, rows: "RowNames | None" = None, first_line: int = 2) -> DataError:
        """The error to raise, with the symbol and the file as one label."""
        return DataError(f"{label}: {self.text(rows or RowNames(first_line=first_line))}")

    def text(self, rows: "RowNames") -> str:
        """Problem, rows and advice."""
        in_rows = f" in {_rows(self.rows, rows)}" if len(self.rows) else ""
        return f"{self.problem}{in_rows}; {self.advice}"


@dataclass(frozen=True, eq=False)
class RowNames:
    """The names of a table's rows in messages.

    Attributes
    ----------
    stamps : (T,) of the rows, which are added; None adds none.
    numbers : (T,) of the rows in the file, from 0, where some were left out; None: all are there.
    first_line : the number of the line of row 0.
    """

    stamps: pd.DatetimeIndex | None = None
    numbers: npt.NDArray[np.intp] | None = None
    first_line: int = 2

    def name(self, row: int) -> str:
        """A row's number, from 1 below the header, its line and its stamp."""
        stamp = "" if self.stamps is None or pd.isna(self.stamps[row]) else f", {when(self.stamps[row])}"
        number = row if self.numbers is None else int(self.numbers[row])
        return f"{number + 1} (line {number + self.first_line}{stamp})"


def _rows(rows: Sequence[int], names: RowNames) -> str:
    listed = ", ".join(names.name(int(row)) for row in rows[:MAX_LISTED])
    more = f" and {len(rows) - MAX_LISTED} more" if len(rows) > MAX_LISTED else ""
    return f"{'row' if len(rows) == 1 else 'rows'} {listed}{more}"


def when(stamp: pd.Timestamp) -> str:
    """A stamp as short as it can be written: the date alone at midnight."""
    return f"{stamp:%Y-%m-%d}" if stamp == stamp.normalize() else stamp.isoformat(sep=" ")
