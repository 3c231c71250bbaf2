"""Samplers of a search space: grid, random, Sobol, and Optuna's TPE.

A point depends on its number alone (with ``tpe``: on its number and on the scores of all points before it), so that a
resumed sweep tries the same points.
"""

import math
import warnings
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from core.digests import seed_of
from core.errors import ConfigError
from core.number_format import count as format_count
from core.types import Matrix, Rows
from engine.config.sweep_spec import Method, SweepSpec

from .dimensions import Columns, Continuous, Dimension, Discrete, columns_from_unit, dimension

MAX_UNSTATED_POINTS = 1_000_000
"""Points of the largest grid that is run without ``trials`` in the config."""
MAX_NUMBERED_POINTS = 2**62
"""Points of the largest grid that can be indexed; in a larger space nothing is drawn twice anyway."""


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
        return _grid_sample(grid, count, sampling_seed)
    if spec.method == "random":
        return CubeSample(axes, np.random.default_rng(sampling_seed).random((count, len(axes))))
    return CubeSample(axes, sobol(len(axes), count, sampling_seed))


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


def _grid_sample(grid: Grid, count: int, seed: int) -> GridSample:
    rng = np.random.default_rng(seed)
    if grid.count <= 20 * count:
        return GridSample(grid, rng.permutation(grid.count)[:count])
    distinct = np.empty(0, dtype=np.int64)
    while len(distinct) < count:  # in a grid much larger than the sample few are drawn twice
        drawn = np.concatenate([distinct, rng.integers(grid.count, size=count)])
        first_draws = np.sort(np.unique(drawn, return_index=True)[1])
        distinct = drawn[first_draws]
    return GridSample(grid, distinct[:count])


def sobol(dimensions: int, count: int, seed: int) -> Matrix:
    """(count, dimensions) points of a scrambled Sobol sequence."""
    from scipy.stats import qmc

    with warnings.catch_warnings():
        # scipy warns if count is no power of 2; the balance that is lost does not matter here.
        warnings.simplefilter("ignore", UserWarning)
        return np.asarray(qmc.Sobol(dimensions, scramble=True, rng=seed).random(count))


class Tpe:
    """Optuna's TPE sampler with an ask-and-tell interface, batch by batch, in the order of the trials.

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

    def ask(self, count: int) -> list[dict[str, Any]]:
        """The next points, by path."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self._open_trials = [self._study.ask(self._distributions) for _ in range(count)]
        return [self._point(trial.params) for trial in self._open_trials]

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
