"""Dimensions of a search space: their values, at positions of the unit cube and at grid codes."""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from core.types import Matrix, Vector
from engine.config.sweep_spec import Axis, Choices, decimal

Columns: TypeAlias = dict[str, list[Any]]
"""Values by dotted path, one a trial."""
DIGITS = 6
"""Significant digits of a value that is drawn from a range without a step: more would only be hard to read."""
MAX_LISTED = 10_000
"""Steps of a tenth of the last digit of the widest range whose values are listed; a wider one counts as endless."""


@dataclass(frozen=True)
class Discrete:
    """A dimension with a finite list of values."""

    path: str
    values: tuple[Any, ...]

    def __len__(self) -> int:
        return len(self.values)

    @property
    def ordered(self) -> bool:
        """True if all values are numbers in increasing order, so that neighbours in the list are close in size."""
        numbers = [value for value in self.values if isinstance(value, int | float) and not isinstance(value, bool)]
        return len(numbers) == len(self.values) and numbers == sorted(numbers)

    @property
    def representatives(self) -> tuple[Any, ...]:
        """The values with which a space is checked: all of them."""
        return self.values

    def from_unit(self, unit: Vector) -> list[Any]:
        """The values at positions in [0, 1)."""
        return self.from_codes(np.minimum((unit * len(self)).astype(np.int64), len(self) - 1))

    def from_codes(self, codes: Any) -> list[Any]:
        """The values at these indices of the list."""
        return [self.values[code] for code in codes.tolist()]


@dataclass(frozen=True)
class Continuous:
    """A dimension with every value of an interval, or every integer of it if both ends are integers."""

    path: str
    low: float
    high: float
    is_integer: bool
    log: bool
    ordered: bool = True

    @property
    def representatives(self) -> tuple[Any, ...]:
        """The values with which a space is checked: both ends and the middle."""
        return tuple(dict.fromkeys(self.from_unit(np.array([0.0, 0.5, 1.0 - 1e-12]))))

    @property
    def listed(self) -> Sequence[Any] | None:
        """All values, increasing; None where there are more than some ten thousand numbers that are not whole."""
        if self.is_integer:
            return range(int(self.low), int(self.high) + 1)
        last_digit = 10.0 ** (math.floor(math.log10(max(abs(self.low), abs(self.high)))) - DIGITS)
        count = math.ceil((self.high - self.low) / last_digit)
        if count > MAX_LISTED:
            return None
        return sorted({self.rounded(self.low + index * last_digit) for index in range(count + 1)})

    def from_unit(self, unit: Vector) -> list[Any]:
        """The values at positions in [0, 1)."""
        high = self.high + 1 if self.is_integer else self.high
        if self.log:
            values = np.exp(math.log(self.low) + unit * (math.log(high) - math.log(self.low)))
        else:
            values = self.low + unit * (high - self.low)
        if self.is_integer:
            return [int(value) for value in np.clip(np.floor(values), self.low, self.high).tolist()]
        return [self.rounded(value) for value in values.tolist()]

    def rounded(self, value: float) -> float:
        """A value with :data:`DIGITS` significant digits, clipped to the interval."""
        return min(max(float(f"{value:.{DIGITS}g}"), float(self.low)), float(self.high))


Dimension: TypeAlias = Discrete | Continuous


def dimension(path: str, axis: Axis) -> Dimension:
    """The dimension that an axis of a config describes.

    >>> from engine.config.sweep_spec import Range
    >>> dimension("risk.base", Range(low=0.005, high=0.02, step=0.005)).values
    (0.005, 0.01, 0.015, 0.02)
    """
    if isinstance(axis, Choices):
        return Discrete(path, tuple(axis.choices))
    is_integer = isinstance(axis.low, int) and isinstance(axis.high, int) and not isinstance(axis.step, float)
    if axis.step is None:
        return Continuous(path, axis.low, axis.high, is_integer, axis.log)
    low, high, step = (decimal(number) for number in (axis.low, axis.high, axis.step))
    values = [low + index * step for index in range(int((high - low) / step) + 1)]
    return Discrete(path, tuple(int(value) if is_integer else float(value) for value in values))


def table_cell(value: Any) -> Any:
    """A value as a table's cell: numbers, texts and null unchanged, lists and mappings as JSON."""
    if isinstance(value, Mapping | list | tuple):
        return json.dumps(value, separators=(", ", ": "))
    return value


def columns_from_unit(dimensions: Sequence[Dimension], unit: Matrix) -> Columns:
    """Points of the unit cube, (P, D), as columns of values."""
    return {axis.path: axis.from_unit(unit[:, index]) for index, axis in enumerate(dimensions)}


def iter_points(columns: Columns) -> Iterator[dict[str, Any]]:
    """The points of some columns, one mapping of path to value a trial.

    >>> list(iter_points({"risk.base": [0.01, 0.02], "risk.cap": [0.1, 0.2]}))
    [{'risk.base': 0.01, 'risk.cap': 0.1}, {'risk.base': 0.02, 'risk.cap': 0.2}]
    """
    for values in zip(*columns.values(), strict=True):
        yield dict(zip(columns, values, strict=True))
