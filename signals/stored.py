"""Fitted parts as numbers and arrays: what a bundle keeps, and what is read back without running any of its content."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from core.errors import StoreError
from core.types import Vector, read_only

__all__ = ["Stored", "restored_fields", "stored_fields"]

T = TypeVar("T")
SPECIAL = {"inf": math.inf, "-inf": -math.inf, "nan": math.nan}
"""Numbers that JSON lacks, by the text that stands for them."""


@dataclass(frozen=True, eq=False)
class Stored:
    """The content of a fitted part.

    Attributes
    ----------
    facts : plain JSON values by name; a float is written so that it is read back to the bit.
    arrays : by name; numbers only.
    """

    facts: Mapping[str, Any] = field(default_factory=dict)
    arrays: Mapping[str, npt.NDArray[Any]] = field(default_factory=dict)

    def fact(self, name: str) -> Any:
        """One of the facts.

        Raises
        ------
        StoreError
            It is not there.
        """
        if name not in self.facts:
            raise StoreError(f"the value {name!r} is missing")
        return self.facts[name]

    def array(self, name: str, kind: str = "f", shape: tuple[int | None, ...] | None = None) -> npt.NDArray[Any]:
        """One of the arrays, checked.

        Parameters
        ----------
        kind : the kind of its numbers, as of ``numpy.dtype.kind``.
        shape : the length of each axis, None for any; None: not checked.

        Raises
        ------
        StoreError
            It is not there, or has another kind or shape.
        """
        if name not in self.arrays:
            raise StoreError(f"the array {name!r} is missing")
        array = self.arrays[name]
        if array.dtype.kind != kind:
            raise StoreError(f"the array {name!r} holds {array.dtype}")
        if shape is not None and not _matches(array.shape, shape):
            raise StoreError(f"the array {name!r} has the shape {array.shape}, must be {shape}")
        return array

    def under(self, name: str) -> "Stored":
        """The part that :func:`nested` put under a name."""
        facts = self.fact(name)
        if not isinstance(facts, Mapping):
            raise StoreError(f"the value {name!r} is no mapping")
        start = f"{name}."
        return Stored(facts, {key[len(start) :]: array for key, array in self.arrays.items() if key.startswith(start)})


def nested(parts: Mapping[str, Stored]) -> Stored:
    """Several parts in one, each under its name."""
    arrays = {f"{name}.{key}": array for name, part in parts.items() for key, array in part.arrays.items()}
    return Stored({name: dict(part.facts) for name, part in parts.items()}, arrays)


def stored_fields(value: Any) -> Stored:
    """A dataclass of numbers, texts and arrays."""
    facts: dict[str, Any] = {}
    arrays: dict[str, npt.NDArray[Any]] = {}
    for item in fields(value):
        content = getattr(value, item.name)
        if isinstance(content, np.ndarray):
            arrays[item.name] = content
        elif isinstance(content, float) and not math.isfinite(content):
            facts[item.name] = str(content)
        else:
            facts[item.name] = content
    return Stored(facts, arrays)


def restored_fields(cls: type[T], stored: Stored) -> T:
    """The dataclass that :func:`stored_fields` was given; its fields are floats, integers, texts and (n,) float arrays.

    Raises
    ------
    StoreError
        A field is missing, there is one too many, or its value has another type.
    """
    kinds = {item.name: item.type for item in fields(cls)}  # type: ignore[arg-type]  # every caller passes a dataclass
    extra = (set(stored.facts) | set(stored.arrays)) - set(kinds)
    if extra:
        raise StoreError(f"the value {sorted(extra)[0]!r} is not known")
    return cls(**{name: _value(stored, name, kind) for name, kind in kinds.items()})


def _value(stored: Stored, name: str, kind: Any) -> Any:
    if kind is Vector:
        return read_only(stored.array(name, shape=(None,)))
    value = stored.fact(name)
    if kind is float:
        value = SPECIAL.get(value, value) if isinstance(value, str) else value
        if isinstance(value, int | float) and not isinstance(value, bool):
            return float(value)
    elif type(value) is kind:
        return value
    raise StoreError(f"the value {name!r} is {value!r}")


def _matches(shape: tuple[int, ...], lengths: tuple[int | None, ...]) -> bool:
    return len(shape) == len(lengths) and all(
        length in (None, actual) for actual, length in zip(shape, lengths, strict=True)
    )
