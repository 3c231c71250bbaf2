"""Checks of a sweep's space against the config that it changes: keys that may be tried, and values that are valid."""

import itertools
import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

from pydantic import ValidationError

from core.errors import ConfigError
from engine.config.dotted_paths import with_changes

from .dimensions import Dimension
from .samplers import dimensions_of, require_grid, require_points
from .trial_measures import require_measurable

if TYPE_CHECKING:
    from engine.config.run_config import RunConfig

POLICY = ("strategy", "risk", "broker")
"""Blocks whose parameters need no new signals."""
INTEREST = "broker.cash_interest"
REFUSED = {
    "data": "trials are compared on the same data; write a config for each data set",
    "measures": "trials are compared by the same measures",
    INTEREST: "trials are compared with what cash earns, the same for all; set it in the config",
    "seed": "the best seed is luck; to see how much hangs on it, run the config with several",
    "sweep": "a sweep does not change itself",
    **dict.fromkeys(("version", "name", "report", "engine", "workers"), "it changes no result"),
}
MAX_COMBINATIONS = 256
"""Combinations of a block's values that are validated before the block is refused."""
MAX_VALUES = 1000
"""Values of an axis that are validated one by one."""
Locate: TypeAlias = Callable[..., str]
"""Gives the location (``file:line``) of a key below ``sweep``, whose parts are its arguments."""


def is_policy(path: str) -> bool:
    """True for a key that changes the policy alone; trials that differ in another key need signals of their own.

    >>> is_policy("risk.base"), is_policy("strategy.kind"), is_policy("model.members.lstm.hidden")
    (True, False, False)
    """
    block, _, rest = path.partition(".")
    return block in POLICY and bool(rest) and path != "strategy.kind" and not path.startswith("broker.impact")


def base_values(config: "RunConfig") -> dict[str, Any]:
    """The plain values that points change: the config without its sweep."""
    values = config.dump()
    values.pop("sweep")
    return values


def trial_config(config: "RunConfig", point: Mapping[str, Any], name: str = "") -> "RunConfig":
    """The config of one point, without the sweep.

    Raises
    ------
    ConfigError
        The values of the point contradict each other; the message has no location.
    """
    from engine.config.run_config import RunConfig, explain_values

    values = with_changes(base_values(config), point)
    if name:
        values["name"] = name
    try:
        return RunConfig.parse(values)
    except ValidationError as error:
        raise ConfigError(explain_values(error, values)) from None


def check_space(config: "RunConfig", locate: Locate) -> None:
    """Refuse a space with an invalid key or value or with too many points, and an objective that cannot be measured.

    Parameters
    ----------
    locate : gives the location of a key below ``sweep``, for messages.

    Raises
    ------
    ConfigError
        One line: location, key, value, and what is wrong.
    """
    assert config.sweep is not None  # noqa: S101 - the caller has checked it
    axes = dimensions_of(config.sweep)
    for axis in axes:
        _require_key(axis.path, [other.path for other in axes if other is not axis], locate("space", axis.path))
    for key, check in (("space", require_grid), ("trials", require_points)):
        _with_location(locate(key), partial(check, config.sweep))
    for key in ("objective", "constraints"):
        _with_location(locate(key), partial(require_measurable, config.sweep, key))
    blocks: dict[str, list[Dimension]] = {}
    for axis in axes:
        blocks.setdefault(_block_of(axis.path), []).append(axis)
    for block in blocks.values():
        _check_block(config, block, locate)


def _with_location(location: str, check: Callable[[], None]) -> None:
    """Run a check; its error gets the location in front."""
    try:
        check()
    except ConfigError as error:
        raise ConfigError(f"{location}: {error}") from None


def _block_of(path: str) -> str:
    """The block with which an axis is validated: ``min_order`` of the risk block is compared with the cash."""
    return "risk" if path == "broker.cash" else path.partition(".")[0]


def _require_key(path: str, others: Iterable[str], location: str) -> None:
    refused = REFUSED.get(path) or REFUSED.get(path.partition(".")[0])
    if refused:
        raise ConfigError(f"{location}: sweep.space.{path}: cannot be tried: {refused}; remove it")
    for other in others:
        if other.startswith(f"{path}."):
            raise ConfigError(
                f"{location}: sweep.space.{path}: holds {other}, which is tried as well; keep one of them"
            )


def _check_block(config: "RunConfig", axes: Sequence[Dimension], locate: Locate) -> None:
    """Refuse a value of a block's axis that is valid with no values of the block's other axes."""
    valid_point = _first_valid_point(config, axes, locate)
    for axis in axes:
        for value in axis.representatives[:MAX_VALUES]:
            problem = _problem(config, valid_point | {axis.path: value})
            if problem and not _is_valid_somewhere(config, axes, axis, value):
                raise _invalid_value(axis.path, value, problem, locate)


def _first_valid_point(config: "RunConfig", axes: Sequence[Dimension], locate: Locate) -> dict[str, Any]:
    """The first valid combination of values."""
    point: dict[str, Any]
    for point in _combinations(axes):
        if not _problem(config, point):
            return point
    first: dict[str, Any] = next(_combinations(axes))
    path = next((path for path in first if _problem(config, {path: first[path]})), axes[0].path)
    problem = _problem(config, {path: first[path]}) or _problem(config, first)
    raise _invalid_value(path, first[path], problem, locate)


def _invalid_value(path: str, value: Any, problem: str, locate: Locate) -> ConfigError:
    return ConfigError(f"{locate('space', path)}: sweep.space.{path}: {json.dumps(value)}: {problem}")


def _is_valid_somewhere(config: "RunConfig", axes: Sequence[Dimension], axis: Dimension, value: Any) -> bool:
    """True if a value is valid with some values of the other axes."""
    others = [other for other in axes if other is not axis]
    return any(not _problem(config, {**point, axis.path: value}) for point in _combinations(others))


def _combinations(axes: Sequence[Dimension]) -> Iterator[dict[str, Any]]:
    """At most :data:`MAX_COMBINATIONS` points of a block; the longest lists are thinned until the product fits."""
    values = [axis.representatives for axis in axes]
    while values and max(map(len, values)) > 2 and math.prod(map(len, values)) > MAX_COMBINATIONS:
        longest = max(range(len(values)), key=lambda index: len(values[index]))
        values[longest] = _thinned(values[longest])
    paths = [axis.path for axis in axes]
    for point in itertools.islice(itertools.product(*values), MAX_COMBINATIONS):
        yield dict(zip(paths, point, strict=True))


def _thinned(values: tuple[Any, ...]) -> tuple[Any, ...]:
    """The first value, the last, and the others of the first half, without repetitions."""
    selected = (values[0], values[-1], *values[1 : len(values) // 2])
    by_text: dict[str, Any] = {}
    for value in selected:
        by_text.setdefault(json.dumps(value, sort_keys=True), value)
    return tuple(by_text.values())


def _problem(config: "RunConfig", point: Mapping[str, Any]) -> str:
    """The error message of a point; empty if it is valid."""
    try:
        interest = trial_config(config, point).broker.cash_interest
    except ConfigError as error:
        return str(error)
    if interest != config.broker.cash_interest:
        given = config.broker.cash_interest
        return f"{INTEREST} is {interest:g} in a trial, {given:g} in the config: {REFUSED[INTEREST]}"
    return ""
