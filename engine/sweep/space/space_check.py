"""The space of a sweep against the config that it changes: which keys may be tried, and whether the values can be."""

import itertools
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from core.errors import ConfigError
from engine.config.dotted_paths import with_changes

from .dimensions import Dimension
from .samplers import dimensions_of, require_grid, require_points
from .trial_measures import require_measurable

if TYPE_CHECKING:
    from engine.config.run_config import RunConfig

POLICY = ("strategy", "risk", "broker")
"""The blocks whose parameters need no new signals."""
REFUSED = {
    "data": "trials are compared on the same data; write a config for each data set",
    "measures": "trials are compared by the same measures",
    "seed": "the best seed is luck; to see how much hangs on it, run the config with several",
    "sweep": "a sweep does not change itself",
    **dict.fromkeys(("version", "name", "report", "engine", "workers"), "it changes no result"),
}
TRIED = 256
"""Combinations of a block's values that are tried before it is said that none can be."""


def is_policy(path: str) -> bool:
    """Whether a key is a parameter that the compiled engine takes by the thousand; all others make a group of trials.

    >>> is_policy("risk.base"), is_policy("strategy.kind"), is_policy("model.members.lstm.hidden")
    (True, False, False)
    """
    block, _, rest = path.partition(".")
    return block in POLICY and bool(rest) and path != "strategy.kind" and not path.startswith("broker.impact")


def base_values(config: "RunConfig") -> dict[str, Any]:
    """What points change: the config without its sweep."""
    values = config.dump()
    values.pop("sweep")
    return values


def trial_config(config: "RunConfig", point: Mapping[str, Any], name: str = "") -> "RunConfig":
    """The config of one point, which has no sweep any more.

    Raises
    ------
    ConfigError
        The point contradicts itself; what is wrong, without a place.
    """
    from engine.config.run_config import RunConfig, explain_values

    values = with_changes(base_values(config), point)
    if name:
        values["name"] = name
    try:
        return RunConfig.parse(values)
    except ValidationError as error:
        raise ConfigError(explain_values(error, values)) from None


def check_space(config: "RunConfig", place: Any) -> None:
    """Refuse a space of which a key or a value can never be, or that is too large, and what cannot judge its trials.

    Parameters
    ----------
    place : of a key below `sweep`, given as its parts, for messages.

    Raises
    ------
    ConfigError
        One line: where, key, value, what is wrong.
    """
    assert config.sweep is not None  # noqa: S101 - asked only of a config that has one
    axes = dimensions_of(config.sweep)
    for axis in axes:
        _require_key(axis.path, [other.path for other in axes if other is not axis], place("space", axis.path))
    for key, check in (("space", require_grid), ("trials", require_points)):
        _placed(place(key), partial(check, config.sweep))
    for key in ("objective", "constraints"):
        _placed(place(key), partial(require_measurable, config.sweep, key))
    blocks: dict[str, list[Dimension]] = {}
    for axis in axes:
        blocks.setdefault(_checked_with(axis.path), []).append(axis)
    for block in blocks.values():
        _check_block(config, block, lambda path: place("space", path))


def _placed(place: str, check: Callable[[], None]) -> None:
    try:
        check()
    except ConfigError as error:
        raise ConfigError(f"{place}: {error}") from None


def _checked_with(path: str) -> str:
    """The block with which an axis can contradict itself; the least order is held against the cash."""
    return "risk" if path == "broker.cash" else path.partition(".")[0]


def _require_key(path: str, others: Iterable[str], place: str) -> None:
    block = path.partition(".")[0]
    if block in REFUSED:
        raise ConfigError(f"{place}: sweep.space.{path}: cannot be tried: {REFUSED[block]}; remove it")
    for other in others:
        if other.startswith(f"{path}."):
            raise ConfigError(f"{place}: sweep.space.{path}: holds {other}, which is tried as well; keep one of them")


def _check_block(config: "RunConfig", axes: Sequence[Dimension], place: Any) -> None:
    """Whether each value of a block's axes is possible beside some values of its others."""
    good = _first_good(config, axes, place)
    for axis in axes:
        for value in axis.representatives[:1000]:
            if _problem(config, good | {axis.path: value}) and not _somewhere(config, axes, axis, value):
                problem = _problem(config, good | {axis.path: value})
                raise ConfigError(f"{place(axis.path)}: sweep.space.{axis.path}: {_shown(value)}: {problem}")


def _first_good(config: "RunConfig", axes: Sequence[Dimension], place: Any) -> dict[str, Any]:
    """The first combination of values that can be."""
    point: dict[str, Any]
    for point in _combinations(axes):
        if not _problem(config, point):
            return point
    first: dict[str, Any] = next(_combinations(axes))
    guilty = next((path for path in first if _problem(config, {path: first[path]})), axes[0].path)
    problem = _problem(config, {guilty: first[guilty]}) or _problem(config, first)
    raise ConfigError(f"{place(guilty)}: sweep.space.{guilty}: {_shown(first[guilty])}: {problem}")


def _somewhere(config: "RunConfig", axes: Sequence[Dimension], axis: Dimension, value: Any) -> bool:
    others = [other for other in axes if other is not axis]
    return any(not _problem(config, {**point, axis.path: value}) for point in _combinations(others))


def _combinations(axes: Sequence[Dimension]) -> Any:
    """Some points of a block, the first of each axis's values first; all of them if they are few."""
    values = [axis.representatives for axis in axes]
    while values and max(map(len, values)) > 2 and _product(values) > TRIED:
        longest = max(range(len(values)), key=lambda number: len(values[number]))
        kept = values[longest]
        values[longest] = tuple(dict.fromkeys(map(_Same, (kept[0], kept[-1], *kept[1 : len(kept) // 2]))))
        values[longest] = tuple(item.value for item in values[longest])
    points = itertools.islice(itertools.product(*values), TRIED)
    return (dict(zip((axis.path for axis in axes), point, strict=True)) for point in points)


class _Same:
    """A value that may be a mapping, as a key."""

    def __init__(self, value: Any) -> None:
        self.value, self.key = value, json.dumps(value, sort_keys=True)

    def __hash__(self) -> int:
        return hash(self.key)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and self.key == other.key


def _product(values: Sequence[Sequence[Any]]) -> int:
    count = 1
    for each in values:
        count *= len(each)
    return count


def _problem(config: "RunConfig", point: Mapping[str, Any]) -> str:
    try:
        trial_config(config, point)
    except ConfigError as error:
        return str(error)
    return ""


def _shown(value: Any) -> str:
    return json.dumps(value)
