"""Deprecated names: an old name of a plug-in's contract still works, with a warning that states the new one.

The policy is in ``docs/deprecation.md``: an old name works for two minor versions after the one that renamed it.
"""

import importlib
import sys
import warnings
from collections.abc import Callable, Mapping, Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

__all__ = ["deprecated_names", "moved_modules"]


def deprecated_names(module: str, renamed: Mapping[str, str], *, since: str) -> Callable[[str], Any]:
    """A module's ``__getattr__`` that answers old names with the objects of the new ones.

    Parameters
    ----------
    module : the module's ``__name__``.
    renamed : the new name by the old one; ``other.module:name`` where the object has moved.
    since : the version that renamed them.

    Examples
    --------
    >>> import warnings
    >>> lookup = deprecated_names("core.progress", {"silent": "no_progress"}, since="0.2")
    >>> with warnings.catch_warnings(record=True) as caught:
    ...     warnings.simplefilter("always")
    ...     lookup("silent").__name__
    'no_progress'
    >>> print(caught[0].message)
    core.progress.silent is deprecated since 0.2: use core.progress.no_progress
    """

    def lookup(name: str) -> Any:
        if name not in renamed:
            raise AttributeError(f"module {module!r} has no attribute {name!r}")
        home, _, new = renamed[name].rpartition(":")
        return _resolved(f"{module}.{name}", home or module, new, since)

    return lookup


def moved_modules(moved: Mapping[str, str], *, since: str) -> None:
    """Make modules importable under their old names; each of their names is looked up in the new module, and warns.

    Parameters
    ----------
    moved : the new module by the old one; a package states those of its own in its ``__init__``.
    since : the version that moved them.
    """
    sys.meta_path.append(_MovedModules(moved, since))


class _MovedModules(MetaPathFinder, Loader):
    """Finds old names of modules, after all other finders have not found them."""

    def __init__(self, moved: Mapping[str, str], since: str) -> None:
        self.moved = moved
        self.since = since

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None = None,  # noqa: ARG002 (the interface of finders)
        target: ModuleType | None = None,  # noqa: ARG002
    ) -> ModuleSpec | None:
        """The spec of an old name; None for any other module."""
        return ModuleSpec(fullname, self) if fullname in self.moved else None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """A module without names of its own."""
        module = ModuleType(spec.name, f"Deprecated since {self.since}: use {self.moved[spec.name]}.")
        vars(module)["__getattr__"] = _lookup(spec.name, self.moved[spec.name], self.since)
        return module

    def exec_module(self, module: ModuleType) -> None:
        """Nothing to do: names are looked up when they are used."""


def _lookup(old: str, new: str, since: str) -> Callable[[str], Any]:
    def lookup(name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(f"module {old!r} has no attribute {name!r}")
        return _resolved(f"{old}.{name}", new, name, since)

    return lookup


def _resolved(old: str, module: str, name: str, since: str) -> Any:
    resolved = getattr(importlib.import_module(module), name)
    # Of the levels below the caller: _resolved, lookup; an import statement adds the frames of importlib, which
    # Python leaves out.
    warnings.warn(f"{old} is deprecated since {since}: use {module}.{name}", DeprecationWarning, stacklevel=3)
    return resolved
