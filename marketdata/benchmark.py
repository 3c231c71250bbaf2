"""Benchmarks that are no symbol of the data: one with a source of its own, and the basket of the traded symbols."""

from collections.abc import Mapping
from datetime import date
from typing import Annotated, Literal, Self, TypeAlias

from pydantic import ValidationError, ValidatorFunctionWrapHandler, WrapValidator, model_validator
from pydantic_core import PydanticCustomError, PydanticKnownError

from core.plugins import PluginField, nested
from core.spec import Spec
from marketdata.sources.base import Source

BASKET = "basket"


class BasketSpec(Spec):
    """All traded symbols in equal parts."""

    kind: Literal["basket"] = "basket"
    """Always basket."""

    rebalanced: bool = False
    """True brings the parts back to equal at each session's close; false buys once, at the first decision."""


class BenchmarkSpec(Spec):
    """A benchmark that is not among the source's symbols."""

    source: Annotated[Source, PluginField("marketdata.sources")]
    """Where its prices come from; it must have exactly one symbol. Its bars that bear only a date close as the traded
    ones do."""

    @model_validator(mode="after")
    def _one_symbol(self) -> Self:
        if len(self.source.names) != 1:
            symbols = ", ".join(self.source.names)
            raise PydanticCustomError(
                "one_symbol",
                "must have exactly one symbol; it has {symbols}",
                {"symbols": symbols, "path": ["source"]},
            )
        return self

    @property
    def symbol(self) -> str:
        """The only symbol."""
        return self.source.names[0]


def _mapping_first(value: object, handler: ValidatorFunctionWrapHandler) -> object:
    """Read a mapping as the spec that it means, so that its errors are not those of a choice of several forms."""
    if isinstance(value, bool | int | float | date | list):
        raise PydanticKnownError("string_type")
    if not isinstance(value, Mapping):
        return handler(value)
    spec = BasketSpec if "kind" in value or "rebalanced" in value else BenchmarkSpec
    try:
        return spec.parse(value)
    except ValidationError as error:
        raise nested(error, spec) from error


Benchmark: TypeAlias = Annotated[str | BasketSpec | BenchmarkSpec, WrapValidator(_mapping_first)]
"""A symbol of the data's source, `basket`, or a source of its own."""
