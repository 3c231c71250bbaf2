"""Types of parameters that several features share."""

from typing import Annotated, TypeAlias

from pydantic import AfterValidator, Field, PositiveInt
from pydantic_core import PydanticCustomError


def distinct(numbers: tuple[int, ...]) -> tuple[int, ...]:
    """The numbers, if none is there twice."""
    if len(set(numbers)) < len(numbers):
        raise PydanticCustomError("numbers_twice", "must be distinct; given {numbers}", {"numbers": str(list(numbers))})
    return numbers


Window: TypeAlias = Annotated[int, Field(ge=2)]
"""Bars in a rolling window, the current one included; at least 2."""

Horizons: TypeAlias = Annotated[
    tuple[PositiveInt, ...], Field(min_length=1, json_schema_extra={"uniqueItems": True}), AfterValidator(distinct)
]
"""Numbers of bars, distinct."""


def settled(weight: float, threshold: float) -> int:
    """Rows after which the start of an exponential average weighs less than ``threshold``.

    ``weight`` is that of each newest value, so that after ``n`` rows the start weighs ``(1 - weight) ** n``.

    >>> settled(0.5, 0.1), settled(1.0, 0.1)
    (4, 1)
    """
    rows = 0
    start = 1.0
    while start >= threshold:
        rows += 1
        start *= 1 - weight
    return rows
