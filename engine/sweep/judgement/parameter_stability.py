"""The neighbours of a sweep's winner: a winner among good neighbours is more credible than an isolated one."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

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
    neighbours : their numbers; in a grid, those one step away on one axis, else the nearest ones. Neither the winner
        nor a trial with the same result is among them.
    winner, median, worst : the objective, of the winner and of its neighbours; None where there is none.
    better_than : fraction of all trials with an objective that the median neighbour is at least as good as.
    """

    neighbours: Rows
    winner: float
    median: float | None
    worst: float | None
    better_than: float | None


def stability(
    sweep_plan: Plan,
    winner: int,
    objective: Vector,
    point: Callable[[int], Mapping[str, Any]],
    equals: Rows | None = None,
) -> Stability:
    """The winner's objective beside that of its neighbours.

    Parameters
    ----------
    objective : (T,) of every trial; NaN where it has none.
    point : returns the point of a trial's number.
    equals : trials with the winner's result. They are the same trades under other settings, and no neighbours: in a
        grid, the next trial in the same direction takes the place of one.
    """
    is_equal = np.zeros(len(objective), dtype=bool)
    is_equal[winner] = True
    if equals is not None:
        is_equal[equals] = True
    neighbours = _neighbours(sweep_plan, winner, objective, point, is_equal)
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


def _neighbours(
    sweep_plan: Plan,
    winner: int,
    objective: Vector,
    point: Callable[[int], Mapping[str, Any]],
    is_equal: npt.NDArray[np.bool_],
) -> Rows:
    if isinstance(sweep_plan.points, Grid):
        return np.array(sorted(_one_step_away(sweep_plan.points, winner, is_equal)), dtype=np.int64)
    return _nearest(sweep_plan, winner, objective, point, is_equal)


def _one_step_away(grid: Grid, winner: int, is_equal: npt.NDArray[np.bool_]) -> Iterator[int]:
    """The points of a grid that differ on one axis: by a step where its values have an order, by any value else."""
    for directions in _directions(grid, winner):
        yield from [number for number in directions if not is_equal[number]][:1]


def _directions(grid: Grid, winner: int) -> Iterator[list[int]]:
    """The trials in each direction from a winner, the nearest first; without an order, each value is a direction."""
    codes = [int(code[0]) for code in grid.codes(np.array([winner]))]
    lengths = tuple(len(axis) for axis in grid.dimensions)
    for index, axis in enumerate(grid.dimensions):
        code = codes[index]
        others = [range(code - 1, -1, -1), range(code + 1, len(axis))]
        for direction in others if axis.ordered else [[other] for side in others for other in side]:
            yield [
                int(np.ravel_multi_index([*codes[:index], other, *codes[index + 1 :]], lengths)) for other in direction
            ]


def _nearest(
    sweep_plan: Plan,
    winner: int,
    objective: Vector,
    point: Callable[[int], Mapping[str, Any]],
    is_equal: npt.NDArray[np.bool_],
) -> Rows:
    """The trials nearest to a winner, each axis as long as every other."""
    candidates = np.flatnonzero(np.isfinite(objective) & ~is_equal)
    if not len(candidates):
        return candidates
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
