"""Strict JSON: UTF-8, no duplicate keys, no NaN, bounded depth; numbers beyond floats are left to the schemas."""

import json
from typing import Any

from .problems import unreadable

SURROGATES = ("\\ud", "\\uD")


def parsed(body: bytes) -> Any:
    """The value of a body.

    Raises
    ------
    Problem
        400: the body is no JSON, or not a strict one.
    """
    if not body.strip():
        raise unreadable("the body is empty", "send a JSON object")
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise unreadable(f"the body is not UTF-8: {error.reason} at byte {error.start}", "encode it as UTF-8") from None
    try:
        value = json.loads(text, object_pairs_hook=_object, parse_constant=_no_constant)
    except RecursionError:
        raise unreadable("the body is nested too deeply", "send the documented object") from None
    except ValueError as error:
        raise unreadable(f"the body is no valid JSON: {error}", "correct it") from None
    if any(sign in text for sign in SURROGATES):
        _require_whole_characters(value)
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the key {json.dumps(twice)} is there twice in one object")
    return values


def _no_constant(text: str) -> float:
    raise ValueError(f"{text} is no JSON number; leave the value out, or write null where it may be unknown")


def _require_whole_characters(value: Any) -> None:
    """Refuse escapes of half a character, which no text can hold."""
    try:
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError:
        raise unreadable("a text has an escape of half a character (a lone surrogate)", "correct the text") from None
