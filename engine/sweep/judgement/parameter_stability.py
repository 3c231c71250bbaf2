"""The neighbours of a sweep's winner: a winner among good neighbours is more credible than an isolated one."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from core.types import Matrix, Rows, Vector
from engine.sweep.space.dimensions import Columns, Dimension, Discrete
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
    better_than : fraction of all trials with an objective that the median neighbour is at least as good as.
    """

    neighbours: Rows
    winner: float
    median: float | None
    worst: float | None
    better_than: float | None


def stability(sweep_plan: Plan, winner: int, objective: Vector, point: Callable[[int], Mapping[str, Any]]) -> Stability:
    """The winner's objective beside that of its neighbours.

    Parameters
    ----------
    objective : (T,) of every trial; NaN where it has none.
    point : returns the point of a trial's number.
    """
    neighbours = _neighbours(sweep_plan, winner, objective, point)
    values = objective[neighbours]
    values = values[np.isfinite(values)]
    if not len(values):
        return Stability(neighbours, float(objective[winner]), None, None, None)
    sign = 1.0 if sweep_plan.spec.objective.direction == "max" else -1.0
    all_values = sign * objective[np.isfinite(objective)]
    median = float(np.median(sign * values))
    worst = float((sign * values).min())
    return Stability(
        neighbours=neighbours,
        winner=float(objective[winner]),
        median=sign * median,
        worst=sign * worst,
        better_than=float((all_values <= median).mean()),
    )


def _neighbours(sweep_plan: Plan, winner: int, objective: Vector, point: Callable[[int], Mapping[str, Any]]) -> Rows:
    if isinstance(sweep_plan.points, Grid):
        return np.array(sorted(_one_step_away(sweep_plan.points, winner)), dtype=np.int64)
    return _nearest(sweep_plan, winner, objective, point)


def _one_step_away(grid: Grid, winner: int) -> Iterator[Any]:
    """The points of a grid that differ on one axis: by a step where its values have an order, by any value else."""
    codes = [int(code[0]) for code in grid.codes(np.array([winner]))]
    lengths = tuple(len(axis) for axis in grid.dimensions)
    for index, axis in enumerate(grid.dimensions):
        others = (codes[index] - 1, codes[index] + 1) if axis.ordered else range(len(axis))
        for other in others:
            if 0 <= other < len(axis) and other != codes[index]:
                yield np.ravel_multi_index([*codes[:index], other, *codes[index + 1 :]], lengths)


def _nearest(sweep_plan: Plan, winner: int, objective: Vector, point: Callable[[int], Mapping[str, Any]]) -> Rows:
    """The trials nearest to a winner, each axis as long as every other."""
    candidates = np.flatnonzero(np.isfinite(objective))
    candidates = candidates[candidates != winner]
    columns = _columns(sweep_plan, np.append(candidates, winner), point)
    points = positions(sweep_plan.axes, columns)
    distances = np.abs(points[:-1] - points[-1]).sum(axis=1)
    return np.sort(candidates[np.argsort(distances, kind="stable")[: NEAREST * len(sweep_plan.axes)]])


def _columns(sweep_plan: Plan, trials: Rows, point: Callable[[int], Mapping[str, Any]]) -> Columns:
    if sweep_plan.points is not None:
        return sweep_plan.points.columns(trials)
    points = [point(number) for number in trials.tolist()]
    return {axis.path: [values[axis.path] for values in points] for axis in sweep_plan.axes}


def positions(axes: Sequence[Dimension], columns: Mapping[str, Sequence[Any]]) -> Matrix:
    """(P, D) coordinates of points in the unit cube; values without an order lie at their number in the list."""
    return np.column_stack([_position(axis, columns[axis.path]) for axis in axes])


def _position(axis: Dimension, values: Sequence[Any]) -> Vector:
    if isinstance(axis, Discrete):
        codes = {_hashable(value): code for code, value in enumerate(axis.values)}
        return np.array([codes[_hashable(value)] for value in values]) / max(len(axis) - 1, 1)
    if axis.log:
        low, high = np.log([axis.low, axis.high])
        return np.asarray((np.log(values) - low) / (high - low))
    return np.asarray((np.array(values, dtype=np.float64) - axis.low) / (axis.high - axis.low))


def _hashable(value: Any) -> Any:
    return (type(value), value) if not isinstance(value, dict | list) else repr(value)
