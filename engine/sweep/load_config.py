"""Loading of configs from files and mappings, with the check of `sweep:` against the keys that it changes."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from engine.config import run_config
from engine.config.run_config import MAPPING, RunConfig
from engine.config.yaml_layers import Layer


def load(path: Path, overrides: Iterable[str] = ()) -> RunConfig:
    """Read, extend, override and validate a config file, its sweep included.

    Parameters
    ----------
    path : a YAML file.
    overrides : ``dotted.key=value`` texts, applied in order.

    Raises
    ------
    ConfigError
        One line: file and line, key, problem, value, remedy.
    """
    return validate(run_config.layer_of_file(path, overrides), str(path))


def load_mapping(values: Mapping[str, Any], overrides: Iterable[str] = ()) -> RunConfig:
    """Validate a plain mapping as a config, its sweep included; relative paths start at the working directory.

    Raises
    ------
    ConfigError
        As :func:`load`.
    """
    return validate(run_config.layer_of_mapping(values, overrides), MAPPING)


def validate(layer: Layer, source: str) -> RunConfig:
    """A layer as a config, its sweep included; ``source`` is the location of keys that have none in the layer.

    Raises
    ------
    ConfigError
        As :func:`load`.
    """
    config = run_config.validate(layer, source)
    if config.sweep:
        from engine.sweep.space.space_check import check_space

        check_space(config, lambda *keys: layer.location_of(("sweep", *keys)) or source)
    return config
