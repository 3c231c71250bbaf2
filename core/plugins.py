"""Plug-ins: one file each, found by its name.

A family is a package (``signals.models``). Its module ``base`` holds the base classes of the family. Its plug-ins are
the other modules whose name does not begin with an underscore; **the module's name is the ``kind`` in the YAML**. A
plug-in's module holds exactly one public subclass of :class:`PluginSpec` of its own. Only the requested file is
imported, never a dotted path from a config.
"""

import difflib
import importlib
import inspect
import keyword
import pkgutil
import re
import sys
import traceback
from collections.abc import Collection, Mapping, Sequence
from contextvars import ContextVar
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler, ValidationError, model_serializer
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError, core_schema
from pydantic_core.core_schema import SerializerFunctionWrapHandler

from .errors import PluginError
from .spec import Spec, known_keys

FAMILIES = {
    "sources": "marketdata.sources",
    "layouts": "marketdata.layouts",
    "features": "signals.features",
    "scorers": "signals.text",
    "labels": "signals.labels",
    "models": "signals.models",
    "confidence": "signals.confidence",
    "strategies": "strategies",
    "measures": "risk.measures",
}


NAME = re.compile(r"[a-z][a-z0-9_]*")
CONTRACT = "base"
"""The module of a family that holds its base classes and is no plug-in."""

# The families whose JSON schema is being written, outermost first.
_described: ContextVar[tuple[str, ...]] = ContextVar("described", default=())


class PluginSpec(Spec):
    """A plug-in's parameters. ``kind`` is the name of its file; it is written out, never stored."""

    family: ClassVar[str] = ""
    single_precision: ClassVar[bool] = False
    """Whether it calculates in float32: then its last digits depend on the processor, and less of them is compared."""

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
    return tuple(sorted(module.name for module in pkgutil.iter_modules(folder) if _is_plugin(module)))


def _is_plugin(module: pkgutil.ModuleInfo) -> bool:
    return not module.ispkg and not module.name.startswith("_") and module.name != CONTRACT


@cache
def load(package: str, kind: str) -> type[PluginSpec]:
    """The spec class of the plug-in ``kind`` of a family.

    Raises
    ------
    PluginError
        There is no such file, its name cannot be a kind, it cannot be imported, or it does not hold exactly one whole
        plug-in of this family.
    """
    available = kinds(package)
    file = f"{package.replace('.', '/')}/{kind}.py"
    if kind not in available:
        raise PluginError(f"there is no {kind!r} in {package.replace('.', '/')}; {_hint(kind, available, package)}")
    if not NAME.fullmatch(kind) or keyword.iskeyword(kind):
        raise PluginError(
            f"{file}: a plug-in's file name is its kind: lower-case letters, digits and _ only; rename it"
        )
    try:
        module = importlib.import_module(f"{package}.{kind}")
    except SyntaxError as error:
        location = f"{error.filename or file}:{error.lineno}"
        raise PluginError(f"{file} cannot be imported: {location}: {error.msg}; mend that line") from error
    except Exception as error:  # a file of anyone's may raise anything while it is imported
        raise PluginError(f"{file} cannot be imported: {_last_line(error)}{type(error).__name__}: {error}") from error
    return _checked(file, package, _only_spec(file, module))


def _hint(kind: str, available: Sequence[str], package: str = "") -> str:
    if kind.startswith("_"):
        return "names that begin with _ are the family's own modules, no plug-ins"
    if kind == CONTRACT:
        return f"{CONTRACT} holds the family's base classes and is no plug-in"
    same = [name for name in available if _letters(name) == _letters(kind)]
    homes = [family for family, home in FAMILIES.items() if home != package and kind in kinds(home)]
    if homes and not same:
        return f"{kind!r} is of the family {' and '.join(homes)}, not this one; known here: {', '.join(available)}"
    close = same or difflib.get_close_matches(kind.lower(), available, n=1)
    return f"did you mean {close[0]!r}?" if close else f"known: {', '.join(available)}"


def _letters(kind: str) -> str:
    """A name without case and separators: ``RandomForest`` is ``random_forest``."""
    return re.sub("[^a-z0-9]", "", kind.lower())


def raised_in(error: BaseException) -> str:
    """The plug-in's file and line in which an error was raised, ``file:line``; empty if no plug-in's code was running.

    The innermost frame of a plug-in counts, also where a library that it called raised.
    """
    folders = [module.__path__ for package in FAMILIES.values() if (module := sys.modules.get(package))]
    homes = {Path(folder).resolve() for paths in folders for folder in paths}
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if _is_plugin_file(frame.filename, homes)]
    return f"{frames[-1].filename}:{frames[-1].lineno}" if frames else ""


def _is_plugin_file(name: str, homes: Collection[Path]) -> bool:
    path = Path(name)
    return path.stem != CONTRACT and not path.stem.startswith("_") and path.resolve().parent in homes


def _last_line(error: Exception) -> str:
    """The file and line in which an error was raised, ``file:line: ``."""
    frames = traceback.extract_tb(error.__traceback__)
    plugin_frames = [frame for frame in frames if "importlib" not in frame.filename]
    return f"{plugin_frames[-1].filename}:{plugin_frames[-1].lineno}: " if plugin_frames else ""


def _only_spec(file: str, module: ModuleType) -> type[PluginSpec]:
    specs = [
        item
        for label, item in vars(module).items()
        if inspect.isclass(item)
        and issubclass(item, PluginSpec)
        and item.__module__ == module.__name__
        and label[0] != "_"
    ]
    if len(specs) != 1:
        names = ", ".join(spec.__name__ for spec in specs) or "none"
        raise PluginError(f"{file} must hold exactly one plug-in; it holds {names}")
    return specs[0]


def _checked(file: str, package: str, spec: type[PluginSpec]) -> type[PluginSpec]:
    """The spec, if it belongs to the family and has all that the family requires."""
    home = FAMILIES.get(spec.family, package)
    if package in FAMILIES.values() and home != package:
        raise PluginError(
            f"{file}: {spec.__name__} is of the family {spec.family}; move it to {home.replace('.', '/')}"
        )
    missing = ", ".join(sorted(getattr(spec, "__abstractmethods__", ())))
    if missing:
        raise PluginError(f"{file}: {spec.__name__} lacks {missing}; see the base class of its family")
    return spec


class PluginField:
    """Annotates a field that holds a plug-in of one family: ``Annotated[ModelSpec, PluginField("signals.models")]``.

    ``refused`` names kinds that people may look for and that do not exist for a reason, each with the reason;
    ``default`` is the kind of a mapping that names none.
    """

    def __init__(self, package: str, refused: Mapping[str, str] | None = None, default: str | None = None) -> None:
        self.package = package
        self.refused = refused or {}
        self.default = default

    def parse(self, value: object) -> PluginSpec:
        """The plug-in that a mapping with a ``kind`` describes; a plug-in itself passes through."""
        if isinstance(value, PluginSpec):
            return value
        kind = value.get("kind", self.default) if isinstance(value, Mapping) else None
        if not isinstance(value, Mapping) or not isinstance(kind, str):
            raise PydanticCustomError(
                "plugin_form",
                "must be a mapping with a `kind`, one of {known}",
                {"known": ", ".join(kinds(self.package))},
            )
        return self.build(kind, {key: item for key, item in value.items() if key != "kind"})

    def build(self, kind: str, parameters: Mapping[str, Any]) -> PluginSpec:
        """The plug-in ``kind`` with these parameters; errors name the parameter's place below the field."""
        try:
            spec = self._load(kind)
        except PluginError as error:
            raise PydanticCustomError("plugin", "{message}", {"message": str(error), "path": ["kind"]}) from error
        try:
            return spec.parse(parameters)
        except ValidationError as error:
            raise nested(error, spec) from error

    def _load(self, kind: str) -> type[PluginSpec]:
        if kind in self.refused:
            raise PluginError(self.refused[kind])
        return load(self.package, kind)

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(
            self.parse, serialization=core_schema.plain_serializer_function_ser_schema(lambda spec: spec.dump())
        )

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        available = kinds(self.package)
        if self.package in _described.get():  # a plug-in that holds one of its own family: the form has no end
            return {"type": "object", "properties": {"kind": {"enum": list(available)}}, "required": ["kind"]}
        token = _described.set((*_described.get(), self.package))
        try:
            return {"anyOf": [self._described(kind, handler) for kind in available]}
        finally:
            _described.reset(token)

    def _described(self, kind: str, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        schema = kind_schema(self.package, kind, handler)
        optional = {"kind"} if kind == self.default else set()
        return {**schema, "required": [name for name in schema["required"] if name not in optional]}


def kind_schema(package: str, kind: str, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
    """The JSON schema of one plug-in, its ``kind`` included."""
    spec = load(package, kind)
    schema = handler.resolve_ref_schema(handler(_fields_only(spec.__pydantic_core_schema__)))
    kind_property = {"const": kind, "description": summary(spec)}
    return {
        **schema,
        "title": kind,
        "description": summary(spec),
        "properties": {"kind": kind_property, **schema.get("properties", {})},
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
