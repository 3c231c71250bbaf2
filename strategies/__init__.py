"""Strategies: one file each, a spec and a pure rule (see :mod:`strategies.base`)."""

from core.deprecation import moved_modules

moved_modules(
    {
        "strategies._base": "strategies.base",
    },
    since="0.2",
)
