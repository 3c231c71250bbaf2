"""A winner's neighbours, by hand."""

from types import SimpleNamespace

import numpy as np
import pytest

from engine.config.sweep_spec import SweepSpec
from engine.sweep.judgement.parameter_stability import positions, stability
from engine.sweep.space.dimensions import iter_points
from engine.sweep.space.samplers import dimensions_of, sampler

NAN = float("nan")


def plan_of(space, **sweep):
    spec = SweepSpec.parse({"space": space, **sweep})
    points = None if spec.method == "tpe" else sampler(spec, 0)
    return SimpleNamespace(spec=spec, axes=dimensions_of(spec), points=points)


def looked_at(plan, winner, objective):
    points = list(iter_points(plan.points.columns(np.arange(plan.points.count)))) if plan.points else []
    return stability(plan, winner, np.array(objective, dtype=float), lambda number: points[number])


GRID = {"a.x": [1, 2, 3], "a.y": [10, 20, 30]}
VALUES = [1, 2, 3, 4, 9, 6, 7, 8, 5]
"""Three rows of three: the winner is in the middle."""


@pytest.mark.parametrize(
    ("winner", "near"), [(4, [1, 3, 5, 7]), (0, [1, 3]), (8, [5, 7]), (2, [1, 5]), (1, [0, 2, 4]), (3, [0, 4, 6])]
)
def test_in_a_grid_they_are_a_step_away_on_one_axis(winner, near):
    result = looked_at(plan_of(GRID), winner, VALUES)
    assert result.neighbours.tolist() == near
    values = [VALUES[number] for number in near]
    assert result.median == np.median(values)
    assert result.worst == min(values)
    assert result.better_than == np.mean(np.array(VALUES) <= np.median(values))
    assert result.winner == VALUES[winner]


def test_without_an_order_every_other_value_is_next_to_it():
    result = looked_at(plan_of({"a.x": ["u", "v", "w"], "a.y": [1, 2, 3]}), 0, VALUES)
    assert result.neighbours.tolist() == [1, 3, 6]
    result = looked_at(plan_of({"a.x": [3, 1, 2], "a.y": [None, 1]}), 0, VALUES[:6])
    assert result.neighbours.tolist() == [1, 2, 4]


def test_where_less_is_better_the_worst_is_the_largest():
    plan = plan_of(GRID, objective={"measure": "volatility", "direction": "min"})
    result = looked_at(plan, 0, VALUES)
    assert (result.median, result.worst) == (3.0, 4.0)
    assert result.better_than == 7 / 9  # as many are 3 or more


def test_neighbours_without_an_objective_are_left_out():
    result = looked_at(plan_of(GRID), 4, [1, NAN, 3, NAN, 9, NAN, 7, 8, 5])
    assert (result.median, result.worst) == (8.0, 8.0)
    result = looked_at(plan_of(GRID), 0, [1, NAN, 3, NAN, 9, 6, 7, 8, 5])
    assert (result.median, result.worst, result.better_than) == (None, None, None)
    assert result.neighbours.tolist() == [1, 3]


def test_an_axis_of_one_value_has_none():
    assert looked_at(plan_of({"a.x": [1], "a.y": [1, 2]}), 0, [1, 2]).neighbours.tolist() == [1]
    assert looked_at(plan_of({"a.x": [1]}), 0, [1]).median is None


@pytest.mark.parametrize("method", ["random", "sobol"])
def test_elsewhere_they_are_the_nearest(method):
    space = {"a.x": {"low": 0.0, "high": 10.0}, "a.y": {"low": 0.01, "high": 1.0, "log": True}}
    plan = plan_of(space, method=method, trials=40)
    objective = np.random.default_rng(1).normal(size=40)
    objective[[3, 4]] = NAN
    points = list(iter_points(plan.points.columns(np.arange(40))))

    def distance(number):
        logs = [np.log10(points[index]["a.y"]) for index in (number, 7)]
        return abs(points[number]["a.x"] - points[7]["a.x"]) / 10 + abs(logs[0] - logs[1]) / 2

    near = sorted((number for number in range(40) if number not in (3, 4, 7)), key=distance)[:6]
    assert looked_at(plan, 7, objective).neighbours.tolist() == sorted(near)


def test_positions_lie_in_the_unit_cube():
    plan = plan_of(
        {"a.x": [5, 1, 9], "a.y": {"low": 1, "high": 100, "log": True}, "a.z": [{"kind": "u"}, None]},
        method="random",
        trials=3,
    )
    columns = {"a.x": [5, 1, 9], "a.y": [1, 10, 100], "a.z": [None, {"kind": "u"}, None]}
    np.testing.assert_allclose(positions(plan.axes, columns), [[0, 0, 1], [0.5, 0.5, 0], [1, 1, 1]], atol=1e-15)


def test_equals_of_the_winner_are_no_neighbours():
    plan = plan_of(GRID)
    points = list(iter_points(plan.points.columns(np.arange(9))))
    values = np.array([9, 9, 3, 4, 5, 6, 7, 8, 5], dtype=float)
    result = stability(plan, 0, values, lambda number: points[number], np.array([0, 1]))
    assert result.neighbours.tolist() == [2, 3]  # 1 has the winner's result: the next in its direction takes its place
    same = stability(plan, 0, np.full(9, 9.0), lambda number: points[number], np.arange(9))
    assert (same.neighbours.tolist(), same.median) == ([], None)
