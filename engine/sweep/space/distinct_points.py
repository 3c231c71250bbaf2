"""Distinct points of a search space: how many there are, and samples that hold none of them twice."""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from core.types import Matrix, Rows

from .dimensions import Columns, Continuous, Dimension, Discrete, columns_from_unit, iter_points

MAX_NUMBERED_POINTS = 2**62
"""Points of the largest space that can be indexed; in a larger one nothing is drawn twice anyway."""
REDRAWS = 64
"""A sample is drawn up to this many times as long before the points that it has not met are drawn one by one."""


def point_key(point: Mapping[str, Any]) -> str:
    """A text that two points share only if all their values are equal, 1, 1.0 and true not being equal.

    >>> point_key({"b": 1.0, "a": None}) == point_key({"a": None, "b": 1.0}) != point_key({"a": None, "b": 1})
    True
    """
    return json.dumps(point, sort_keys=True)


def space_size(dimensions: Sequence[Dimension]) -> int | None:
    """The number of distinct points of a space; None where an axis has too many values to list.

    >>> space_size([Discrete("a", (1, 2, 3)), Continuous("b", 5, 9, is_integer=True, log=False)])
    15
    """
    sizes = [None if values is None else len(values) for values in map(listed_values, dimensions)]
    known = [size for size in sizes if size is not None]
    return math.prod(known) if len(known) == len(sizes) else None


def listed_values(axis: Dimension) -> Sequence[Any] | None:
    """All values of an axis, increasing for a range; None where there are too many."""
    return axis.values if isinstance(axis, Discrete) else axis.listed


def listed_axes(dimensions: Sequence[Dimension]) -> tuple[Discrete, ...] | None:
    """The axes with all their values; None where one of them has too many, or all together cannot be indexed."""
    size = space_size(dimensions)
    if size is None or size > MAX_NUMBERED_POINTS or any(_is_long(axis) for axis in dimensions):
        return None
    return tuple(Discrete(axis.path, tuple(listed_values(axis) or ())) for axis in dimensions)


def _is_long(axis: Dimension) -> bool:
    """True for a range of whole numbers that is longer than the longest axis that may be listed in a config."""
    from engine.config.sweep_spec import MAX_AXIS_VALUES

    return isinstance(axis, Continuous) and len(axis.listed or ()) > MAX_AXIS_VALUES


def distinct_unit(dimensions: Sequence[Dimension], draw: Callable[[int], Matrix], count: int) -> Matrix:
    """(at most count, D) positions in the unit cube whose points differ, in the order of ``draw``.

    Parameters
    ----------
    draw : the first n positions of a sequence; a longer draw begins with the shorter one.
    count : the number of points wanted; fewer are returned if :data:`REDRAWS` times as many draws hold no more.
    """
    drawn = count
    while True:
        unit = draw(drawn)
        first = first_rows(columns_from_unit(dimensions, unit))
        if len(first) >= count or drawn >= REDRAWS * count:
            return np.asarray(unit[first[:count]])
        drawn *= 4


def first_rows(columns: Columns) -> Rows:
    """The rows of the points that no row before them has."""
    first: dict[str, int] = {}
    for row, point in enumerate(iter_points(columns)):
        first.setdefault(point_key(point), row)
    return np.fromiter(first.values(), dtype=np.int64, count=len(first))


def grid_numbers(axes: Sequence[Discrete], columns: Columns) -> Rows:
    """The numbers of some points in the grid of all values, the last axis's values changing fastest."""
    codes = []
    for axis in axes:
        code_of = {point_key({"": value}): code for code, value in enumerate(axis.values)}
        codes.append(np.array([code_of[point_key({"": value})] for value in columns[axis.path]], dtype=np.int64))
    return np.asarray(np.ravel_multi_index(codes, tuple(len(axis) for axis in axes)), dtype=np.int64)


def filled(numbers: Rows, size: int, count: int, seed: int) -> Rows:
    """Distinct numbers below ``size``, followed by others drawn at random, ``count`` in all."""
    rng = np.random.default_rng(seed)
    if size <= 20 * count:
        return _first_of_each(np.concatenate([numbers, rng.permutation(size)]))[:count]
    while len(numbers) < count:  # in a space much larger than the sample few are drawn twice
        numbers = _first_of_each(np.concatenate([numbers, rng.integers(size, size=count)]))
    return numbers[:count]


def _first_of_each(numbers: Rows) -> Rows:
    return numbers[np.sort(np.unique(numbers, return_index=True)[1])]
