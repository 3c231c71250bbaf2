"""L9: after the declared warm-up it must not matter where the data begin."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pandas as pd

from core.progress import Progress, ProgressCallback, no_progress
from core.types import Market, Matrix, Vector
from signals.feature_frame import feature_frame
from signals.folds.fit_fold import Window, fit_model, predict_rows
from signals.folds.per_symbol import split
from signals.folds.walk_forward import folds, training_rows
from signals.models.base import POOLED, Fitted, RuleModel
from signals.panel import Panel, build_panel
from signals.scaling import Scaler
from signals.spec import SignalSpec, Training

from .check_result import Check
from .pipeline_trace import Moved

TITLE = "the data begin later"
LATER = (0, 50, 200, 500)
CLOSE = 1e-6


def warmup(market: Market, spec: SignalSpec, on_progress: ProgressCallback = no_progress) -> Check:
    """Start the data later, and compare the values after the warm-up; a model that is fitted already must not change.

    A refitted walk-forward moves with its training set, which is no leak: so one fold is fitted on all the data, and
    its predictions are compared on features made from less.
    """
    differences: list[Moved] = []
    runs = 0
    for done, later in enumerate(_possible(market, spec), start=1):
        cut = market.since(market.times[later])
        differences += list(_differences(market, cut, spec, f"{later} bars later"))
        on_progress(Progress(TITLE, done, len(LATER)))
        runs = done
    if not differences:
        return Check("L9", TITLE, "clean", runs, f"features and scores agree within {CLOSE:g} after the warm-up")
    first = differences[0]
    return Check("L9", TITLE, "leak", runs, f"{first.stage}, {first.where}: depends on where the data begin", first)


def _possible(market: Market, spec: SignalSpec) -> list[int]:
    """The later starts after which every symbol has a bar beyond its warm-up, and half of common time is left."""
    times = market.times
    short_enough = [later for later in LATER if later < len(times) / 2]
    return [later for later in short_enough if _has_rows(market.since(times[later]), spec)]


def _has_rows(market: Market, spec: SignalSpec) -> bool:
    return all(len(market.bars[symbol]) > spec.warmup_in(market, symbol) for symbol in market.trade)


def _differences(full: Market, cut: Market, spec: SignalSpec, how: str) -> Iterator[Moved]:
    if isinstance(spec.model, RuleModel):
        for symbol in cut.trade:
            after = spec.model.signal(cut.bars[symbol])[:, None]
            before = spec.model.signal(full.bars[symbol])[:, None]
            yield from _compare("scores", symbol, ("",), after[spec.model.warmup :], before, cut, how)
        return
    training = spec.training
    for symbol in cut.trade:
        late = feature_frame(cut, symbol, training.features)
        early = feature_frame(full, symbol, training.features)
        yield from _compare("features", symbol, late.names, late.values[late.warmup :], early.values, cut, how)
    yield from _scores(full, cut, training, how)


def _compare(
    stage: str, symbol: str, names: tuple[str, ...], late: Matrix, early: Matrix, cut: Market, how: str
) -> Iterator[Moved]:
    """The first cell of the common tail in which two tables differ."""
    tail = early[len(early) - len(late) :]
    wrong = ~(np.abs(late - tail) <= CLOSE * np.maximum(np.abs(tail), 1.0))
    if wrong.any():
        row, column = (int(index) for index in np.argwhere(wrong)[0])
        times = cut.bars[symbol].times
        moved = times[len(times) - len(late) + row].isoformat()
        before = float(tail[row, column])
        after = float(late[row, column])
        yield Moved(stage, moved, f"{symbol} {names[column]}", before, after, int(wrong.any(axis=1).sum()), how)


def _scores(full: Market, cut: Market, training: Training, how: str) -> Iterator[Moved]:
    """One fitted fold's predictions of its test rows, from features of both histories."""
    panel = build_panel(full, training.features, training.label, training.confidence)
    late = build_panel(cut, training.features, training.label, training.confidence)
    fold = folds(panel, training.walk_forward)[-1]
    if training.model.scope != POOLED:
        part = split(panel, training, fold)[0][0]
        late = late.take(np.flatnonzero(late.symbol == panel.symbols.index(part.symbol)))
        late = replace(late, symbol=np.zeros(len(late), dtype=np.intp))
        panel = part.panel
        fold = part.fold
    used = training_rows(fold)
    past = Window.cut_out(panel, panel.times[used].min(), panel.times[used].max(), fold.cut)
    scaler = Scaler.fit(training.scaler, past.panel.X, past.at(fold.train))
    fitted = fit_model(training, fold, past, scaler, training.fold_seed(fold.cut.isoformat()))
    before = _tested(panel, training, scaler, fitted, fold.cut)
    after = _tested(late, training, scaler, fitted, fold.cut)
    moved = np.flatnonzero(np.abs(before - after) > CLOSE * (float(np.nanstd(before)) or 1.0))
    if len(moved):
        first = moved[0]
        where = "of a fitted model"
        rows = len(moved)
        yield Moved("scores", fold.cut.isoformat(), where, float(before[first]), float(after[first]), rows, how)


def _tested(panel: Panel, training: Training, scaler: Scaler, fitted: Fitted, cut: pd.Timestamp) -> Vector:
    """Predictions of every row from the cut on."""
    window = Window(np.arange(len(panel)), panel)
    return predict_rows(training, window, scaler, fitted, np.flatnonzero(panel.times >= cut)).forecast.prediction
