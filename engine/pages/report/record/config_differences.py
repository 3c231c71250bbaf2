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
            if type(value) is not type(default) and default is not PydanticUndefined and hasattr(value, "kind"):
                yield key, str(value.kind), _text(default)
            yield from _changed(value, f"{key}.")
        else:
            plain = spec.model_dump(mode="json")[name]
            yield key, _text(plain), "required" if default is PydanticUndefined else _text(default)


def _default(field: FieldInfo) -> Any:
    """The default as it is: a copy of it, which pydantic gives, is refused by read-only mappings."""
    if field.default_factory is None:
        return field.default
    return field.get_default(call_default_factory=True, validated_data={})


def _text(value: Any) -> str:
    """A value as in a config, on one line."""
    if isinstance(value, BaseModel):
        return str(getattr(value, "kind", "")) or _text(value.model_dump(mode="json"))
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{key}: {_text(item)}' for key, item in value.items())}}}" if value else "none"
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(_text(item) for item in value)}]" if value else "none"
    return "none" if value is None else str(value)
