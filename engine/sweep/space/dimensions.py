"""The axes of a sweep's space as values: what a point of the unit cube, or a place in a grid, means on each."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from core.types import Matrix, Vector
from engine.config.sweep_spec import Axis, Choices, decimal

Columns: TypeAlias = dict[str, list[Any]]
"""Values by dotted path, one a trial."""
DIGITS = 6
"""Significant digits of a value that is drawn from a range without a step: more would only be hard to read."""


@dataclass(frozen=True)
class Discrete:
    """An axis of given values."""

    path: str
    values: tuple[Any, ...]

    def __len__(self) -> int:
        return len(self.values)

    @property
    def ordered(self) -> bool:
        """Whether neighbours in the list are neighbours in size: numbers, increasing."""
        numbers = [value for value in self.values if isinstance(value, int | float) and not isinstance(value, bool)]
        return len(numbers) == len(self.values) and numbers == sorted(numbers)

    @property
    def representatives(self) -> tuple[Any, ...]:
        """What stands for all values where a space is checked."""
        return self.values

    def at(self, unit: Vector) -> list[Any]:
        """The values at places of [0, 1)."""
        return self.of(np.minimum((unit * len(self)).astype(np.int64), len(self) - 1))

    def of(self, codes: Any) -> list[Any]:
        """The values of these numbers."""
        return [self.values[code] for code in codes.tolist()]


@dataclass(frozen=True)
class Continuous:
    """An axis of any value in between; of any whole value, where both ends are whole."""

    path: str
    low: float
    high: float
    whole: bool
    log: bool
    ordered: bool = True

    @property
    def representatives(self) -> tuple[Any, ...]:
        """What stands for all values where a space is checked."""
        return tuple(dict.fromkeys(self.at(np.array([0.0, 0.5, 1.0 - 1e-12]))))

    def at(self, unit: Vector) -> list[Any]:
        """The values at places of [0, 1)."""
        low, high = self.low, self.high + (1 if self.whole else 0)
        if self.log:
            values = np.exp(math.log(low) + unit * (math.log(high) - math.log(low)))
        else:
            values = low + unit * (high - low)
        if self.whole:
            return [int(value) for value in np.clip(np.floor(values), self.low, self.high).tolist()]
        return [self.rounded(value) for value in values.tolist()]

    def rounded(self, value: float) -> float:
        """With so many digits as a person reads, and inside."""
        return min(max(float(f"{value:.{DIGITS}g}"), float(self.low)), float(self.high))


Dimension: TypeAlias = Discrete | Continuous


def dimension(path: str, axis: Axis) -> Dimension:
    """An axis of a config as one that can be drawn from.

    >>> from .spec import Range
    >>> dimension("risk.base", Range(low=0.005, high=0.02, step=0.005)).values
    (0.005, 0.01, 0.015, 0.02)
    """
    if isinstance(axis, Choices):
        return Discrete(path, tuple(axis.choices))
    whole = isinstance(axis.low, int) and isinstance(axis.high, int) and not isinstance(axis.step, float)
    if axis.step is None:
        return Continuous(path, axis.low, axis.high, whole, axis.log)
    low, high, step = (decimal(number) for number in (axis.low, axis.high, axis.step))
    steps = (low + number * step for number in range(int((high - low) / step) + 1))
    return Discrete(path, tuple(int(value) if whole else float(value) for value in steps))


def table_cell(value: Any) -> Any:
    """A value as a table's cell: numbers, texts and null as they are, what is nested as JSON."""
    if isinstance(value, Mapping | list | tuple):
        return json.dumps(value, separators=(", ", ": "))
    return value


def points(dimensions: Sequence[Dimension], unit: Matrix) -> Columns:
    """The points of the unit cube, (P, D), as columns."""
    return {axis.path: axis.at(unit[:, number]) for number, axis in enumerate(dimensions)}
