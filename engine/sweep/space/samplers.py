"""Samplers of a search space: grid, random, Sobol, and Optuna's TPE.

A point depends on its number alone (with ``tpe``: on its number and on the scores of all points before it), so that a
resumed sweep tries the same points.
"""

import math
import warnings
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from core.digests import seed_of
from core.errors import ConfigError
from core.number_format import count as format_count
from core.types import Matrix, Rows
from engine.config.sweep_spec import Method, SweepSpec

from .dimensions import Columns, Continuous, Dimension, Discrete, columns_from_unit, dimension, iter_points
from .distinct_points import (
    MAX_NUMBERED_POINTS,
    distinct_unit,
    filled,
    grid_numbers,
    listed_axes,
    point_key,
    space_size,
)

MAX_UNSTATED_POINTS = 1_000_000
"""Points of the largest grid that is run without ``trials`` in the config."""
REPEATS = 20
"""Times that TPE is asked again for a point that was not tried; then one is drawn at random."""


class Sampler(Protocol):
    """Points that depend on their numbers alone."""

    count: int

    def columns(self, numbers: Rows) -> Columns:
        """The points of these numbers."""


class Grid:
    """Every combination of values; the last path's values change fastest."""

    def __init__(self, dimensions: Sequence[Discrete]) -> None:
        self.dimensions = tuple(dimensions)
        self.count = math.prod(len(axis) for axis in dimensions)

    def codes(self, numbers: Rows) -> tuple[Rows, ...]:
        """The index of each point's value on each axis."""
        return tuple(np.unravel_index(numbers, tuple(len(axis) for axis in self.dimensions)))

    def columns(self, numbers: Rows) -> Columns:
        """The points of these numbers."""
        codes = zip(self.dimensions, self.codes(numbers), strict=True)
        return {axis.path: axis.from_codes(axis_codes) for axis, axis_codes in codes}


class CubeSample:
    """Points of the unit cube, drawn before the sweep begins."""

    def __init__(self, dimensions: Sequence[Dimension], unit: Matrix) -> None:
        self.dimensions = tuple(dimensions)
        self.unit = unit
        self.count = len(unit)

    def columns(self, numbers: Rows) -> Columns:
        """The points of these numbers."""
        return columns_from_unit(self.dimensions, self.unit[numbers])


class GridSample:
    """Points of a grid, drawn without replacement."""

    def __init__(self, grid: Grid, grid_numbers: Rows) -> None:
        self.grid = grid
        self.grid_numbers = grid_numbers
        self.count = len(grid_numbers)

    def columns(self, numbers: Rows) -> Columns:
        """The points of these numbers."""
        return self.grid.columns(self.grid_numbers[numbers])


def seed_for(spec: SweepSpec, seed: int) -> int:
    """The seed of a sweep's random draws, derived from its method, its space and the config's seed."""
    return seed_of(
        "sweep", seed, spec.method, {path: axis.model_dump(mode="json") for path, axis in spec.space.items()}
    )


def dimensions_of(spec: SweepSpec) -> tuple[Dimension, ...]:
    """The dimensions of a sweep's space, in the order of the config."""
    return tuple(dimension(path, axis) for path, axis in spec.space.items())


def sampler(spec: SweepSpec, seed: int) -> Sampler:
    """The sampler of a sweep whose method is not ``tpe``.

    Raises
    ------
    ConfigError
        A grid of more points than ``trials`` or than :data:`MAX_UNSTATED_POINTS`, more trials than there are points.
    """
    require_grid(spec)
    require_points(spec)
    axes = dimensions_of(spec)
    sampling_seed = seed_for(spec, seed)
    grid = _grid_of(spec)
    count = int(spec.trials or 0)
    if spec.method == "grid" and grid:
        return grid
    if spec.method == "random" and grid and grid.count <= MAX_NUMBERED_POINTS:
        return GridSample(grid, filled(np.empty(0, dtype=np.int64), grid.count, count, sampling_seed))
    return _cube_sample(axes, spec.method, distinct_count(spec, axes), sampling_seed)


def distinct_count(spec: SweepSpec, axes: Sequence[Dimension]) -> int:
    """The trials of a sweep that samples its space: ``trials``, or all distinct points where there are fewer."""
    size = space_size(axes)
    count = int(spec.trials or 0)
    return count if size is None else min(count, size)


def _cube_sample(axes: tuple[Dimension, ...], method: Method, count: int, seed: int) -> Sampler:
    """Distinct points at positions of the unit cube; where these repeat too often, the rest is drawn at random."""

    def draw(number: int) -> Matrix:
        if method == "random":
            return np.random.default_rng(seed).random((number, len(axes)))
        return sobol(len(axes), number, seed)

    unit = distinct_unit(axes, draw, count)
    discrete = listed_axes(axes) if len(unit) < count else None
    if discrete is None:
        return CubeSample(axes, unit)
    grid = Grid(discrete)
    numbers = grid_numbers(discrete, columns_from_unit(axes, unit))
    return GridSample(grid, filled(numbers, grid.count, count, seed))


def require_grid(spec: SweepSpec) -> None:
    """Refuse a grid of more points than ``trials``, or than :data:`MAX_UNSTATED_POINTS` without ``trials``.

    Raises
    ------
    ConfigError
        The number of points, and how to try fewer.
    """
    grid = _grid_of(spec)
    limit = spec.trials or MAX_UNSTATED_POINTS
    if spec.method == "grid" and grid and grid.count > limit:
        raise ConfigError(
            f"sweep.space: the grid has {grid.count:,} points, more than {limit:,}; "
            "sample it (`method: sobol` or `random` with `trials: 2000`, say), "
            f"or state `trials: {grid.count}` to run them all"
        )


def require_points(spec: SweepSpec) -> None:
    """Refuse a random sample of more points than the space has.

    Raises
    ------
    ConfigError
        The number of points.
    """
    grid = _grid_of(spec)
    if spec.method == "random" and grid and int(spec.trials or 0) > grid.count:
        raise ConfigError(
            f"sweep.trials: is {spec.trials:,}, but the space has {format_count(grid.count, 'point')}; lower it, or "
            "take `method: grid`"
        )


def _grid_of(spec: SweepSpec) -> Grid | None:
    """All combinations of a space; None if one of its axes is continuous."""
    axes = dimensions_of(spec)
    discrete = [axis for axis in axes if isinstance(axis, Discrete)]
    return Grid(discrete) if len(discrete) == len(axes) else None


def sobol(dimensions: int, count: int, seed: int) -> Matrix:
    """(count, dimensions) points of a scrambled Sobol sequence."""
    from scipy.stats import qmc

    with warnings.catch_warnings():
        # scipy warns if count is no power of 2; the balance that is lost does not matter here.
        warnings.simplefilter("ignore", UserWarning)
        return np.asarray(qmc.Sobol(dimensions, scramble=True, rng=seed).random(count))


class Tpe:
    """Optuna's TPE sampler with an ask-and-tell interface, batch by batch, in the order of the trials.

    No point is returned twice. Where the sampler proposes one that was tried, it is asked again; where it does not find
    another, one of the others is drawn at random. Nobody may ask for more points than the space has.

    Its points depend on the seed and on the values that it was told. Telling it the same values again restores its
    state, so nothing is stored on disk.
    """

    def __init__(self, dimensions: Sequence[Dimension], spec: SweepSpec, seed: int) -> None:
        import optuna

        optuna.logging.set_verbosity(optuna.logging.ERROR)
        self.dimensions = tuple(dimensions)
        self._failed_state = optuna.trial.TrialState.FAIL
        self._distributions = {axis.path: _distribution(axis) for axis in dimensions}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tpe = optuna.samplers.TPESampler(
                seed=seed_for(spec, seed) % 2**32, multivariate=True, constraints_func=_violations
            )
        direction: Any = f"{spec.objective.direction}imize"
        self._study = optuna.create_study(direction=direction, sampler=tpe)
        self._open_trials: list[Any] = []
        self._tried: set[str] = set()
        self._random = np.random.default_rng(seed_of(seed_for(spec, seed), "untried"))
        self._size = space_size(self.dimensions)

    def ask(self, count: int) -> list[dict[str, Any]]:
        """The next points, by path."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self._open_trials = [self._new_trial() for _ in range(count)]
        return [self._point(trial.params) for trial in self._open_trials]

    def _new_trial(self) -> Any:
        """An open trial of Optuna at a point that was not tried; proposals that were tried are closed as failed."""
        for _ in range(REPEATS):
            trial = self._study.ask(self._distributions)
            if self._is_new(self._point(trial.params)):
                return trial
            self._study.tell(trial, state=self._failed_state)
        self._study.enqueue_trial(self._untried())
        return self._study.ask(self._distributions)

    def _is_new(self, point: Mapping[str, Any]) -> bool:
        """True for a point that was not tried; from then on it was."""
        key = point_key(point)
        is_new = key not in self._tried
        self._tried.add(key)
        return is_new

    def _untried(self) -> dict[str, Any]:
        """Optuna's parameters of a point that was not tried, drawn at random; for spaces that are almost exhausted."""
        for point in self._random_points():
            if self._is_new(point):
                return {axis.path: _param(axis, point[axis.path]) for axis in self.dimensions}
        raise ConfigError(f"sweep.trials: all {self._size:,} points of the space were tried; lower it")

    def _random_points(self) -> Iterator[Mapping[str, Any]]:
        """Points at random: each once in a space that is small, else without an end."""
        axes = listed_axes(self.dimensions)
        if axes is not None and (self._size or 0) <= MAX_UNSTATED_POINTS:
            grid = Grid(axes)
            yield from iter_points(grid.columns(self._random.permutation(grid.count)))
            return
        while True:
            yield from iter_points(columns_from_unit(self.dimensions, self._random.random((1, len(self.dimensions)))))

    def tell(self, values: Sequence[float | None], violations: Sequence[Sequence[float]]) -> None:
        """Record the results of the last batch of points.

        Parameters
        ----------
        values : the objective of each point; None for one that failed.
        violations : by how much each constraint is missed; at most 0 where it is met.
        """
        for trial, value, missed in zip(self._open_trials, values, violations, strict=True):
            trial.set_user_attr("missed", list(missed))
            if value is None:
                self._study.tell(trial, state=self._failed_state)
            else:
                self._study.tell(trial, value)
        self._open_trials = []

    def _point(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """The config values that Optuna's parameters stand for."""
        return {axis.path: _config_value(axis, params[axis.path]) for axis in self.dimensions}


def _violations(trial: Any) -> list[float]:
    return list(trial.user_attrs.get("missed", ()))


def _has_distances(axis: Discrete) -> bool:
    """True if Optuna gets an axis as integers, so that it knows which values lie between others."""
    return axis.ordered and len(axis) > 2


def _config_value(axis: Dimension, param: Any) -> Any:
    if isinstance(axis, Discrete):
        return axis.values[int(param)]
    return int(param) if axis.is_integer else axis.rounded(param)


def _param(axis: Dimension, value: Any) -> Any:
    """Optuna's parameter of a config value."""
    if not isinstance(axis, Discrete):
        return value
    return next(code for code, other in enumerate(axis.values) if type(other) is type(value) and other == value)


def _distribution(axis: Dimension) -> Any:
    from optuna import distributions

    if isinstance(axis, Continuous):
        kind: Any = distributions.IntDistribution if axis.is_integer else distributions.FloatDistribution
        return kind(axis.low, axis.high, log=axis.log)
    if _has_distances(axis):
        return distributions.IntDistribution(0, len(axis) - 1)
    return distributions.CategoricalDistribution(tuple(range(len(axis))))


def method_description(method: Method) -> str:
    """A sampling method in a few words."""
    words = {"grid": "every point of a grid", "random": "a random sample", "sobol": "a Sobol sample"}
    return words.get(method, "TPE, asked in fixed batches")
