"""A backtrader strategy class of the user's own in the place of a rule: ``strategy: {file: pullback.py}``."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar, TypeAlias

from pydantic import (
    Field,
    GetJsonSchemaHandler,
    SerializerFunctionWrapHandler,
    ValidationError,
    create_model,
    model_serializer,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import PydanticCustomError

from core.digests import file_digest
from core.errors import PluginError
from core.plugins import PluginField, PluginSpec, nested
from core.spec import Spec

from .base import Strategy

FILE = "file"
DESCRIPTION = "A backtrader strategy class of your own with its own `next`; on the backtrader engine alone."


Parameter: TypeAlias = bool | int | float | str | None

_KEYS: Any = {  # of a mapping, because a key is a word of Python
    "file": (str, Field(description="The Python file with the class; a path from the config's folder.")),
    "class": (
        str | None,
        Field(default=None, description="The class, a `bt.Strategy`; may be left out where the file has only one."),
    ),
    "parameters": (
        dict[str, Parameter],
        Field(default={}, description="Values for its `params`; those left out have their defaults."),
    ),
}
OwnClassKeys: type[Any] = create_model("OwnClassKeys", __base__=Spec, **_KEYS)
"""The keys of a strategy class of one's own."""


def _no_rule(prediction: float, confidence: float, side: int, held: int, p: Any) -> int:
    raise NotImplementedError("a class of one's own decides in its own `next`")


class OwnClass(Strategy):
    """A ``bt.Strategy`` with its own ``next``, fed with bars, predictions, confidences and features as lines.

    Examples
    --------
    >>> OwnClass(file="pullback.py", parameters={"depth": 0.02}).dump()
    {'file': 'pullback.py', 'class': None, 'parameters': {'depth': 0.02}}
    """

    rule: ClassVar[Any] = staticmethod(_no_rule)

    file: str
    """The Python file with the class."""
    class_name: str | None = None
    """The class; None for the only one of the file."""
    parameters: Mapping[str, Parameter] = MappingProxyType({})
    """Values for its ``params``; those left out have their defaults."""

    @property
    def kind(self) -> str:
        """The name for messages."""
        return self.class_name or Path(self.file).stem

    @property
    def path(self) -> Path:
        """The file."""
        return Path(self.file)

    def identity(self) -> dict[str, Any]:
        """The class and its parameters, with the content of the file in place of its path."""
        return {**self.dump(), FILE: file_digest(self.path)}

    @model_serializer(mode="wrap")
    def _with_kind(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        del handler
        return {FILE: self.file, "class": self.class_name, "parameters": dict(self.parameters)}


class StrategyField(PluginField):
    """A field that holds a strategy by its kind, or the file of a class of one's own."""

    def parse(self, value: object) -> PluginSpec:
        """The strategy that a mapping describes; a class of one's own is loaded, and its parameters are checked."""
        if not isinstance(value, Mapping) or FILE not in value or "kind" in value:
            return super().parse(value)
        try:
            keys: Any = OwnClassKeys.parse(value)
        except ValidationError as error:
            raise nested(error, OwnClassKeys) from error
        from ._backtrader.own_class import check_class

        strategy = OwnClass(file=keys.file, class_name=getattr(keys, "class"), parameters=keys.parameters)
        try:
            check_class(strategy)
        except PluginError as error:
            raise PydanticCustomError("plugin", "{message}", {"message": str(error), "path": [FILE]}) from error
        return strategy

    def __get_pydantic_json_schema__(self, schema: Any, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        keys = handler.resolve_ref_schema(handler(OwnClassKeys.__pydantic_core_schema__))
        by_kind = super().__get_pydantic_json_schema__(schema, handler)
        return {"anyOf": [*by_kind["anyOf"], {**keys, "title": FILE, "description": DESCRIPTION}]}
