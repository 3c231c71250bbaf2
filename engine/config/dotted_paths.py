"""Changes of a config's plain values under dotted paths."""

from collections.abc import Mapping, Sequence
from typing import Any

from core.errors import ConfigError


def with_changes(values: Mapping[str, Any], point: Mapping[str, Any]) -> dict[str, Any]:
    """A copy of plain values with the values of a point under their dotted paths.

    A ``kind`` is set before its parameters, wherever it stands in the point: another kind has other parameters.

    Raises
    ------
    ConfigError
        An index beyond the end of a list.

    >>> with_changes({"stop": {"kind": "percent", "value": 0.1}}, {"stop.multiple": 2.0, "stop.kind": "atr"})
    {'stop': {'kind': 'atr', 'multiple': 2.0}}
    """
    copy: dict[str, Any] = dict(values)
    for path in sorted(point, key=lambda path: (not path.endswith(".kind"), path.count("."))):
        _set_value(copy, path.split("."), point[path])
    return copy


def _set_value(holder: Any, path: Sequence[str], value: Any) -> None:
    """Set a value below a mapping or list; the containers on the way are copied."""
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
    holder[key] = _shallow_copy(inner)
    _set_value(holder[key], path[1:], value)


def _shallow_copy(container: Any) -> Any:
    """A copy of a list or mapping; an empty mapping in place of anything else."""
    if isinstance(container, list):
        return list(container)
    return dict(container) if isinstance(container, Mapping) else {}
