"""The differences of two bundles."""

from collections.abc import Iterator, Mapping
from typing import Any

from .bundle import Bundle

SAME_WHEREVER = ("files", "format", "git", "config", "parts", "self_test")
"""Entries that are compared in another way, or not at all."""


def differences(first: Bundle, second: Bundle) -> list[str]:
    """A line for each difference: of the config, the span, the features, the fits, the weights, the errors."""
    before = first.contents.dump()
    after = second.contents.dump()
    lines = [*_entries("config.", before["config"], after["config"])]
    for name in before:
        if name not in SAME_WHEREVER:
            lines += _changed(name, before[name], after[name])
    for symbol in sorted({*before["parts"], *after["parts"]}):
        fit_name = f"fit of {symbol}" if symbol else "fit"
        one = before["parts"].get(symbol)
        other = after["parts"].get(symbol)
        if one is None or other is None:
            lines.append(f"{fit_name}: only in the {'first' if other is None else 'second'}")
            continue
        lines += [
            line for key in ("first", "last", "rows") for line in _changed(f"{fit_name}, {key}", one[key], other[key])
        ]
    if before["files"] != after["files"]:
        lines.append("weights: differ")
    return lines


def _entries(start: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[str]:
    """Differences of two mappings, by dotted keys."""
    for key in dict.fromkeys([*before, *after]):
        one = before.get(key)
        other = after.get(key)
        if isinstance(one, Mapping) and isinstance(other, Mapping):
            yield from _entries(f"{start}{key}.", one, other)
        else:
            yield from _changed(f"{start}{key}", one, other)


def _changed(name: str, before: Any, after: Any) -> list[str]:
    if before == after:
        return []
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        return list(_entries(f"{name}.", before, after))
    return [f"{name}: {_short(before)} -> {_short(after)}"]


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
