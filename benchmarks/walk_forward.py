"""Walk-forward training beside straight loops: the quickstart's ensemble, and one XGBoost.

Run from the project's root: ``python benchmarks/walk_forward.py``. One thread; both sides take turns, fold by fold.

The ensemble's straight loop is what a first program does: for each fold it copies every window, trains the LSTM on them
in batches of 32, and fits a random forest, XGBoost and LightGBM of 100 trees each with their libraries' defaults. Both
train the LSTM for all of 10 epochs. Ours also calibrates, and works out what each feature is worth.

XGBoost's straight loop computes the same features with pandas, and trains with the same rows, rounds and seed; the
predictions must agree before anything is timed.
"""

import argparse
import os
from pathlib import Path
from statistics import median, quantiles
from time import perf_counter

os.environ.update(OMP_NUM_THREADS="1", GOMP_SPINCOUNT="0", OMP_WAIT_POLICY="PASSIVE")

import lightgbm
import numpy as np
import pandas as pd
import sklearn
import torch
import xgboost
from rich.console import Console
from rich.table import Table

from core.progress import no_progress
from engine.sweep.load_config import load
from marketdata.data_spec import DataSpec
from signals.folds.fit_fold import run_fold
from signals.folds.walk_forward import folds, training_rows
from signals.generate import generate
from signals.panel import build_panel

ENSEMBLE = ["model.members.lstm.patience=10"]
STOCKS = {"source": {"kind": "stocks", "symbols": ["AAPL", "IBM"]}, "benchmark": "IBM"}
SMALL = [
    "features=[{kind: sma, window: 20}, {kind: sma, window: 50}, {kind: rsi, window: 14}, {kind: lagged_return}]",
    "model={kind: xgboost, rounds: 300}",
    "scaler=none",
    "walk_forward={scheme: expanding, train: 1000, test: 445}",
]


def straight_fold(panel, fold) -> float:
    """Seconds of one fold of the plain loop."""
    start = perf_counter()
    rows = training_rows(fold)
    low, high = panel.X[rows].min(axis=0), panel.X[rows].max(axis=0)
    X = (panel.X - low) / (high - low)
    windows = {row: X[row - 29 : row + 1] for row in (*rows[29:], *fold.test)}
    torch.manual_seed(0)
    torch.set_num_threads(1)
    lstm, head = torch.nn.LSTM(X.shape[1], 32, 2, batch_first=True, dropout=0.2), torch.nn.Linear(32, 1)
    optimiser = torch.optim.Adam([*lstm.parameters(), *head.parameters()], lr=0.001)
    train = torch.tensor(np.stack([windows[row] for row in rows[29:]]), dtype=torch.float32)
    labels = torch.tensor(panel.y[rows[29:]], dtype=torch.float32)
    for _ in range(10):
        for batch in torch.randperm(len(train)).split(32):
            optimiser.zero_grad()
            answer = head(lstm(train[batch])[0][:, -1])[:, 0]
            torch.nn.functional.mse_loss(answer, labels[batch]).backward()
            optimiser.step()
    with torch.no_grad():
        test = torch.tensor(np.stack([windows[row] for row in fold.test]), dtype=torch.float32)
        prediction = 0.4 * head(lstm(test)[0][:, -1])[:, 0].numpy()
    for model in (
        sklearn.ensemble.RandomForestRegressor(n_estimators=100, random_state=0),
        xgboost.XGBRegressor(n_estimators=100, random_state=0, n_jobs=1),
        lightgbm.LGBMRegressor(n_estimators=100, random_state=0, n_jobs=1, verbosity=-1),
    ):
        prediction = prediction + 0.2 * model.fit(X[rows], panel.y[rows]).predict(X[fold.test])
    assert np.isfinite(prediction).all()
    return perf_counter() - start


def ensemble(count: int) -> list[tuple[float, float]]:
    """Seconds of the straight loop and of ours, for folds spread over the history."""
    config = load(Path("configs/quickstart.yaml"), ENSEMBLE)
    market, training = config.data.load(), config.signals.training
    panel = build_panel(market, training.features, training.label, training.confidence)
    steps = folds(panel, training.walk_forward)
    run_fold(panel, training, steps[0], no_progress)  # imports
    pairs = []
    for number in np.linspace(0, len(steps) - 1, count).astype(int):
        plain = straight_fold(panel, steps[number])
        start = perf_counter()
        run_fold(panel, training, steps[number], no_progress)
        pairs.append((plain, perf_counter() - start))
    return pairs


def pandas_xgboost(market, training, cuts) -> dict:
    """Predictions by symbol and time of the plain loop."""
    frames = []
    for symbol in market.trade:
        close = pd.Series(market.bars[symbol].close, market.bars[symbol].times)
        change = close.diff()
        gain, loss = (change.clip(lower=0).rolling(14).mean(), (-change.clip(upper=0)).rolling(14).mean())
        frame = pd.DataFrame(
            {
                "sma_20": close / close.rolling(20).mean() - 1,
                "sma_50": close / close.rolling(50).mean() - 1,
                "rsi": 100 - 100 / (1 + gain / loss),
                **{f"lag_{lag}": close.pct_change().shift(lag) for lag in (0, 1, 2)},
                "y": close.pct_change().shift(-1),
                "symbol": symbol,
            }
        )
        frames.append(frame.iloc[49:])
    table = pd.concat(frames).reset_index(names="time")
    times = pd.DatetimeIndex(sorted(table["time"].unique()))
    bar, columns = times.get_indexer(table["time"]), ["sma_20", "sma_50", "rsi", "lag_0", "lag_1", "lag_2"]
    found = {}
    for cut, end in zip(cuts, [*cuts[1:], len(times)], strict=True):
        stop_end = cut - round(cut * 0.2)
        stop = stop_end - round(cut * 0.1)
        train, early, test = (bar < stop), (bar >= stop) & (bar < stop_end), (bar >= cut) & (bar < end)
        # A label is known a bar later: the last row of each block is purged.
        train, early = train & (bar != stop), early & (bar != stop_end)
        parameters = training.model._parameters(training.fold_seed(times[cut].isoformat()))
        booster = xgboost.train(
            parameters,
            xgboost.DMatrix(table.loc[train, columns], table.loc[train, "y"]),
            num_boost_round=300,
            evals=[(xgboost.DMatrix(table.loc[early, columns], table.loc[early, "y"]), "stop")],
            early_stopping_rounds=20,
            verbose_eval=False,
        )
        used = (0, booster.best_iteration + 1)
        answers = booster.predict(xgboost.DMatrix(table.loc[test, columns]), iteration_range=used)
        found.update(zip(zip(table.loc[test, "time"], table.loc[test, "symbol"], strict=True), answers, strict=True))
    return found


def one_xgboost(rounds: int) -> list[tuple[float, float]]:
    """Seconds of the pandas loop and of ours, in turn."""
    config = load(Path("configs/quickstart.yaml"), SMALL)
    market = DataSpec.parse(STOCKS).load()
    training = config.signals.training
    panel = build_panel(market, training.features, training.label)
    times = pd.DatetimeIndex(sorted(panel.times.unique()))
    cuts = [times.get_loc(fold.cut) for fold in folds(panel, training.walk_forward)]
    ours, theirs = generate(market, config.signals), pandas_xgboost(market, training, cuts)
    rows, columns = np.nonzero(np.isfinite(ours.frame.prediction))
    expected = [theirs[ours.frame.times[row], market.trade[column]] for row, column in zip(rows, columns, strict=True)]
    same = np.isclose(ours.frame.prediction[rows, columns], expected, rtol=1e-5, atol=1e-9)
    assert same.mean() > 0.99, f"only {same.mean():.1%} of the predictions agree"
    pairs = []
    for _ in range(rounds):
        start = perf_counter()
        pandas_xgboost(market, training, cuts)
        middle = perf_counter()
        generate(market, config.signals)
        pairs.append((middle - start, perf_counter() - middle))
    return pairs


def _row(table: Table, name: str, pairs: list[tuple[float, float]], ratio) -> None:
    ratios = [ratio(*pair) for pair in pairs]
    low, _, high = quantiles(ratios, n=4) if len(ratios) > 1 else (ratios[0],) * 3
    seconds = [f"{median(pair[side] for pair in pairs):.3f}" for side in (0, 1)]
    table.add_row(name, *seconds, f"{median(ratios):.2f}", f"{low:.2f} to {high:.2f}", str(len(pairs)))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--folds", type=int, default=4, help="of the ensemble; the straight loop takes half a minute each"
    )
    parser.add_argument("--rounds", type=int, default=11, help="of XGBoost")
    options = parser.parse_args()
    versions = f"torch {torch.__version__}, scikit-learn {sklearn.__version__}, xgboost {xgboost.__version__}"
    table = Table(title=f"{versions}, lightgbm {lightgbm.__version__}, one thread", box=None)
    for head in ("what", "straight, s", "ours, s", "ratio", "quartiles", "times"):
        table.add_column(head, justify="left" if head == "what" else "right")
    _row(table, "a fold of the ensemble: straight / ours", ensemble(options.folds), lambda plain, own: plain / own)
    _row(table, "XGBoost, 5 windows, two symbols: ours / straight", one_xgboost(options.rounds), lambda p, o: o / p)
    Console(width=120).print(table)


if __name__ == "__main__":
    main()
