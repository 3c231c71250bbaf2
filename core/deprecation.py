"""Deprecated names: an old name of a plug-in's contract still works, with a warning that states the new one.

The policy is in ``docs/deprecation.md``: an old name works for two minor versions after the one that renamed it.
"""

import importlib
import warnings
from collections.abc import Callable, Mapping
from typing import Any

__all__ = ["deprecated_names", "moved_module"]


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


def moved_module(old: str, new: str, *, since: str) -> Callable[[str], Any]:
    """The ``__getattr__`` of a module that has moved: each of its names is looked up in the new module.

    Parameters
    ----------
    old : the old module's ``__name__``.
    new : the new module's name.
    since : the version that moved it.
    """

    def lookup(name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(f"module {old!r} has no attribute {name!r}")
        return _resolved(f"{old}.{name}", new, name, since)

    return lookup


def _resolved(old: str, module: str, name: str, since: str) -> Any:
    found = getattr(importlib.import_module(module), name)
    # Of the levels below the caller: _resolved, lookup; an import statement adds the frames of importlib, which
    # Python leaves out.
    warnings.warn(f"{old} is deprecated since {since}: use {module}.{name}", DeprecationWarning, stacklevel=3)
    return found
