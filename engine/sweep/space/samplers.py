"""Which points a sweep tries: all of a grid, a random or Sobol sample, or what TPE asks for.

A point's number alone says what it is (``tpe``: its number and what came of the points before it), so that a resumed
sweep tries the same ones.
"""

import math
import warnings
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from core.digests import seed_of
from core.errors import ConfigError
from core.number_format import count as told
from core.types import Matrix, Rows
from engine.config.sweep_spec import Method, SweepSpec

from .dimensions import Columns, Continuous, Dimension, Discrete, dimension, points

MAX_UNSTATED_POINTS = 1_000_000
"""Points of a grid that are run without being asked whether they are meant."""
COUNTABLE = 2**62
"""Points that can be numbered; in a larger space nothing is drawn twice anyway."""


class Sampler(Protocol):
    """Points whose numbers say all."""

    count: int

    def columns(self, numbers: Rows) -> Columns:
        """The points of these numbers."""


class Grid:
    """Every combination; the last path's values change fastest."""

    def __init__(self, dimensions: Sequence[Discrete]) -> None:
        self.dimensions = tuple(dimensions)
        self.count = math.prod(len(axis) for axis in dimensions)

    def codes(self, numbers: Rows) -> tuple[Rows, ...]:
        """The place of each point on each axis."""
        return tuple(np.unravel_index(numbers, tuple(len(axis) for axis in self.dimensions)))

    def columns(self, numbers: Rows) -> Columns:
        """The points of these numbers."""
        return {axis.path: axis.of(codes) for axis, codes in zip(self.dimensions, self.codes(numbers), strict=True)}


class CubeSample:
    """Points drawn from the unit cube beforehand."""

    def __init__(self, dimensions: Sequence[Dimension], unit: Matrix) -> None:
        self.dimensions, self.unit, self.count = tuple(dimensions), unit, len(unit)

    def columns(self, numbers: Rows) -> Columns:
        """The points of these numbers."""
        return points(self.dimensions, self.unit[numbers])


class GridSample:
    """Points of a grid drawn without putting one back."""

    def __init__(self, grid: Grid, places: Rows) -> None:
        self.grid, self.places, self.count = grid, places, len(places)

    def columns(self, numbers: Rows) -> Columns:
        """The points of these numbers."""
        return self.grid.columns(self.places[numbers])


def seed_for(spec: SweepSpec, seed: int) -> int:
    """The seed of a sweep's own chance, which depends on what it tries and on the config's seed."""
    return seed_of(
        "sweep", seed, spec.method, {path: axis.model_dump(mode="json") for path, axis in spec.space.items()}
    )


def dimensions_of(spec: SweepSpec) -> tuple[Dimension, ...]:
    """The axes in the order in which they were written."""
    return tuple(dimension(path, axis) for path, axis in spec.space.items())


def sampler(spec: SweepSpec, seed: int) -> Sampler:
    """The points of a sweep that is no ``tpe``.

    Raises
    ------
    ConfigError
        A grid of more points than ``trials`` or than anyone would want, more trials than there are points.
    """
    require_grid(spec)
    require_points(spec)
    axes, chance, grid = dimensions_of(spec), seed_for(spec, seed), _grid_of(spec)
    count = int(spec.trials or 0)
    if spec.method == "grid" and grid:
        return grid
    if spec.method == "random" and grid and grid.count <= COUNTABLE:
        return _chosen(grid, count, chance)
    if spec.method == "random":
        return CubeSample(axes, np.random.default_rng(chance).random((count, len(axes))))
    return CubeSample(axes, sobol(len(axes), count, chance))


def require_grid(spec: SweepSpec) -> None:
    """Refuse a grid of more points than ``trials`` says or than anyone would want.

    Raises
    ------
    ConfigError
        How many there are, and how to try fewer.
    """
    grid = _grid_of(spec)
    if spec.method == "grid" and grid and grid.count > (spec.trials or MAX_UNSTATED_POINTS):
        many = f"sweep.space: the grid has {grid.count:,} points, more than {spec.trials or MAX_UNSTATED_POINTS:,}"
        sample = "sample it (`method: sobol` or `random` with `trials: 2000`, say)"
        raise ConfigError(f"{many}; {sample}, or state `trials: {grid.count}` to run them all")


def require_points(spec: SweepSpec) -> None:
    """Refuse a random sample of more points than there are.

    Raises
    ------
    ConfigError
        How many there are.
    """
    grid = _grid_of(spec)
    if spec.method == "random" and grid and int(spec.trials or 0) > grid.count:
        raise ConfigError(
            f"sweep.trials: is {spec.trials:,}, but the space has {told(grid.count, 'point')}; lower it, or take "
            "`method: grid`"
        )


def _grid_of(spec: SweepSpec) -> Grid | None:
    """All combinations of a space; None if one of its axes has no end of values."""
    axes = dimensions_of(spec)
    discrete = [axis for axis in axes if isinstance(axis, Discrete)]
    return Grid(discrete) if len(discrete) == len(axes) else None


def _chosen(grid: Grid, count: int, chance: int) -> GridSample:
    generator = np.random.default_rng(chance)
    if grid.count <= 20 * count:
        return GridSample(grid, generator.permutation(grid.count)[:count])
    places = np.empty(0, dtype=np.int64)
    while len(places) < count:  # few are drawn twice where there are many more than are wanted
        drawn = np.concatenate([places, generator.integers(grid.count, size=count)])
        places = drawn[np.sort(np.unique(drawn, return_index=True)[1])]
    return GridSample(grid, places[:count])


def sobol(dimensions: int, count: int, chance: int) -> Matrix:
    """(count, dimensions) points of a scrambled Sobol sequence."""
    from scipy.stats import qmc

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # the balance of a whole power of 2 is nice to have, no more
        return np.asarray(qmc.Sobol(dimensions, scramble=True, rng=chance).random(count))


class Tpe:
    """Optuna's sampler, asked for points and told of their values batch by batch, in the order of the trials.

    What it asks depends on its seed and on what it was told, so that telling it the same again brings it to the same
    place; it keeps nothing on disk.
    """

    def __init__(self, dimensions: Sequence[Dimension], spec: SweepSpec, seed: int) -> None:
        import optuna

        optuna.logging.set_verbosity(optuna.logging.ERROR)
        self.dimensions = tuple(dimensions)
        self._fail = optuna.trial.TrialState.FAIL
        self._axes = {axis.path: _distribution(axis) for axis in dimensions}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tpe = optuna.samplers.TPESampler(
                seed=seed_for(spec, seed) % 2**32, multivariate=True, constraints_func=_violations
            )
        way: Any = f"{spec.objective.direction}imize"
        self._study = optuna.create_study(direction=way, sampler=tpe)
        self._open: list[Any] = []

    def ask(self, count: int) -> list[dict[str, Any]]:
        """The next points, by path."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self._open = [self._study.ask(self._axes) for _ in range(count)]
        return [self._point(trial.params) for trial in self._open]

    def tell(self, values: Sequence[float | None], violations: Sequence[Sequence[float]]) -> None:
        """What came of the points asked last; None for one that failed.

        Parameters
        ----------
        violations : by how much each constraint is missed; at most 0 where it is met.
        """
        for trial, value, missed in zip(self._open, values, violations, strict=True):
            trial.set_user_attr("missed", list(missed))
            if value is None:
                self._study.tell(trial, state=self._fail)
            else:
                self._study.tell(trial, value)
        self._open = []

    def _point(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """The values that Optuna's stand for."""
        return {
            axis.path: axis.values[params[axis.path]]
            if isinstance(axis, Discrete) and not _spaced(axis)
            else _value(axis, params[axis.path])
            for axis in self.dimensions
        }


def _violations(trial: Any) -> list[float]:
    return list(trial.user_attrs.get("missed", ()))


def _spaced(axis: Discrete) -> bool:
    """Whether Optuna can be told that some values lie between others."""
    return axis.ordered and len(axis) > 2


def _value(axis: Dimension, given: Any) -> Any:
    if isinstance(axis, Discrete):
        return axis.values[int(given)]
    return int(given) if axis.whole else axis.rounded(given)


def _distribution(axis: Dimension) -> Any:
    from optuna import distributions

    if isinstance(axis, Continuous):
        made: Any = distributions.IntDistribution if axis.whole else distributions.FloatDistribution
        return made(axis.low, axis.high, log=axis.log)
    if _spaced(axis):
        return distributions.IntDistribution(0, len(axis) - 1)
    return distributions.CategoricalDistribution(tuple(range(len(axis))))


def method_description(method: Method) -> str:
    """What a method does, in a few words."""
    words = {"grid": "every point of a grid", "random": "a random sample", "sobol": "a Sobol sample"}
    return words.get(method, "TPE, asked in fixed batches")
