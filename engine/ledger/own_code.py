"""The user's own code in a setting: to edit the file of a rule and to run it again is another try."""

import importlib.util
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from core.digests import digest
from core.plugins import FAMILIES, kinds
from signals.cache.checkout import ROOT, is_checkout, not_committed
from signals.cache.code_digest import code_of

DIGITS = 12
"""Hex digits of the digest."""


def own_code(config: Mapping[str, Any]) -> str:
    """The digest of the user's own plug-in files that a config uses, and of what these import.

    Comments, docstrings and layout do not count. In a git checkout the files are those that are untracked or changed;
    outside of one nothing tells whose a file is, so that they are all plug-ins that the config names. Code that is
    edited while a process runs counts as it was when it was loaded.

    Parameters
    ----------
    config : as plain values; of a sweep with the kinds that its space names.

    Returns
    -------
    12 hex digits; empty if the config uses no file of the user's own.
    """
    named = sorted({f"{package}.{kind}" for kind in _kinds(config) for package in _packages_of(kind)})
    changed = _changed()
    files = {name: _file(name) for name in named}
    is_outside = any(not file.is_relative_to(ROOT) for file in files.values())
    if not named or (changed is not None and not changed and not is_outside):
        return ""  # the usual case, which need not read a file
    modules = code_of(named).modules
    digests = {name: value for name, value in modules.items() if _is_own(name, named, changed)}
    return digest(digests)[:DIGITS] if digests else ""


def _changed() -> set[Path] | None:
    """The files of plug-ins and their helpers that no commit holds; None outside of a git checkout."""
    folders = {package.partition(".")[0] for package in FAMILIES.values()}
    return set(not_committed(ROOT / folder for folder in sorted(folders))) if is_checkout() else None


def _is_own(name: str, named: list[str], changed: set[Path] | None) -> bool:
    if not any(name.startswith(f"{package}.") for package in FAMILIES.values()):
        return False
    file = _file(name)
    if not file.is_relative_to(ROOT):
        return True
    return name in named if changed is None else file in changed


def _file(name: str) -> Path:
    spec = importlib.util.find_spec(name)
    return Path(spec.origin).resolve() if spec and spec.origin else ROOT


def _packages_of(kind: str) -> list[str]:
    return [package for package in FAMILIES.values() if kind in kinds(package)]


def _kinds(values: Any) -> Iterator[str]:
    """Every kind that stands anywhere in a config."""
    if isinstance(values, Mapping):
        for key, value in values.items():
            if str(key).rpartition(".")[2] == "kind":
                choices = value if isinstance(value, list | tuple) else (value,)
                yield from (choice for choice in choices if isinstance(choice, str))
        values = list(values.values())
    for value in values if isinstance(values, list | tuple) else ():
        yield from _kinds(value)
