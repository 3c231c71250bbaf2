"""One fold of a walk-forward: scale, fit, calibrate, predict. A pure function of the panel, the spec and the fold.

What is handed to a fit is cut out first: its rows end before the fold's cut, and labels that are not known at the cut
are NaN. A model cannot look ahead, because what lies ahead is not there.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
import pandas as pd

from core.digests import canonical
from core.errors import ModelError, WorkbenchError
from core.progress import Progress, ProgressCallback, no_progress
from core.types import Fold, Rows, Vector
from signals.confidence.base import Block, Calibrator, Predicted
from signals.evaluation.permutation_importance import permutation_importance
from signals.labels.base import EQUAL
from signals.models.base import POOLED, Fitted, Samples
from signals.panel import Panel
from signals.scaling import Scaler
from signals.signals_result import FitInputs, FoldReport, Span
from signals.spec import Training

from .per_symbol import BLOCKS, SymbolFold, joined, split
from .sample_weights import uniqueness
from .walk_forward import training_rows

log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class FoldOutcome:
    """What a fold contributes to the signals.

    Attributes
    ----------
    rows : (K,) the panel's rows that were predicted.
    prediction, confidence, p_up, half_width : (K,) as in :class:`core.types.SignalFrame` and
        :class:`signals.signals_result.Signals`.
    parts : by member, (K,) its own prediction.
    report : what to say of the fold.
    """

    rows: Rows
    prediction: Vector
    confidence: Vector
    p_up: Vector
    half_width: Vector
    parts: Mapping[str, Vector]
    report: FoldReport


@dataclass(frozen=True)
class FoldDiagnostics:
    """The part of a fold's report that its models tell; the fields are those of :class:`FoldReport`."""

    members: Mapping[str, Mapping[str, Any]]
    calibrator: Mapping[str, Any]
    seen: Mapping[str, FitInputs]
    scaler: Mapping[str, Any]
    weights: Mapping[str, float]
    importance: Mapping[str, Mapping[str, float]]
    constant: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Window:
    """The rows of a panel in a stretch of time, and nothing else of it.

    Attributes
    ----------
    kept : numbers, in the whole panel, of the rows in the stretch.
    panel : those rows; labels that are not known yet are NaN.
    """

    kept: Rows
    panel: Panel

    @classmethod
    def cut_out(cls, panel: Panel, first: pd.Timestamp, last: pd.Timestamp, known_by: pd.Timestamp) -> Self:
        """The rows decided in ``[first, last]``, with the labels known at or before ``known_by``."""
        kept = np.flatnonzero((panel.times >= first) & (panel.times <= last))
        part = panel.take(kept)
        known = part.known_at <= known_by
        y, known_at = np.where(known, part.y, np.nan), pd.DatetimeIndex(part.known_at.where(known))
        return cls(kept, replace(part, y=y, known_at=known_at))

    def at(self, rows: Rows) -> Rows:
        """The numbers, in this window, of some rows of the whole panel; all of them must lie in it."""
        places = np.searchsorted(self.kept, rows)
        if len(rows) and (places.max() >= len(self.kept) or not np.array_equal(self.kept[places], rows)):
            raise IndexError("a row lies outside the window")
        return places

    def samples(self, scaler: Scaler, *, labelled: bool, weight: Vector | None = None) -> Samples:
        """Scaled samples for a model; without labels for a prediction."""
        part = self.panel
        y = part.y if labelled else np.full(len(part), np.nan)
        y.flags.writeable = False
        return Samples(scaler.apply(part.X), y, part.first, part.last, weight)


def run_fold(panel: Panel, training: Training, fold: Fold, on_progress: ProgressCallback) -> FoldOutcome:
    """Fit a fold and predict its test rows.

    Raises
    ------
    ModelError
        The model failed; a note names the fold and, where there are several models, the symbol and the member.
    ConfigError
        With one model a symbol: no symbol has enough rows.
    """

    def tell(step: Progress) -> None:
        on_progress(replace(step, task=f"fold {fold.number} {step.task}"))

    try:
        if training.model.scope == POOLED:
            return _run_fold(panel, training, fold, tell)
        return _run_by_symbol(panel, training, fold, tell)
    except Exception as error:
        error.__notes__ = [", ".join([f"fold {fold.number}", *getattr(error, "__notes__", ())])]
        if isinstance(error, WorkbenchError):
            raise
        log.debug("fold %d failed", fold.number, exc_info=True)
        failed = ModelError(f"model {training.model.kind} failed: {type(error).__name__}: {error}")
        failed.__notes__ = error.__notes__
        raise failed from error


def _run_by_symbol(panel: Panel, training: Training, fold: Fold, on_progress: ProgressCallback) -> FoldOutcome:
    """One model for each symbol that has enough rows; the others are not predicted, and the report says why."""
    parts, lacking = split(panel, training, fold)
    found = {part: _run_part(part, training, on_progress) for part in parts}
    members = {
        f"{part.symbol} {name}": said for part, own in found.items() for name, said in own.report.members.items()
    }
    members |= {symbol: {"untrained": reason} for symbol, reason in lacking.items()}
    said = FoldDiagnostics(
        members=members,
        calibrator={part.symbol: own.report.calibrator for part, own in found.items()},
        seen={f"{part.symbol} {name}": each for part, own in found.items() for name, each in own.report.seen.items()},
        scaler={part.symbol: own.report.scaler for part, own in found.items()},
        weights={f"{part.symbol} {name}": w for part, own in found.items() for name, w in own.report.weights.items()},
        importance={
            f"{part.symbol} {n}": each for part, own in found.items() for n, each in own.report.importance.items()
        },
        constant=tuple(f"{part.symbol} {name}" for part, own in found.items() for name in own.report.constant),
    )
    outcomes = list(found.values())
    columns = {
        name: np.concatenate([getattr(own, name) for own in outcomes])
        for name in ("prediction", "confidence", "p_up", "half_width")
    }
    return FoldOutcome(
        rows=np.concatenate([part.whole(own.rows) for part, own in found.items()]),
        **columns,
        parts={name: np.concatenate([own.parts[name] for own in outcomes]) for name in outcomes[0].parts},
        report=_report(panel, training, joined(fold, parts), said),
    )


def _run_part(part: SymbolFold, training: Training, on_progress: ProgressCallback) -> FoldOutcome:
    def tell(step: Progress) -> None:
        on_progress(replace(step, task=f"{part.symbol} {step.task}"))

    try:
        return _run_fold(part.panel, training, part.fold, tell, part.symbol)
    except Exception as error:
        error.__notes__ = [part.symbol, *getattr(error, "__notes__", ())]
        raise


def _run_fold(
    panel: Panel, training: Training, fold: Fold, on_progress: ProgressCallback, symbol: str = ""
) -> FoldOutcome:
    used = training_rows(fold)
    first = panel.times[used].min()
    past = Window.cut_out(panel, first, panel.times[used].max(), fold.cut)
    scaler = Scaler.fit(training.scaler, past.panel.X, past.at(fold.train))
    seed = training.fold_seed(fold.cut.isoformat(), symbol)
    fitted = fit_model(training, fold, past, scaler, seed, on_progress)
    fitted, calibrator, given = _settle(training, fold, past, scaler, fitted)
    now = Window.cut_out(panel, first, panel.times[fold.test].max(), fold.cut)
    predicted = predict_rows(training, now, scaler, fitted, fold.test)
    judged, expected = calibrator.judge(predicted), _expected(training, panel, fold.test)
    said = FoldDiagnostics(
        members=training.model.accounts(fitted),
        calibrator=calibrator.dump(),
        seen={**_seen(past, fold), **given},
        scaler=scaler.dump(),
        weights=dict(predicted.forecast.weights),
        importance=_importance(training, fold, past, scaler, fitted, seed),
        constant=_constant(past, fold),
    )
    return FoldOutcome(
        rows=fold.test,
        prediction=expected(predicted.forecast.prediction),
        confidence=judged.confidence,
        p_up=judged.p_up,
        half_width=expected(judged.half_width),
        parts={name: expected(part) for name, part in predicted.forecast.parts.items()},
        report=_report(panel, training, fold, said),
    )


def fit_model(
    training: Training, fold: Fold, past: Window, scaler: Scaler, seed: int, on_progress: ProgressCallback = no_progress
) -> Fitted:
    """Fit the fold's model on a window of what was known at its cut."""
    train = past.at(fold.train)
    weight = None if training.label.weights == EQUAL else uniqueness(past.panel, train)
    samples = past.samples(scaler, labelled=True, weight=weight)
    return training.model.fit(samples, train, past.at(fold.stop), seed, on_progress)


def predict_rows(training: Training, window: Window, scaler: Scaler, fitted: Fitted, rows: Rows) -> Predicted:
    """Predict some rows of the whole panel, which lie in the window; no label is handed over."""
    at = window.at(rows)
    forecast = training.model.forecast(fitted, window.samples(scaler, labelled=False), at)
    return Predicted(forecast, window.panel.spread[at])


def _settle(
    training: Training, fold: Fold, past: Window, scaler: Scaler, fitted: Fitted
) -> tuple[Fitted, Calibrator, dict[str, FitInputs]]:
    """What is learnt on the calibration block: a model's last touch on its first half, the confidence on the rest."""
    rows = past.at(fold.calibration)
    labels = past.panel.y[past.at(training_rows(fold))]
    block = Block(
        predicted=predict_rows(training, past, scaler, fitted, fold.calibration),
        y=past.panel.y[rows],
        times=past.panel.times[rows],
        known_at=past.panel.known_at[rows],
        up_share=float(np.mean(labels > 0)),
    )
    seen = {}
    if training.model.settles:
        early, late = block.halves()
        seen["weights"] = FitInputs.of(block.times[early], block.known_at[early])
        fitted = training.model.settle(fitted, block.predicted.forecast.take(early), block.y[early])
        block = replace(block, predicted=predict_rows(training, past, scaler, fitted, fold.calibration)).take(late)
    seen["confidence"] = FitInputs.of(block.times, block.known_at)
    return fitted, training.confidence.fit(block), seen


def _importance(
    training: Training, fold: Fold, past: Window, scaler: Scaler, fitted: Fitted, seed: int
) -> dict[str, dict[str, float]]:
    """What each feature is worth on the calibration rows; nothing for a model that learns from none."""
    if not training.model.learns:
        return {}
    rows, samples = past.at(fold.calibration), past.samples(scaler, labelled=False)
    return permutation_importance(training.model, fitted, samples, rows, past.panel.y[rows], past.panel.names, seed)


def _constant(past: Window, fold: Fold) -> tuple[str, ...]:
    """The features of which every training row says the same."""
    spread = np.ptp(past.panel.X[past.at(fold.train)], axis=0)
    return tuple(name for name, each in zip(past.panel.names, spread, strict=True) if each == 0)


def _seen(past: Window, fold: Fold) -> dict[str, FitInputs]:
    """What the scaler and the model were given."""
    train, stop = past.at(fold.train), past.at(fold.stop)
    times, known_at = past.panel.times, past.panel.known_at
    return {
        "scaler": FitInputs.of(times[train]),
        "model": FitInputs.of(times[train], known_at[train]),
        "stop": FitInputs.of(times[stop], known_at[stop]),
    }


def _expected(training: Training, panel: Panel, rows: Rows) -> Callable[[Vector], Vector]:
    """Turns the model's units into simple returns, for a label that is a return."""
    if not training.label.returns:
        return lambda values: values
    unit = panel.unit[rows]
    return lambda values: training.label.as_return(values, unit)


def _report(panel: Panel, training: Training, fold: Fold, said: FoldDiagnostics) -> FoldReport:
    used = training_rows(fold)
    labels = panel.y[used]
    blocks: dict[str, Any] = {name: Span.of(panel.times, getattr(fold, name)) for name in BLOCKS}
    canonical(said.members)  # refuses what is not plain JSON here, where fold and model are known
    return FoldReport(
        number=fold.number,
        cut=fold.cut.isoformat(),
        train_mean=float(np.mean(_expected(training, panel, used)(labels))),
        up_share=float(np.mean(labels > 0)),
        **vars(said),
        **blocks,
    )
