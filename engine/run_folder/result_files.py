"""The files in which equal runs are equal, bit for bit: tables, folds.json, metrics.json."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from core.table_schemas import SIGNALS, TABLES
from core.types import Market, SignalFrame
from engine.results.metrics_json import metrics
from engine.results.outcome import Outcome

from .run_folder import write_json


def write(outcome: Outcome, folder: Path) -> None:
    """Write them all into ``folder``."""
    frames = {table.name: getattr(outcome.result, table.name) for table in TABLES if table is not SIGNALS}
    frames[SIGNALS.name] = signals(outcome.signals.frame, outcome.market)
    for table in TABLES:
        table.write(frames[table.name], folder)
    write_json(folder / "folds.json", folds(outcome))
    write_json(folder / "metrics.json", metrics(outcome))


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
        return {"folds": [], "reason": "the model does not train, so there are no folds"}
    scores = outcome.evaluation.folds
    judged = {item.fold: {key: value for key, value in asdict(item).items() if key != "fold"} for item in scores}
    return {"folds": [{**report.dump(), **judged[report.number]} for report in outcome.signals.folds], "reason": ""}
