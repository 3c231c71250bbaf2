"""The keys of a config that differ from their defaults."""

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from core.errors import WorkbenchError
from engine.config.run_config import RunConfig


def differences(config: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """Key, value and default of each, in the config's order; none for what is no config, as a recorded script.

    A key without a default is in the list with the default ``required``.
    """
    try:
        parsed = RunConfig.parse({**config, "name": "run"})
    except (ValidationError, WorkbenchError):
        return []
    return list(_changed(parsed, ""))


def _changed(spec: BaseModel, path: str) -> Iterator[tuple[str, str, str]]:
    for name, field in type(spec).model_fields.items():
        value = getattr(spec, name)
        default = _default(field)
        if value == default or (path == "" and name in ("name", "version")):
            continue
        key = f"{path}{name}"
        if isinstance(value, BaseModel):
            yield from (
                _changed(value, f"{key}.")
                if type(value) is type(default) or default is PydanticUndefined
                else _other_kind(value, key)
            )
            continue
        yield key, _text(value), "required" if default is PydanticUndefined else _text(default)


def _default(field: FieldInfo) -> Any:
    """The default as it is: a copy of it, which pydantic gives, is refused by read-only mappings."""
    if field.default_factory is None:
        return field.default
    return field.get_default(call_default_factory=True, validated_data={})


def _other_kind(value: BaseModel, key: str) -> Iterator[tuple[str, str, str]]:
    """A block of another kind than the default: its kind, and its own keys that differ."""
    yield key, str(getattr(value, "kind", type(value).__name__)), "another kind"
    yield from _changed(value, f"{key}.")


def _text(value: Any) -> str:
    if isinstance(value, BaseModel):
        return str(value.model_dump(mode="json"))
    if isinstance(value, (list, tuple)):
        return ", ".join(_text(item) for item in value) or "none"
    return "null" if value is None else str(value)
