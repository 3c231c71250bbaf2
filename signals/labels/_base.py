"""Deprecated: this module is named ``base`` since version 0.2."""

from core.deprecation import moved_module

__getattr__ = moved_module(__name__, "signals.labels.base", since="0.2")
