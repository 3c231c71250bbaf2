"""The files in which equal runs are equal, bit for bit: tables, folds.json, metrics.json."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from core.digests import file_digest
from core.errors import StoreError
from core.table_schemas import SIGNALS, TABLES
from core.types import Market, SignalFrame
from engine.results.metrics_json import metrics
from engine.results.outcome import RECORDED, Outcome

from .run_folder import write_json

RETURNS = "returns.parquet"
"""The daily returns: derived from the tables and the market, so they are no part of the result's digest."""


def write(outcome: Outcome, folder: Path) -> None:
    """Write them all into ``folder``."""
    frames = {table.name: getattr(outcome.result, table.name) for table in TABLES if table is not SIGNALS}
    frames[SIGNALS.name] = signals(outcome.signals.frame, outcome.market)
    for table in TABLES:
        table.write(frames[table.name], folder)
    write_json(folder / "folds.json", folds(outcome))
    write_json(folder / "metrics.json", metrics(outcome))


def write_returns(daily: pd.DataFrame, folder: Path) -> str:
    """Write the daily returns as ``returns.parquet``; returns the file's SHA-256."""
    daily.to_parquet(folder / RETURNS)
    return file_digest(folder / RETURNS)


def read_returns(folder: Path, sha256: str | None) -> pd.DataFrame | None:
    """The daily returns of a run folder; None where its manifest has no digest of them: an earlier version's.

    Raises
    ------
    StoreError
        The file is missing or is not what the run wrote.
    """
    if sha256 is None:
        return None
    path = folder / RETURNS
    if not path.is_file() or file_digest(path) != sha256:
        raise StoreError(f"{path}: is missing or not what its manifest.json was written for; run its config.yaml again")
    return pd.read_parquet(path)


def signals(frame: SignalFrame, market: Market) -> pd.DataFrame:
    """The table ``signals``: one row for each out-of-sample bar of each symbol, by time, then in the symbols' order."""
    columns = [_symbol(frame, market, column) for column in range(len(frame.symbols))]
    table = pd.concat(columns, ignore_index=True).sort_values("time", kind="stable", ignore_index=True)
    return table.astype({"symbol": "str"})


def _symbol(frame: SignalFrame, market: Market, column: int) -> pd.DataFrame:
    symbol = frame.symbols[column]
    rows = np.flatnonzero(frame.times.isin(market.bars[symbol].times) & (frame.fold >= 0))
    return pd.DataFrame(
        {
            "time": frame.times[rows],
            "symbol": symbol,
            "prediction": frame.prediction[rows, column],
            "confidence": frame.confidence[rows, column],
            "fold": frame.fold[rows],
        }
    )


def folds(outcome: Outcome) -> dict[str, Any]:
    """The content of folds.json: per fold its spans, training, calibration, and scores beside the baselines."""
    if outcome.evaluation is None:
        reason = RECORDED if outcome.is_recording else "the model does not train, so there are no folds"
        return {"folds": [], "reason": reason}
    scores = outcome.evaluation.folds
    judged = {item.fold: {key: value for key, value in asdict(item).items() if key != "fold"} for item in scores}
    return {"folds": [{**report.dump(), **judged[report.number]} for report in outcome.signals.folds], "reason": ""}
