"""The config of a run: its schema, YAML layers and overrides."""

from typing import TYPE_CHECKING

from core.deprecation import deprecated_names

if not TYPE_CHECKING:
    __getattr__ = deprecated_names(__name__, {"load": "engine.sweep.load_config:load"}, since="0.2")
