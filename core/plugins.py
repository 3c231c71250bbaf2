"""Plug-ins: one file each, found by its name.

A family is a package (``signals.models``). Its plug-ins are the modules in it whose name does not begin with an
underscore; **the module's name is the ``kind`` in the YAML**. A module holds exactly one public subclass of
:class:`PluginSpec` of its own. Only the file asked for is imported, never a dotted path from a config.
"""

import difflib
import importlib
import inspect
import pkgutil
from collections.abc import Mapping
from contextvars import ContextVar
from functools import cache
from typing import Any, ClassVar

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler, ValidationError, model_serializer
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError, core_schema
from pydantic_core.core_schema import SerializerFunctionWrapHandler

from core.errors import PluginError
from core.spec import Spec, known_keys

FAMILIES = {
    "sources": "marketdata.sources",
    "features": "signals.features",
    "models": "signals.models",
    "strategies": "strategies",
    "measures": "risk.measures",
}


# The families whose JSON schema is being written, outermost first.
_described: ContextVar[tuple[str, ...]] = ContextVar("described", default=())


class PluginSpec(Spec):
    """A plug-in's parameters. ``kind`` is the name of its file; it is written out, never stored."""

    family: ClassVar[str] = ""

    @property
    def kind(self) -> str:
        """The plug-in's name in a config file."""
        return type(self).__module__.rpartition(".")[2]

    @model_serializer(mode="wrap")
    def _with_kind(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return {"kind": self.kind, **handler(self)}


def kinds(package: str) -> tuple[str, ...]:
    """The names of all plug-ins of a family, sorted; nothing is imported but the family's package."""
    folder = importlib.import_module(package).__path__
    return tuple(
        sorted(name for _, name, is_package in pkgutil.iter_modules(folder) if name[0] != "_" and not is_package)
    )


@cache
def load(package: str, kind: str) -> type[PluginSpec]:
    """The spec class of the plug-in ``kind`` of a family.

    Raises
    ------
    PluginError
        There is no such file, it cannot be imported, or it does not hold exactly one plug-in.
    """
    known = kinds(package)
    if kind not in known:
        close = difflib.get_close_matches(kind, known, n=1)
        hint = f"did you mean {close[0]!r}?" if close else f"known: {', '.join(known)}"
        raise PluginError(f"there is no {kind!r} in {package.replace('.', '/')}; {hint}")
    try:
        module = importlib.import_module(f"{package}.{kind}")
    except (ImportError, SyntaxError) as error:
        raise PluginError(f"{package.replace('.', '/')}/{kind}.py cannot be imported: {error}") from error
    return _only_spec(module.__name__, vars(module))


def _only_spec(name: str, namespace: Mapping[str, object]) -> type[PluginSpec]:
    specs = [
        item
        for label, item in namespace.items()
        if inspect.isclass(item) and issubclass(item, PluginSpec) and item.__module__ == name and label[0] != "_"
    ]
    if len(specs) != 1:
        found = ", ".join(spec.__name__ for spec in specs) or "none"
        raise PluginError(f"{name.replace('.', '/')}.py must hold exactly one plug-in; it holds {found}")
    return specs[0]


class PluginField:
    """Annotates a field that holds a plug-in of one family: ``Annotated[ModelSpec, PluginField("signals.models")]``."""

    def __init__(self, package: str) -> None:
        self.package = package

    def parse(self, value: object) -> PluginSpec:
        """The plug-in that a mapping with a ``kind`` describes; a plug-in itself passes through."""
        if isinstance(value, PluginSpec):
            return value
        if not isinstance(value, Mapping) or not isinstance(value.get("kind"), str):
            raise PydanticCustomError(
                "plugin_form",
                "must be a mapping with a `kind`, one of {known}",
                {"known": ", ".join(kinds(self.package))},
            )
        return self.build(value["kind"], {key: item for key, item in value.items() if key != "kind"})

    def build(self, kind: str, parameters: Mapping[str, Any]) -> PluginSpec:
        """The plug-in ``kind`` with these parameters; errors name the parameter's place below the field."""
        try:
            spec = load(self.package, kind)
        except PluginError as error:
            raise PydanticCustomError("plugin", "{message}", {"message": str(error), "path": ["kind"]}) from error
        try:
            return spec.parse(parameters)
        except ValidationError as error:
            raise nested(error, spec) from error

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(
            self.parse, serialization=core_schema.plain_serializer_function_ser_schema(lambda spec: spec.dump())
        )

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        known = kinds(self.package)
        if self.package in _described.get():  # a plug-in that holds one of its own family: the form has no end
            return {"type": "object", "properties": {"kind": {"enum": list(known)}}, "required": ["kind"]}
        token = _described.set((*_described.get(), self.package))
        try:
            return {"anyOf": [kind_schema(self.package, kind, handler) for kind in known]}
        finally:
            _described.reset(token)


def kind_schema(package: str, kind: str, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
    """The JSON schema of one plug-in, its ``kind`` included."""
    spec = load(package, kind)
    schema = handler.resolve_ref_schema(handler(_fields_only(spec.__pydantic_core_schema__)))
    about = {"const": kind, "description": summary(spec)}
    return {
        **schema,
        "title": kind,
        "description": summary(spec),
        "properties": {"kind": about, **schema.get("properties", {})},
        "required": ["kind", *schema.get("required", [])],
    }


def _fields_only(schema: CoreSchema) -> CoreSchema:
    """The schema without the serializer that adds ``kind``: pydantic would describe its output as any mapping."""
    return {key: item for key, item in schema.items() if key != "serialization"}


def summary(spec: type[PluginSpec]) -> str:
    """The first line of a plug-in's docstring."""
    return (inspect.getdoc(spec) or "").partition("\n")[0]


def nested(error: ValidationError, spec: type[Spec]) -> PydanticCustomError:
    """One pydantic error that carries the first of another's with its place: a plug-in's own error surfaces."""
    first = error.errors(include_url=False)[0]
    context = first.get("ctx", {})
    inner = {"type": first["type"], "given": first["input"], "known": list(known_keys(spec, first["loc"]))}
    return PydanticCustomError(
        "nested",
        "{message}",
        {"message": first["msg"], **inner, **context, "path": [*first["loc"], *context.get("path", [])]},
    )
