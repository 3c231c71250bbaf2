"""The trace of a pipeline: the values of each stage, in a form in which two runs can be compared."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
import pandas as pd

from core.types import Matrix

Keys: TypeAlias = tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Stage:
    """One stage: R rows of C numbers, each row with the time at which it was known.

    Attributes
    ----------
    name : the stage's name.
    times : (R,) not decreasing.
    keys : (R,) the rest of a row's name: a symbol, a fold, an order.
    columns : C names.
    values : (R, C); NaN is a value like any other.
    tolerance : relative difference that means nothing where two runs work on arrays of different shapes.
    hair : relative difference that never means anything: of a figure that is written down as the sum of two others.
    """

    name: str
    times: pd.DatetimeIndex
    keys: Keys
    columns: Keys
    values: Matrix
    tolerance: float = 0.0
    hair: float = 0.0

    @classmethod
    def table(
        cls, name: str, times: pd.DatetimeIndex, columns: Sequence[str], values: Matrix, tolerance: float = 0.0
    ) -> "Stage":
        """A stage with one row a time."""
        return cls(name, times, ("",) * len(times), tuple(columns), values, tolerance)

    def until(self, last: pd.Timestamp) -> "Stage":
        """The rows known at or before ``last``."""
        count = int(self.times.searchsorted(last, side="right"))
        return replace(self, times=self.times[:count], keys=self.keys[:count], values=self.values[:count])


@dataclass(frozen=True, eq=False)
class Trace:
    """Every stage of one run, in the order in which they follow each other."""

    stages: tuple[Stage, ...]


@dataclass(frozen=True)
class Moved:
    """The first thing in the past that another future changed.

    Attributes
    ----------
    stage : the first stage that moved.
    row : ISO time of the first of its rows that did.
    where : the row's key and column.
    before, after : the value with and without the change; None where there was no such row.
    rows : how many of the stage's rows moved.
    cut : the last bar that both runs knew, and how the future was changed.
    """

    stage: str
    row: str
    where: str
    before: float | None
    after: float | None
    rows: int
    cut: str = ""


def first_moved(base: Trace, other: Trace, last: pd.Timestamp, *, exact: bool) -> Moved | None:
    """The first difference between two runs in what was known at or before ``last``; None if there is none.

    Parameters
    ----------
    exact : demand equal bits; else a stage's tolerance is allowed, and decisions are only compared where nothing they
        rest on differs at all.
    """
    unsure = False
    for one, two in zip(base.stages, other.stages, strict=True):
        past = one.until(last)
        other_past = two.until(last)
        if unsure and not one.tolerance:
            continue
        moved = _difference(past, other_past, one.hair if exact else max(one.tolerance, one.hair))
        if moved:
            return moved
        unsure = unsure or (not exact and _difference(past, other_past, one.hair) is not None)
    return None


def _difference(one: Stage, two: Stage, tolerance: float) -> Moved | None:
    count = min(len(one.times), len(two.times))
    moved = np.array(
        [left != right for left, right in zip(one.keys[:count], two.keys[:count], strict=True)], dtype=bool
    )
    moved |= np.asarray(one.times[:count] != two.times[:count])
    cells = ~_same(one.values[:count], two.values[:count], tolerance)
    moved |= cells.any(axis=1)
    surplus = abs(len(one.times) - len(two.times))
    if not moved.any() and not surplus:
        return None
    row = int(np.argmax(moved)) if moved.any() else count
    longer = one if row < len(one.times) else two
    column = int(np.argmax(cells[row])) if row < count and cells[row].any() else 0
    where = " ".join(part for part in (longer.keys[row], longer.columns[column] if longer.columns else "") if part)
    return Moved(
        stage=one.name,
        row=longer.times[row].isoformat(),
        where=where,
        before=_value(one, row, column),
        after=_value(two, row, column),
        rows=int(moved.sum()) + surplus,
    )


def _same(one: Matrix, two: Matrix, tolerance: float) -> "np.ndarray[tuple[int, int], np.dtype[np.bool_]]":
    both_nan = np.isnan(one) & np.isnan(two)
    with np.errstate(invalid="ignore"):  # a NaN or an infinity on one side is a difference
        close = np.abs(one - two) <= tolerance * np.maximum(np.abs(one), np.abs(two))
    return np.asarray((one == two) | both_nan | close)


def _value(stage: Stage, row: int, column: int) -> float | None:
    if row >= len(stage.times) or not stage.columns:
        return None
    value = float(stage.values[row, column])
    return value if np.isfinite(value) else None
