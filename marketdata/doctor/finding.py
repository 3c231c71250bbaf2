"""One finding of a check, and the series that a check looks at."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from core.types import Vector

JUMP = 1.9
"""A factor between neighbouring bars that a split or a typo explains better than a market; a 2:1 split reaches it."""
MAX_DATES = 5  # that a text lists; the rest is counted

Severity = Literal["refuse", "warn"]
Rows = npt.NDArray[np.intp]


@dataclass(frozen=True)
class Finding:
    """Something about a file that its user should know.

    Attributes
    ----------
    check : the check's name, as in the table of ``docs/data.md``.
    problem : what is found, with the value and the dates.
    advice : what to do; empty if the problem says it.
    rows : of the table, from 0, most important first; empty if it concerns all of it.
    severity : ``refuse`` if results would be nonsense.
    """

    check: str
    problem: str
    advice: str = ""
    rows: tuple[int, ...] = ()
    severity: Severity = "warn"

    @property
    def text(self) -> str:
        """Problem and advice in one line."""
        return f"{self.problem}; {self.advice}" if self.advice else self.problem


@dataclass(frozen=True, eq=False)
class Series:
    """One symbol's bars.

    Attributes
    ----------
    frame : (T rows) float64 columns `core.types.COLUMNS`, sound but not yet believed.
    days : (T,) sessions, naive midnights.
    traded : orders are filled at its opens.
    times : (T,) close times, UTC; None: the bars have dates alone.
    zone : of the sessions, as `core.clock.sessions` takes it.
    """

    frame: pd.DataFrame
    days: pd.DatetimeIndex
    traded: bool = True
    times: pd.DatetimeIndex | None = None
    zone: str = "UTC"

    def __len__(self) -> int:
        """The number of bars."""
        return len(self.days)

    def column(self, name: str) -> Vector:
        """(T,) a column."""
        return self.frame[name].to_numpy()

    @cached_property
    def steps(self) -> Vector:
        """(T - 1,) log returns from close to close."""
        return np.diff(np.log(self.column("close")))

    @cached_property
    def gaps(self) -> Vector:
        """(T - 1,) log returns from a close to the next open."""
        return np.log(self.column("open")[1:]) - np.log(self.column("close")[:-1])

    @cached_property
    def tail(self) -> float:
        """A move that the series' own returns do not explain.

        The larger of 8 standard deviations by the median absolute deviation (Hampel 1974, x 1.4826), twice the 99 %
        quantile of absolute returns, and 2 %. Moves by a factor of 1.9 or more, and of more than 20 such deviations,
        are left out of the quantile: a few mistakes would hide each other.
        """
        sizes = np.abs(self.steps)
        sizes = sizes[sizes < np.log(JUMP)]
        if not len(sizes):
            return np.inf
        deviation = 1.4826 * np.median(sizes)
        usual = sizes[sizes <= max(20 * deviation, 0.02)]
        return float(max(8 * deviation, 2 * np.quantile(usual, 0.99), 0.02))

    @cached_property
    def unique_days(self) -> pd.DatetimeIndex:
        """The sessions, each once."""
        return self.days.unique()

    @cached_property
    def intraday(self) -> bool:
        """Some session has more than one bar."""
        return not self.days.is_unique

    @cached_property
    def step_days(self) -> float:
        """The median number of days between sessions."""
        return (
            float(np.median(np.diff(self.unique_days.as_unit("s").asi8)) / 86_400) if len(self.unique_days) > 1 else 1.0
        )

    def dates(self, rows: Sequence[int] | Rows) -> str:
        """The dates of rows, in order; the rest is counted."""
        return dates(self.days[np.asarray(rows, dtype=np.intp)])


def dates(days: pd.DatetimeIndex) -> str:
    """The first of some dates, and the number of the others."""
    listed = ", ".join(f"{day:%Y-%m-%d}" for day in days[:MAX_DATES])
    return f"{listed} and {len(days) - MAX_DATES} more" if len(days) > MAX_DATES else listed


def bars(count: int) -> str:
    """A number of bars in words."""
    return "1 bar" if count == 1 else f"{count} bars"


def rows_of(mask: npt.ArrayLike) -> tuple[int, ...]:
    """The numbers of the rows of a mask."""
    return tuple(np.flatnonzero(mask).tolist())
