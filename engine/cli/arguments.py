"""Arguments that several commands share: config files and overrides."""

import math
from pathlib import Path
from typing import Any

import click

from core.errors import ConfigError


class FiniteRange(click.FloatRange):
    """A range of numbers without NaN, which passes every comparison of click's own."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """The number; an error where it is none, or out of the range."""
        number: float = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{value} is not a finite number", param, ctx)
        return number


LEDGER_HELP = "Folder of the ledger of tried settings; else $BACKTRADER_ML_DATA, or the user's data folder."


def files_and_overrides(words: tuple[str, ...]) -> tuple[list[Path], list[str]]:
    """Config files, and ``key=value`` overrides; a word with ``=`` is an override unless a file of that name exists.

    Raises
    ------
    ConfigError
        No file is given.
    """
    paths, overrides = sorted_words(words)
    if not paths:
        raise ConfigError(
            f"no config file given, only overrides ({' '.join(overrides)}); name one, configs/quickstart.yaml say"
        )
    return paths, overrides


def sorted_words(words: tuple[str, ...]) -> tuple[list[Path], list[str]]:
    """As :func:`files_and_overrides`, also without a file."""
    overrides = [word for word in words if "=" in word and not Path(word).exists()]
    return [Path(word) for word in words if word not in overrides], overrides
