"""Specs: frozen, strict parameter objects. What cannot be right cannot be built."""

import json
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Annotated, Any, Self, TypeAlias, get_args

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic_core import PydanticCustomError

from .errors import ConfigError

JsonObject: TypeAlias = Mapping[str, Any]


class Spec(BaseModel):
    """A block of the configuration: immutable, unknown keys forbidden, no silent conversions, no NaN or infinity."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        strict=True,
        allow_inf_nan=False,
        validate_default=True,
        use_attribute_docstrings=True,
    )

    @classmethod
    def parse(cls, values: JsonObject) -> Self:
        """Validate a plain mapping, as read from YAML.

        It goes through JSON because a config file has the types of strict JSON: lists become tuples and ISO text
        becomes dates, but ``"0.02"`` is still no number.

        Raises
        ------
        ConfigError
            A value is no plain value, or a key no text.
        pydantic.ValidationError
            A key or value is not acceptable; :mod:`engine.config.run_config` makes one line of it.
        """
        try:
            text = json.dumps(values, default=_iso)
        except TypeError as error:
            raise ConfigError(f"a config must hold plain values under text keys: {error}") from None
        return cls.model_validate_json(text)

    def dump(self) -> dict[str, Any]:
        """The plain mapping that :meth:`parse` reads back, every default written out."""
        return self.model_dump(mode="json")


def known_keys(spec: type[Spec], path: Sequence[int | str]) -> tuple[str, ...]:
    """The keys allowed beside the last element of ``path``, for a "did you mean"; none if the path leaves the specs.

    Where a block may be of several kinds, the keys of all of them.
    """
    blocks: tuple[type[Spec], ...] = (spec,)
    for part in path[:-1]:
        fields = [block.model_fields[str(part)] for block in blocks if str(part) in block.model_fields]
        blocks = tuple(inner for field in fields for inner in specs_in(field.annotation))
    return tuple(dict.fromkeys(name for block in blocks for name in block.model_fields))


def specs_in(annotation: object) -> tuple[type[Spec], ...]:
    """The specs that a value of this type may be, however deep in optional types and unions."""
    if isinstance(annotation, type) and issubclass(annotation, Spec):
        return (annotation,)
    return tuple(spec for part in get_args(annotation) for spec in specs_in(part))


def _iso(value: object) -> str:
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError(f"{value!r} is a {type(value).__name__}")


def _share(value: float) -> float:
    if 0 < value <= 1:
        return value
    raise PydanticCustomError("share", "must be above 0 and at most 1{hint}", {"hint": _percent_hint(value)})


def _rate(value: float) -> float:
    if 0 <= value < 1:
        return value
    raise PydanticCustomError("rate", "must be at least 0 and below 1{hint}", {"hint": _percent_hint(value)})


def _any_rate(value: float) -> float:
    if -1 < value < 1:
        return value
    raise PydanticCustomError("any_rate", "must be above -1 and below 1{hint}", {"hint": _percent_hint(value)})


def _part(value: float) -> float:
    if 0 < value < 1:
        return value
    raise PydanticCustomError("part", "must lie between 0 and 1, both excluded{hint}", {"hint": _percent_hint(value)})


def _multiple(value: float) -> float:
    if 0 < value <= 10:
        return value
    raise PydanticCustomError("multiple", "must be above 0 and at most 10{hint}", {"hint": _whole_hint(value)})


def _level(value: float) -> float:
    if 0.5 < value < 1:
        return value
    hint = f"; for {value:g} % write {value / 100:g}" if 50 < value < 100 else ""
    if 0 < value < 0.5:
        hint = f"; a level is a confidence: write {1 - value:g} for the worst {value:g}"
    raise PydanticCustomError("level", "must lie between 0.5 and 1, both excluded{hint}", {"hint": hint})


def _percent_hint(value: float) -> str:
    return f"; for {value:g} % write {value / 100:g}" if 1 < value <= 100 else ""


def _whole_hint(value: float) -> str:
    return f"; for {value:g} % write {value / 100:g}" if 10 < value <= 1000 else ""


Share = Annotated[float, AfterValidator(_share), Field(json_schema_extra={"exclusiveMinimum": 0, "maximum": 1})]
"""A fraction above 0 and at most 1: weights, the base and the cap of the risk rule."""

Rate = Annotated[float, AfterValidator(_rate), Field(json_schema_extra={"minimum": 0, "exclusiveMaximum": 1})]
"""A fraction of at least 0 and below 1: commission, slippage, interest, dropout."""

AnyRate = Annotated[
    float, AfterValidator(_any_rate), Field(json_schema_extra={"exclusiveMinimum": -1, "exclusiveMaximum": 1})
]
"""A yearly rate strictly between -1 and 1, which may be negative as rates of central banks were: -0.005 is -0.5 %."""

Part = Annotated[float, AfterValidator(_part), Field(json_schema_extra={"exclusiveMinimum": 0, "exclusiveMaximum": 1})]
"""A fraction strictly between 0 and 1: a stop's distance from the price, a loss that stops trading."""

Multiple = Annotated[float, AfterValidator(_multiple), Field(json_schema_extra={"exclusiveMinimum": 0, "maximum": 10})]
"""A multiple of the account value, above 0 and at most 10: an exposure."""

Level = Annotated[
    float, AfterValidator(_level), Field(json_schema_extra={"exclusiveMinimum": 0.5, "exclusiveMaximum": 1})
]
"""A confidence level strictly between 0.5 and 1."""
