"""How the neighbours of a trial fare: a winner on a plateau is worth more than one on a needle's point."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from core.types import Matrix, Rows, Vector
from engine.sweep.space.dimensions import Dimension, Discrete
from engine.sweep.space.samplers import Grid
from engine.sweep.trials.plan import Plan

NEAREST = 3
"""Neighbours for each axis where points do not lie in a grid."""


@dataclass(frozen=True, eq=False)
class Stability:
    """The winner among its neighbours.

    Attributes
    ----------
    neighbours : their numbers; in a grid, those one step away on one axis, else the nearest ones.
    winner, median, worst : the objective, of the winner and of its neighbours; None where there is none.
    better_than : share of all trials with an objective that the median neighbour is at least as good as.
    """

    neighbours: Rows
    winner: float
    median: float | None
    worst: float | None
    better_than: float | None


def stability(plan: Plan, winner: int, objective: Vector, point: Callable[[int], Mapping[str, Any]]) -> Stability:
    """Look at the winner's neighbours.

    Parameters
    ----------
    objective : (T,) of every trial; NaN where it has none.
    point : gives the point of a trial's number.
    """
    grid = plan.points
    near = _one_step(grid, winner) if isinstance(grid, Grid) else _nearest(plan, winner, objective, point)
    values = objective[near]
    values = values[np.isfinite(values)]
    if not len(values):
        return Stability(near, float(objective[winner]), None, None, None)
    sign = 1.0 if plan.spec.objective.direction == "max" else -1.0
    everyone = sign * objective[np.isfinite(objective)]
    median, worst = float(np.median(sign * values)), float((sign * values).min())
    share = float((everyone <= median).mean())
    return Stability(near, float(objective[winner]), sign * median, sign * worst, share)


def _one_step(grid: Grid, winner: int) -> Rows:
    """The points of a grid that differ on one axis: by a step where its values have an order, by any value else."""
    places = [int(code[0]) for code in grid.codes(np.array([winner]))]
    dims = tuple(len(axis) for axis in grid.dimensions)
    found: list[Any] = []
    for number, axis in enumerate(grid.dimensions):
        others = (places[number] - 1, places[number] + 1) if axis.ordered else range(len(axis))
        near = (other for other in others if 0 <= other < len(axis) and other != places[number])
        found += [np.ravel_multi_index([*places[:number], other, *places[number + 1 :]], dims) for other in near]
    return np.array(sorted(found), dtype=np.int64)


def _nearest(plan: Plan, winner: int, objective: Vector, point: Callable[[int], Mapping[str, Any]]) -> Rows:
    """The trials nearest to a winner, each axis as long as every other."""
    known = np.flatnonzero(np.isfinite(objective))
    known = known[known != winner]
    if plan.points is not None:
        columns: Any = plan.points.columns(np.append(known, winner))
    else:
        points = [point(number) for number in [*known.tolist(), winner]]
        columns = {axis.path: [each[axis.path] for each in points] for axis in plan.axes}
    places = positions(plan.axes, columns)
    apart = np.abs(places[:-1] - places[-1]).sum(axis=1)
    return np.sort(known[np.argsort(apart, kind="stable")[: NEAREST * len(plan.axes)]])


def positions(axes: Sequence[Dimension], columns: Mapping[str, Sequence[Any]]) -> Matrix:
    """(P, D) where points lie in the unit cube; values without an order lie at their number in the list."""
    return np.column_stack([_position(axis, columns[axis.path]) for axis in axes])


def _position(axis: Dimension, values: Sequence[Any]) -> Vector:
    if isinstance(axis, Discrete):
        codes = {_key(value): code for code, value in enumerate(axis.values)}
        return np.array([codes[_key(value)] for value in values]) / max(len(axis) - 1, 1)
    low, high = np.log([axis.low, axis.high]) if axis.log else (axis.low, axis.high)
    given = np.log(values) if axis.log else np.array(values, dtype=np.float64)
    return np.asarray((given - low) / (high - low))


def _key(value: Any) -> Any:
    return (type(value), value) if not isinstance(value, dict | list) else repr(value)
