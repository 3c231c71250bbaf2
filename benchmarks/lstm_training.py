"""LSTM training by windows and by sequences: seconds, and the losses on rows that neither was trained on.

Run from the project's root: ``python benchmarks/lstm_training.py``. One thread; the two take turns. For each of three
symbols and three seeds, on folds of the quickstart spread over its history: the best mean squared error on the stop
rows and the error on the test window, both in units of the training labels' variance, and the seconds of a fit.
"""

import argparse
import itertools
import os
from pathlib import Path
from statistics import median
from time import perf_counter

os.environ.update(OMP_NUM_THREADS="1", GOMP_SPINCOUNT="0", OMP_WAIT_POLICY="PASSIVE")

import numpy as np
import torch
from rich.console import Console
from rich.table import Table

from core.progress import no_progress
from engine.config.run_config import RunConfig
from engine.sweep.load_config import load
from marketdata.data_spec import DataSpec
from signals.folds.fit_fold import Window, fit_model, predict_rows
from signals.folds.walk_forward import folds, training_rows
from signals.panel import build_panel
from signals.scaling import Scaler

SOURCES = {
    "nasdaq": {"kind": "sample", "symbols": ["nasdaq"]},
    "sp500": {"kind": "sample", "symbols": ["sp500"]},
    "IBM": {"kind": "stocks", "symbols": ["IBM"]},
}


def fit(config: RunConfig, panel, fold, model):
    """One fit: seconds, and both losses in units of the training labels' variance."""
    training = config.signals.training
    training = type(training)(**{**vars(training), "model": model})
    used = training_rows(fold)
    first = panel.times[used].min()
    past = Window.cut_out(panel, first, panel.times[used].max(), fold.cut)
    scaler = Scaler.fit(training.scaler, past.panel.X, past.at(fold.train))
    start = perf_counter()
    fitted = fit_model(training, fold, past, scaler, config.seed, no_progress)
    seconds = perf_counter() - start
    now = Window.cut_out(panel, first, panel.times[fold.test].max(), fold.cut)
    known = fold.test[np.isfinite(panel.y[fold.test])]
    prediction = predict_rows(training, now, scaler, fitted, known).forecast.prediction
    variance = float(np.var(panel.y[fold.train]))
    details = fitted.details
    return (
        seconds,
        min(details["stop_losses"]),
        float(np.mean((prediction - panel.y[known]) ** 2)) / variance,
        details["epochs"],
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folds", type=int, default=4)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--variant", action="append", default=[], help="further ways to train, as field=value,...")
    options = parser.parse_args()
    variants = {
        "windows": {"training": "windows", "batch": 128, "learning_rate": 0.001},
        "sequences": {},
        "sequences, 15 x the epochs": {"epochs": 150, "patience": 45},
    }
    variants |= {text: _fields(text) for text in options.variant}
    rows = []
    for symbol, source in SOURCES.items():
        config = load(
            Path("configs/quickstart.yaml"), ["model={kind: lstm, hidden: 32, layers: 2, dropout: 0.2, sequence: 30}"]
        )
        market = DataSpec.parse({"source": source}).load()
        training = config.signals.training
        panel = build_panel(market, training.features, training.label, training.confidence)
        steps = folds(panel, training.walk_forward)
        chosen = [steps[number] for number in np.linspace(0, len(steps) - 1, options.folds).astype(int)]
        for fold, seed in itertools.product(chosen, range(options.seeds)):
            told = config.model_copy(update={"seed": seed})
            for name, fields in variants.items():
                model = type(training.model).parse(
                    {**{k: v for k, v in training.model.dump().items() if k != "kind"}, **fields}
                )
                rows.append((symbol, name, *fit(told, panel, fold, model)))
    _print(rows, list(variants))


def _fields(text: str) -> dict[str, float]:
    pairs = (part.split("=") for part in text.split(","))
    return {name: float(value) if "." in value or "e" in value else int(value) for name, value in pairs}


def _print(rows: list, names: list[str]) -> None:
    table = Table(title=f"torch {torch.__version__}, one thread, {len(rows) // len(names)} fits each", box=None)
    for head in ("symbol", "training", "seconds", "times faster", "epochs", "stop loss", "test loss", "stop - windows"):
        table.add_column(head, justify="left" if head in ("symbol", "training") else "right")
    for symbol in (*SOURCES, "all"):
        own = [row for row in rows if symbol in (row[0], "all")]
        base = [row for row in own if row[1] == "windows"]
        for name in names:
            found = [row for row in own if row[1] == name]
            apart = np.array([row[3] - other[3] for row, other in zip(found, base, strict=True)])
            error = apart.std(ddof=1) / np.sqrt(len(apart)) if len(apart) > 1 else np.nan
            ratio = median(other[2] / row[2] for row, other in zip(found, base, strict=True))
            seconds, epochs = (median(row[column] for row in found) for column in (2, 5))
            stop, test = (np.mean([row[column] for row in found]) for column in (3, 4))
            cells = (f"{seconds:.3f}", f"{ratio:.1f}", f"{epochs:.0f}", f"{stop:.5f}", f"{test:.5f}")
            table.add_row(symbol, name, *cells, f"{apart.mean():+.5f} +- {error:.5f}")
    Console(width=120).print(table)


if __name__ == "__main__":
    main()
