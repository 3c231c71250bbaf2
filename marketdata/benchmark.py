"""A benchmark with a source of its own: compared with, never traded."""

from collections.abc import Mapping
from typing import Annotated, Self, TypeAlias

from pydantic import ValidationError, ValidatorFunctionWrapHandler, WrapValidator, model_validator
from pydantic_core import PydanticCustomError

from core.plugins import PluginField, nested
from core.spec import Spec
from marketdata.sources.base import Source


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
    """Read a mapping as a :class:`BenchmarkSpec`, so that its errors are not those of a choice of two forms."""
    if not isinstance(value, Mapping):
        return handler(value)
    try:
        return BenchmarkSpec.parse(value)
    except ValidationError as error:
        raise nested(error, BenchmarkSpec) from error


Benchmark: TypeAlias = Annotated[str | BenchmarkSpec, WrapValidator(_mapping_first)]
"""A symbol of the data's source, or a source of its own."""
