"""Plain values of a config with some of them changed, by dotted paths."""

from collections.abc import Mapping, Sequence
from typing import Any

from core.errors import ConfigError


def with_changes(values: Mapping[str, Any], point: Mapping[str, Any]) -> dict[str, Any]:
    """Plain values with those of a point; what is there stays as it is.

    Kinds come first, wherever they were written: another kind has other parameters, which the point may state.

    Raises
    ------
    ConfigError
        A place in a list that is not there.

    >>> changed({"stop": {"kind": "percent", "value": 0.1}}, {"stop.multiple": 2.0, "stop.kind": "atr"})
    {'stop': {'kind': 'atr', 'multiple': 2.0}}
    """
    made: dict[str, Any] = dict(values)
    for path in sorted(point, key=lambda path: (not path.endswith(".kind"), path.count("."))):
        _put(made, path.split("."), point[path])
    return made


def _put(holder: Any, path: Sequence[str], value: Any) -> None:
    key: Any = int(path[0]) if isinstance(holder, list) and path[0].isdecimal() else path[0]
    if isinstance(holder, list) and not (isinstance(key, int) and key < len(holder)):
        raise ConfigError(f"there is no {path[0]!r} in a list of {len(holder)}; count from 0")
    if len(path) == 1:
        holder[key] = value
        return
    inner = holder[key] if isinstance(holder, list) else holder.get(key)
    if path[1:] == ["kind"] and isinstance(inner, Mapping) and inner.get("kind") != value:
        holder[key] = {"kind": value}  # another kind has other parameters
        return
    holder[key] = list(inner) if isinstance(inner, list) else dict(inner) if isinstance(inner, Mapping) else {}
    _put(holder[key], path[1:], value)
