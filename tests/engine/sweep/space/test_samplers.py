"""Axes and points against itertools, hand-made lists, and the bounds of their space."""

import itertools

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from core.errors import ConfigError
from engine.config.sweep_spec import Choices, Range, SweepSpec
from engine.sweep.space.dimensions import Continuous, Discrete, dimension, iter_points
from engine.sweep.space.distinct_points import point_key, space_size
from engine.sweep.space.samplers import CubeSample, Tpe, dimensions_of, distinct_count, sampler

BASES = (0.005, 0.0075, 0.01, 0.0125, 0.015, 0.0175, 0.02, 0.0225, 0.025, 0.0275, 0.03)


def spec_of(space, **changes):
    return SweepSpec.parse({"space": space, **changes})


def points_of(spec, seed=0):
    sample = sampler(spec, seed)
    return list(iter_points(sample.columns(np.arange(sample.count))))


def test_steps_are_made_as_they_are_written():
    assert dimension("risk.base", Range(low=0.005, high=0.03, step=0.0025)).values == BASES
    assert dimension("x", Range(low=0.1, high=0.7, step=0.1)).values == (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7)
    assert dimension("x", Range(low=-0.3, high=0.3, step=0.3)).values == (-0.3, 0.0, 0.3)
    assert dimension("x", Range(low=1e-7, high=3e-7, step=1e-7)).values == (1e-7, 2e-7, 3e-7)


def test_whole_numbers_stay_whole():
    integers = dimension("x", Range(low=5, high=20, step=5)).values
    assert integers == (5, 10, 15, 20)
    assert all(type(value) is int for value in integers)
    assert all(type(value) is float for value in dimension("x", Range(low=5, high=20, step=2.5)).values)
    assert all(type(value) is float for value in dimension("x", Range(low=5.0, high=20, step=5)).values)


def test_a_step_that_does_not_reach_the_end_stops_before_it():
    assert dimension("x", Range(low=0, high=10, step=4)).values == (0, 4, 8)


@given(low=st.integers(-1000, 1000), steps=st.integers(1, 300), step=st.integers(1, 50), digits=st.integers(0, 6))
def test_steps_are_the_decimal_numbers(low, steps, step, digits):
    scale = 10**digits
    axis = dimension("x", Range(low=low / scale, high=(low + steps * step) / scale, step=step / scale))
    assert axis.values == tuple((low + number * step) / scale for number in range(steps + 1))


def test_a_grid_is_every_combination_the_last_path_fastest():
    space = {"a.x": [1, 2, 3], "b.y": ["u", None], "c.z": {"low": 0.1, "high": 0.4, "step": 0.1}}
    expected = [
        dict(zip(space, point, strict=True))
        for point in itertools.product([1, 2, 3], ["u", None], [0.1, 0.2, 0.3, 0.4])
    ]
    assert points_of(spec_of(space)) == expected


def test_order_is_of_numbers_that_increase():
    assert Discrete("x", (1, 2.5, 3)).ordered
    assert not Discrete("x", (1, 3, 2)).ordered
    assert not Discrete("x", (False, True)).ordered
    assert not Discrete("x", (None, 1)).ordered
    assert not Discrete("x", ("a", "b")).ordered


@given(count=st.integers(1, 60), seed=st.integers(0, 10), sizes=st.lists(st.integers(1, 12), min_size=1, max_size=3))
def test_a_random_sample_of_a_grid_repeats_nothing(count, seed, sizes):
    total = int(np.prod(sizes))
    count = min(count, total)
    space = {f"a.x{number}": list(range(size)) for number, size in enumerate(sizes)}
    points = points_of(spec_of(space, method="random", trials=count), seed)
    assert len({tuple(point.items()) for point in points}) == count == len(points)


def test_a_random_sample_of_a_space_that_cannot_be_numbered():
    """12 axes of 100 values are 10^24 points, more than a whole number of the machine holds."""
    space = {f"a.x{number}": {"low": 1, "high": 100, "step": 1} for number in range(12)}
    points = points_of(spec_of(space, method="random", trials=50))
    assert len({tuple(point.values()) for point in points}) == 50
    assert all(1 <= value <= 100 and type(value) is int for point in points for value in point.values())


numbers = st.one_of(
    st.tuples(st.integers(1, 1000), st.integers(1, 1000)),
    st.tuples(st.floats(1e-6, 1e6), st.floats(1e-6, 1e6)),
)


@st.composite
def axes(draw):
    low, width = draw(numbers)
    high = low + width
    sort = draw(st.sampled_from(["choices", "range", "log", "step"]))
    if sort == "choices":
        return {
            "choices": draw(
                st.lists(
                    st.one_of(st.none(), st.text(max_size=2), st.integers(0, 5)), min_size=1, max_size=5, unique_by=repr
                )
            )
        }
    extra = {"range": {}, "log": {"log": True}, "step": {"step": (high - low) / draw(st.integers(1, 9)) * 0.999}}[sort]
    if isinstance(low, int) and sort == "step":
        extra = {"step": draw(st.integers(1, high - low))}
    return {"low": low, "high": high, **extra}


def require_inside(value, axis):
    if isinstance(axis, Choices):
        assert any(type(value) is type(other) and value == other for other in axis.choices)
        return
    assert axis.low <= value <= axis.high
    if isinstance(axis.low, int) and isinstance(axis.high, int) and not isinstance(axis.step, float):
        assert type(value) is int


@given(
    space=st.lists(axes(), min_size=1, max_size=4), method=st.sampled_from(["random", "sobol"]), seed=st.integers(0, 99)
)
@settings(max_examples=30)
def test_every_point_lies_in_the_space_and_depends_on_its_number_alone(space, method, seed):
    paths = {f"a.x{number}": axis for number, axis in enumerate(space)}
    spec = spec_of(paths, method=method, trials=1)
    spec = spec_of(paths, method=method, trials=min(17, _points(spec)))
    sample = sampler(spec, seed)
    columns = sample.columns(np.arange(sample.count))
    for path, values in columns.items():
        for value in values:
            require_inside(value, spec.space[path])
    again = sampler(spec, seed)
    for number in reversed(range(sample.count)):
        assert again.columns(np.array([number])) == {
            path: values[number : number + 1] for path, values in columns.items()
        }


def _points(spec):
    dimensions = dimensions_of(spec)
    return (
        17
        if any(isinstance(axis, Continuous) for axis in dimensions)
        else int(np.prod([len(axis) for axis in dimensions]))
    )


def test_whole_numbers_on_a_log_axis_reach_both_ends_and_no_further():
    for low in range(1, 60):
        axis = dimension("x", Range(low=low, high=low + 100, log=True))
        assert axis.from_unit(np.array([0.0, np.nextafter(1.0, 0.0)])) == [low, low + 100]
        assert axis.representatives[0] == low


@given(low=st.floats(1e-6, 1e6), width=st.floats(1e-6, 1e6), log=st.booleans(), unit=st.floats(0, 1, exclude_max=True))
def test_a_value_in_between_is_in_between(low, width, log, unit):
    high = low + width
    (value,) = dimension("x", Range(low=low, high=high, log=log)).from_unit(np.array([unit]))
    assert low <= value <= high


def test_a_log_axis_spreads_over_orders_of_magnitude():
    axis = dimension("x", Range(low=0.001, high=10.0, log=True))
    assert axis.from_unit(np.array([0.0, 0.25, 0.5, 0.75])) == [0.001, 0.01, 0.1, 1.0]


SPACE = {"a.x": {"low": 0.0, "high": 1.0}, "a.y": {"low": 1, "high": 50}, "a.z": ["u", "v", "w"]}


@pytest.mark.parametrize("method", ["random", "sobol"])
def test_a_seed_gives_its_own_points(method):
    spec = spec_of(SPACE, method=method, trials=16)
    assert points_of(spec, 1) == points_of(spec, 1)
    assert points_of(spec, 1) != points_of(spec, 2)
    longer = spec_of(SPACE, method=method, trials=16, workers=4, confirm=2)
    assert points_of(longer, 1) == points_of(spec, 1)


def test_a_random_choice_from_a_grid_depends_on_the_seed():
    spec = spec_of({"a.x": list(range(100))}, method="random", trials=10)
    assert points_of(spec, 1) == points_of(spec, 1)
    assert points_of(spec, 1) != points_of(spec, 2)


def test_sobol_fills_every_part_of_the_cube():
    spec = spec_of({"a.x": {"low": 0.0, "high": 1.0}, "a.y": {"low": 0.0, "high": 1.0}}, method="sobol", trials=64)
    sample = sampler(spec, 3)
    assert isinstance(sample, CubeSample)
    cells = {(int(8 * x), int(8 * y)) for x, y in sample.unit}
    assert len(cells) == 64


def run_tpe(seed, results, batches=4):
    spec = spec_of(
        {**SPACE, "a.w": [1, 2, 3, 10], "a.v": {"low": 0.001, "high": 1.0, "log": True}}, method="tpe", trials=40
    )
    tpe = Tpe(dimensions_of(spec), spec, seed)
    all_points = []
    for _ in range(batches):
        points = tpe.ask(8)
        all_points += points
        tpe.tell(*results(points))
    for path, axis in spec.space.items():
        for point in all_points:
            require_inside(point[path], axis)
    return all_points


def some(points):
    """Every fifth fails, every other misses its constraint, one of them without an end."""
    values = [None if number % 5 == 0 else point["a.x"] for number, point in enumerate(points)]
    return values, [[np.inf if number == 3 else number % 2 - 0.5] for number in range(len(points))]


def test_tpe_told_the_same_asks_the_same():
    first = run_tpe(1, some)
    assert first == run_tpe(1, some)
    assert first[:8] != run_tpe(2, some)[:8]
    other = run_tpe(1, lambda points: ([-point["a.x"] for point in points], [[0.0] for _ in points]))
    assert first[:8] == other[:8]
    assert first != other


def keys_of(points):
    return [point_key(point) for point in points]


@given(
    space=st.lists(axes(), min_size=1, max_size=3),
    method=st.sampled_from(["random", "sobol"]),
    trials=st.integers(1, 60),
)
@settings(max_examples=40)
def test_no_sample_holds_a_point_twice_and_small_spaces_are_exhausted(space, method, trials):
    spec = spec_of({f"a.x{number}": axis for number, axis in enumerate(space)}, method=method, trials=trials)
    size = space_size(dimensions_of(spec))
    if method == "random" and size is not None and size < trials:
        assume(any(isinstance(axis, Continuous) for axis in dimensions_of(spec)))  # else it is refused
    keys = keys_of(points_of(spec))
    assert len(set(keys)) == len(keys) == (trials if size is None else min(trials, size))


@pytest.mark.parametrize(("trials", "expected"), [(18, 18), (100, 18), (10, 10)])
def test_tpe_never_asks_a_point_again(trials, expected):
    spec = spec_of({"a.x": [1, 2, 3], "a.y": ["u", "v"], "a.z": {"low": 4, "high": 6}}, method="tpe", trials=trials)
    dimensions = dimensions_of(spec)
    count = distinct_count(spec, dimensions)
    assert count == expected
    asked = []
    tpe = Tpe(dimensions, spec, 1)
    for first in range(0, count, 4):
        points = tpe.ask(min(4, count - first))
        asked += points
        tpe.tell([float(point["a.x"]) for point in points], [[] for _ in points])
    assert len(set(keys_of(asked))) == expected
    if count == 18:
        with pytest.raises(ConfigError, match="all 18 points"):
            tpe.ask(1)


def test_a_narrow_range_has_as_many_values_as_digits():
    assert dimension("x", Range(low=1.0, high=1.00002)).listed == [1.0, 1.00001, 1.00002]
    assert dimension("x", Range(low=0.0, high=1.0)).listed is None
    assert list(dimension("x", Range(low=2, high=5)).listed) == [2, 3, 4, 5]
