"""The form that an ensemble's members have in a config: model kind -> {weight, that model's parameters}."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler, ValidationError
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from core.plugins import PluginField, kind_schema, kinds, load, nested
from core.spec import Share, Spec

from .base import TrainedModel

PACKAGE = __package__ or "signals.models"
ENSEMBLE = "ensemble"
SCOPE = "scope"


class Weight(Spec):
    """The part of a member that belongs to the ensemble."""

    weight: Share | None = None
    """The member's part of the prediction; the weights of all members sum to 1. None where the weights are learned."""


@dataclass(frozen=True)
class Member:
    """A model and its weight.

    Attributes
    ----------
    weight : 0 < weight <= 1; None where it is to be learned.
    model : a model that trains, and no ensemble.
    """

    weight: float | None
    model: TrainedModel

    @property
    def kind(self) -> str:
        """The member's key in the config."""
        return self.model.kind

    def dump(self) -> dict[str, Any]:
        """The mapping under that key: the weight, then every parameter of the model."""
        parameters = self.model.dump()
        del parameters["kind"]
        return parameters if self.weight is None else {"weight": self.weight, **parameters}


class MembersField:
    """Annotates a tuple of :class:`Member` that is read from, and dumped as, a mapping by kind."""

    def parse(self, value: object) -> tuple[Member, ...]:
        """The members that a mapping describes; members themselves pass through."""
        if isinstance(value, tuple) and value and all(isinstance(item, Member) for item in value):
            return value
        if not isinstance(value, Mapping) or not value:
            raise PydanticCustomError(
                "members_form",
                "must name at least one model, each with its `weight` and parameters; models that train: {trained}",
                {"trained": ", ".join(trained_kinds())},
            )
        return tuple(_member(str(kind), parameters) for kind, parameters in value.items())

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Parse with :meth:`parse`, dump by kind."""
        dump = core_schema.plain_serializer_function_ser_schema(_dump)
        return core_schema.no_info_plain_validator_function(self.parse, serialization=dump)

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """One property for each model that can be a member."""
        return {
            "type": "object",
            "properties": {kind: _schema(kind, handler) for kind in trained_kinds()},
            "additionalProperties": False,
            "minProperties": 1,
        }


def trained_kinds() -> tuple[str, ...]:
    """The kinds that can be members."""
    return tuple(kind for kind in kinds(PACKAGE) if kind != ENSEMBLE and issubclass(load(PACKAGE, kind), TrainedModel))


def _dump(members: tuple[Member, ...]) -> dict[str, Any]:
    return {member.kind: member.dump() for member in members}


def _member(kind: str, values: object) -> Member:
    if not isinstance(values, Mapping):
        raise _refused(kind, "must be a mapping with a `weight` and the model's parameters")
    parameters = {key: item for key, item in values.items() if key != "weight"}
    if SCOPE in parameters:
        raise _refused(kind, f"`{SCOPE}` is the ensemble's, not a member's; write it beside `members`", SCOPE)
    try:
        weight = Weight.parse({key: item for key, item in values.items() if key == "weight"}).weight
        model = PluginField(PACKAGE).build(kind, parameters)
    except ValidationError as error:
        raise _below(kind, nested(error, Weight)) from error
    except PydanticCustomError as error:
        raise _below(kind, error) from error
    if not isinstance(model, TrainedModel) or kind == ENSEMBLE:
        reason = "an ensemble is no member of another" if kind == ENSEMBLE else f"{kind} does not train"
        raise _refused(kind, f"{reason}; members are models that train: {', '.join(trained_kinds())}")
    return Member(weight, model)


def _refused(kind: str, message: str, *key: str) -> PydanticCustomError:
    return PydanticCustomError("member", "{message}", {"message": message, "path": [kind, *key]})


def _below(kind: str, error: PydanticCustomError) -> PydanticCustomError:
    """The error of a member's parameter, with its place below the field and `weight` among the known keys."""
    context = dict(error.context or {})
    inner = [part for part in context.get("path", []) if part != "kind"]
    known_keys = {"known": list(dict.fromkeys([*context["known"], *Weight.model_fields]))} if "known" in context else {}
    return PydanticCustomError(error.type, error.message_template, {**context, **known_keys, "path": [kind, *inner]})


def _schema(kind: str, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
    schema = kind_schema(PACKAGE, kind, handler)
    weight = Weight.model_json_schema()
    parameters = {name: item for name, item in schema["properties"].items() if name not in ("kind", SCOPE)}
    required = [name for name in schema["required"] if name != "kind"]
    return {
        **schema,
        "properties": {**weight["properties"], **parameters},
        "required": required,
    }
