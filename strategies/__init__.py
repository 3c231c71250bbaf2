"""Strategies: one file each, a spec and a pure rule (see :mod:`strategies.base`)."""
