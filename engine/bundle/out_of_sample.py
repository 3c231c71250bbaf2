"""The errors of the walk-forward that judged a config, from its run folder."""

from pathlib import Path

import numpy as np
import pandas as pd

from core.errors import ConfigError, StoreError
from engine.config.run_config import RunConfig
from engine.run_folder.run_folder import MANIFEST, is_run_folder, read_json, result_digest
from signals.labels.base import Label

from .contents import OutOfSample

LEVELS = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)


def out_of_sample(run: Path, config: RunConfig) -> OutOfSample | None:
    """The distribution of outcome less prediction over a run's signals; None for a rule, whose signals are no returns.

    Raises
    ------
    StoreError
        There is no such run folder, or its files were changed.
    ConfigError
        It is a run of another config, or its data are others.
    """
    if not is_run_folder(run):
        raise StoreError(f"--run {run}: is no run folder; give the folder that a run of this config has written")
    about = read_json(run / MANIFEST)
    if about.get("config_id") != config.id:
        raise ConfigError(
            f"--run {run}: is a run of the config {about.get('config_id')}, this is {config.id}; run this one"
        )
    if result_digest(run) != about["result_digest"]:
        raise StoreError(f"--run {run}: its files are not those that its {MANIFEST} was written for; run it again")
    label = config.label
    if label is None or not label.returns:
        return None
    errors = _errors(run, config, label)
    quantiles = np.quantile(errors, LEVELS)
    return OutOfSample(
        run=run.name,
        result_digest=about["result_digest"],
        rows=len(errors),
        mean=float(errors.mean()),
        standard_deviation=float(errors.std(ddof=1)),
        quantiles={f"{level:g}": float(value) for level, value in zip(LEVELS, quantiles, strict=True)},
        mean_absolute=float(np.abs(errors).mean()),
    )


def _errors(run: Path, config: RunConfig, label: Label) -> "np.ndarray[tuple[int], np.dtype[np.float64]]":
    signals = pd.read_parquet(run / "signals.parquet")
    market = config.data.load()
    errors = []
    for symbol, rows in signals.groupby("symbol", observed=True, sort=False):
        bars = market.bars[str(symbol)]
        labels = label.compute(bars)
        outcomes = pd.Series(label.as_return(labels.value, labels.unit), index=bars.times)
        errors.append(outcomes.reindex(pd.DatetimeIndex(rows["time"])).to_numpy() - rows["prediction"].to_numpy())
    together = np.concatenate(errors)
    finite = together[np.isfinite(together)]
    if len(finite) < 2:
        raise StoreError(f"--run {run}: has {len(finite)} predictions with a known outcome; 2 are needed")
    return np.asarray(finite, dtype=np.float64)
