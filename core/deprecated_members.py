"""Deprecated members of plug-in classes: an attribute or a method under its old name still works, with a warning.

See :mod:`core.deprecation` for modules, and ``docs/deprecation.md`` for the policy.
"""

import warnings
from collections.abc import Mapping
from typing import Any

__all__ = ["RenamedAttribute", "adopt_old_names", "warn_renamed"]


def warn_renamed(old: str, new: str, *, since: str, stacklevel: int = 3) -> None:
    """Warn that a member has another name now.

    Parameters
    ----------
    old, new : the names, ``Class.member``.
    since : the version that renamed it.
    stacklevel : as in :func:`warnings.warn`, from this function; 3 is the caller of the old member.
    """
    warnings.warn(f"{old} is deprecated since {since}: use {new}", DeprecationWarning, stacklevel=stacklevel)


class RenamedAttribute:
    """A class attribute under its old name: reading it gives the value of the new one.

    Examples
    --------
    >>> import warnings
    >>> class Model:
    ...     uses_seed = True
    ...     chance = RenamedAttribute("uses_seed", since="0.2")
    >>> with warnings.catch_warnings(record=True) as caught:
    ...     warnings.simplefilter("always")
    ...     Model.chance
    True
    >>> print(caught[0].message)
    Model.chance is deprecated since 0.2: use Model.uses_seed
    """

    def __init__(self, new: str, *, since: str) -> None:
        self.new = new
        self.since = since
        self.old = ""

    def __set_name__(self, owner: type, name: str) -> None:
        self.old = name

    def __get__(self, instance: object, owner: type) -> Any:
        warn_renamed(f"{owner.__name__}.{self.old}", f"{owner.__name__}.{self.new}", since=self.since)
        return getattr(owner if instance is None else instance, self.new)


def adopt_old_names(cls: type, renamed: Mapping[str, str], *, since: str, stacklevel: int) -> None:
    """Give a class that sets an attribute under its old name the attribute under the new name.

    Parameters
    ----------
    cls : the class, just defined.
    renamed : the new name by the old one.
    since : the version that renamed them.
    stacklevel : as in :func:`warnings.warn`, from this function, of the class statement.
    """
    for old, new in renamed.items():
        if old in vars(cls):
            warn_renamed(f"{cls.__name__}.{old}", f"{cls.__name__}.{new}", since=since, stacklevel=stacklevel + 1)
            setattr(cls, new, vars(cls)[old])
