"""Runs from Python: a config in, a :class:`~core.types.RunResult` out, in memory or from a run folder."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pandas as pd

from core.errors import ConfigError, StoreError
from core.table_schemas import COSTS, EQUITY, FILLS, ORDERS, SIGNALS, STOPS, TRADES
from core.types import RunResult
from engine.bundle.bundle import Bundle
from engine.bundle.train import train as train_bundle
from engine.config.run_config import RunConfig
from engine.config.yaml_layers import read_layer
from engine.notebook import register, review_html, run_html, sweep_html
from engine.results.metrics_json import metrics
from engine.results.outcome import Outcome, recorded_outcome
from engine.review.collection import Review, collect
from engine.run_folder import result_files
from engine.run_folder.own_plugins import own_plugins
from engine.run_folder.run_folder import MANIFEST, RESULT_FILES, is_run_folder, read_json, result_digest
from engine.sweep import load_config
from engine.sweep.storage.file_names import NUMBERS, RESULTS, TABLE

Config: TypeAlias = RunConfig | Mapping[str, Any] | str | PathLike[str]

TABLES = (SIGNALS, EQUITY, ORDERS, FILLS, TRADES, COSTS, STOPS)
METRICS, CONFIG = ("metrics.json", "config.yaml")
MANIFEST_KEYS = ("config_id", "engine", "result_digest", "zone")
WINNERS = "winners"
AGAIN = "run its config.yaml again"


def run(
    config: Config,
    *,
    overrides: Iterable[str] = (),
    out: str | PathLike[str] | None = None,
    cache: bool = True,
    progress: bool = False,
) -> RunResult:
    """Run a backtest and return what came out.

    Parameters
    ----------
    config : a YAML file's path, a mapping with the keys of such a file, or a
        :class:`~engine.config.run_config.RunConfig`. In a mapping, relative paths are read from the working directory.
    overrides : ``dotted.key=value`` texts, as on the command line.
    out : where to write the run folder, as ``--out`` does; None, the default, writes nothing.
    cache : read and write the caches of signals and of data files.
    progress : show progress on stderr and, if a run folder is written, its summary on stdout.

    Raises
    ------
    WorkbenchError
        Something that can be mended: the config, the data, the model, the folder. One line.

    Examples
    --------
    >>> result = run("configs/sma_cross.yaml", overrides=["data.end=2000-12-31"])
    >>> len(result.equity), list(result.positions.columns)
    (455, ['nasdaq'])
    """
    from engine.pages.progress import reporting
    from marketdata.market_cache import keeping_markets

    from .pipeline import Options, compute, run_and_save, signal_store

    resolved = _config(config, overrides)
    if resolved.sweep is not None:
        raise ConfigError(f"{resolved.name}: has a `sweep:` block, which makes many runs; run_backtest.py runs it")
    if out is not None:
        with keeping_markets(cache):
            return load_run(run_and_save(resolved, Options(Path(out), cache, quiet=not progress)).saved.folder)
    with reporting(quiet=not progress) as on_progress, keeping_markets(cache):
        outcome = recorded_outcome(compute(resolved, signal_store() if cache else None, on_progress))
    return measured_result(outcome, {path: item["source"] for path, item in own_plugins(outcome.config).items()})


def measured_result(outcome: Outcome, plugins: Mapping[str, str]) -> RunResult:
    """The result of a finished run with its measures, daily returns, signals, config and notes.

    Parameters
    ----------
    plugins : source text of the user's own files, by path.
    """
    return replace(
        outcome.result,
        notes=outcome.notes,
        metrics=metrics(outcome),
        config=outcome.config,
        signals=result_files.signals(outcome.signals.frame, outcome.market),
        daily=outcome.daily,
        plugins=plugins,
    )


def load_run(folder: str | PathLike[str]) -> RunResult:
    """Read a run folder: the same as :func:`run` returned when it was written.

    Positions are not stored; they are worked out from the fills.

    Raises
    ------
    StoreError
        There is no such folder, it is no run folder, or its files are not those that the run wrote.

    Examples
    --------
    >>> load_run("runs/gone")
    Traceback (most recent call last):
    core.errors.StoreError: runs/gone: there is no such folder
    """
    path = Path(folder)
    about = _manifest(path)
    tables: dict[str, Any] = {table.name: table.read(path) for table in TABLES}
    numbers = read_json(path / METRICS)
    if result_digest(path) != about["result_digest"]:
        raise StoreError(f"{path}: its files are not those that its manifest.json was written for; {AGAIN}")
    return RunResult(
        engine=about["engine"],
        config_id=about["config_id"],
        cash=numbers["cash"],
        zone=about["zone"],
        positions=positions(tables["fills"], tables["equity"]["time"], numbers["symbols"]),
        notes=tuple(numbers["notes"]),
        metrics=numbers,
        config=read_layer(path / CONFIG).values,
        daily=result_files.read_returns(path, about.get("returns_digest")),
        plugins={name: item["source"] for name, item in about.get("plugins", {}).items()},
        **tables,
    )


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


def train(
    config: Config,
    *,
    bundle: str | PathLike[str],
    overrides: Iterable[str] = (),
    cut: str = "",
    run: str | PathLike[str] | None = None,
    progress: bool = False,
) -> Bundle:
    """Fit a config's model on what was known at a cut, and keep it as a bundle.

    Parameters
    ----------
    config, overrides : as for :func:`run`.
    bundle : the folder to write; an older bundle is replaced.
    cut : the last date that is known, or an ISO time; empty: the last bar.
    run : the folder of a run of the same config, for the errors of its walk-forward.
    progress : show progress on stderr.

    Raises
    ------
    WorkbenchError
        Something that can be mended, in one line.
    """
    from engine.pages.progress import reporting

    with reporting(quiet=not progress) as on_progress:
        resolved = _config(config, overrides)
        return train_bundle(
            resolved, Path(bundle), cut=cut, run=None if run is None else Path(run), on_progress=on_progress
        )


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


def load_review(*folders: str | PathLike[str]) -> Review:
    """Read many runs and sweeps, as the command ``review`` does.

    Parameters
    ----------
    folders : of runs, sweeps or audits, or folders that contain such; ``runs`` by default.

    Raises
    ------
    StoreError
        There is no such folder, or nothing in it is a result.

    Examples
    --------
    >>> load_review("runs/gone")
    Traceback (most recent call last):
    core.errors.StoreError: runs/gone: there is no such folder; name folders of runs, or a folder that contains them
    """
    return collect([Path(folder) for folder in folders or ("runs",)])


def positions(fills: pd.DataFrame, times: pd.Series, symbols: Sequence[str]) -> pd.DataFrame:
    """Units held at each close, from the fills.

    Parameters
    ----------
    fills : the table ``fills``.
    times : (T,) the times of the table ``equity``.
    symbols : N symbols, the columns.

    Returns
    -------
    (T, N), signed; 0 before a symbol's first fill. A fill counts from the first of ``times`` that is not before it.
    """
    index = pd.DatetimeIndex(times, name="time")
    held = np.full((len(index), len(symbols)), np.nan)
    rows = index.searchsorted(pd.DatetimeIndex(fills["time"]))
    # Fills stand in the order in which they happened: of two in one row, the later is what is held at the close.
    for row, symbol, units in zip(rows, fills["symbol"], fills["position_after"], strict=True):
        held[row, symbols.index(symbol)] = units
    return pd.DataFrame(held, index=index, columns=list(symbols)).ffill().fillna(0.0)


def _config(config: Config, overrides: Iterable[str]) -> RunConfig:
    if isinstance(config, RunConfig):
        return load_config.load_mapping(config.dump(), overrides)
    if isinstance(config, Mapping):
        return load_config.load_mapping(config, overrides)
    if isinstance(config, str | PathLike):
        return load_config.load(Path(config), overrides)
    raise ConfigError(f"a config is a path, a mapping or a RunConfig; given a {type(config).__name__}")


def _manifest(folder: Path) -> Mapping[str, Any]:
    """The manifest of a folder that holds everything a run folder must."""
    if not folder.is_dir():
        raise StoreError(f"{folder}: there is no such folder")
    if not is_run_folder(folder):
        raise StoreError(f"{folder}: is no run folder: it holds no {MANIFEST}; give the folder that a run has written")
    if (folder / NUMBERS).is_file():
        raise StoreError(f"{folder}: is the folder of a sweep; load_sweep reads it, and load_run each of its winners/")
    missing = [name for name in (*RESULT_FILES, CONFIG) if not (folder / name).is_file()]
    if missing:
        raise StoreError(f"{folder}: {', '.join(missing)} missing; {AGAIN}")
    about = read_json(folder / MANIFEST)
    missing_keys = [key for key in MANIFEST_KEYS if not isinstance(about, dict) or key not in about]
    if missing_keys:
        raise StoreError(f"{folder / MANIFEST}: has no {', '.join(missing_keys)}; {AGAIN}")
    return dict(about)


register({RunResult: run_html, SweepResult: sweep_html, Review: review_html})
