"""A finished sweep, read back from its folder."""

from collections.abc import Mapping
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

import pandas as pd

from core.errors import StoreError
from core.types import RunResult
from engine.api import CONFIG, load_run
from engine.config.yaml_layers import read_layer
from engine.run_folder.run_folder import MANIFEST, read_json, result_digest
from engine.sweep.storage.file_names import NUMBERS, RESULTS, TABLE

WINNERS = "winners"


@dataclass(frozen=True, eq=False, repr=False)
class SweepResult:
    """A finished sweep.

    Attributes
    ----------
    folder : where it was read from.
    config : the resolved config, its ``sweep`` block included, as plain values.
    trials : table ``trials``: a row for each trial with its settings, status and measures.
    numbers : the content of ``sweep.json``: the verdict and the tests behind it.
    """

    folder: Path
    config: Mapping[str, Any]
    trials: pd.DataFrame
    numbers: Mapping[str, Any]

    @property
    def winners(self) -> dict[str, RunResult]:
        """The runs of the best trials that have a folder of their own, by the folder's name."""
        return {path.name: load_run(path) for path in sorted((self.folder / WINNERS).glob("*")) if path.is_dir()}

    def __repr__(self) -> str:
        return f"<SweepResult {self.folder.name}: {len(self.trials)} trials>"


def load_sweep(folder: str | PathLike[str]) -> SweepResult:
    """Read the folder of a finished sweep.

    Raises
    ------
    StoreError
        There is no such folder, it is none of a finished sweep, or its tables are not those that the sweep wrote.

    Examples
    --------
    >>> load_sweep("runs/gone")
    Traceback (most recent call last):
    core.errors.StoreError: runs/gone: there is no such folder
    """
    path = Path(folder)
    if not path.is_dir():
        raise StoreError(f"{path}: there is no such folder")
    if not (path / NUMBERS).is_file():
        hint = "load_run reads it" if (path / MANIFEST).is_file() else "give the folder that a sweep has written"
        raise StoreError(f"{path}: is no folder of a finished sweep: it holds no {NUMBERS}; {hint}")
    missing = [name for name in (*RESULTS, MANIFEST, CONFIG) if not (path / name).is_file()]
    if missing:
        raise StoreError(f"{path}: {', '.join(missing)} missing; run the sweep again")
    if result_digest(path, RESULTS) != read_json(path / MANIFEST).get("result_digest"):
        raise StoreError(f"{path}: its tables are not those that its {MANIFEST} was written for; run the sweep again")
    config = read_layer(path / CONFIG).values
    return SweepResult(path, config, pd.read_parquet(path / TABLE), read_json(path / NUMBERS))
