"""One fold of a walk-forward: scale, fit, calibrate, predict. A pure function of the panel, the spec and the fold.

The input of a fit is cut out first: its rows end before the fold's cut, and labels that are not known at the cut are
NaN. A model cannot look ahead, because later data are not in its input.
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
from signals.signals_result import FitInputs, FoldDiagnostics, FoldReport, Span
from signals.spec import Training

from .per_symbol import SymbolFold, joined, split
from .sample_weights import uniqueness
from .walk_forward import training_rows

log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class FoldOutcome:
    """The predictions of one fold, and its report.

    Attributes
    ----------
    rows : (K,) the panel's rows that were predicted.
    prediction, confidence, p_up, half_width : (K,) as in :class:`core.types.SignalFrame` and
        :class:`signals.signals_result.Signals`.
    parts : by member, (K,) its own prediction.
    report : the inputs and the diagnostics of the fold's fits.
    """

    rows: Rows
    prediction: Vector
    confidence: Vector
    p_up: Vector
    half_width: Vector
    parts: Mapping[str, Vector]
    report: FoldReport


@dataclass(frozen=True, eq=False)
class FittedPart:
    """All that is fitted before a cut, for all symbols together or for one.

    Attributes
    ----------
    scaler, fitted, calibrator : of the features, the model, and the confidence.
    seen : by fit, its inputs.
    """

    scaler: Scaler
    fitted: Fitted
    calibrator: Calibrator
    seen: Mapping[str, FitInputs]


@dataclass(frozen=True, eq=False)
class Answers:
    """The predictions of K rows; simple returns where the label is one.

    Attributes
    ----------
    prediction, confidence, p_up, half_width : (K,) as in :class:`FoldOutcome`.
    parts : by member, (K,) its own prediction.
    weights : by member, its part in the prediction.
    """

    prediction: Vector
    confidence: Vector
    p_up: Vector
    half_width: Vector
    parts: Mapping[str, Vector]
    weights: Mapping[str, float]


@dataclass(frozen=True, eq=False)
class Window:
    """The rows of a panel in a stretch of time, and nothing else of it.

    Attributes
    ----------
    rows : the row numbers, in the full panel, of the rows in the stretch.
    panel : those rows; labels that are not known yet are NaN.
    """

    rows: Rows
    panel: Panel

    @classmethod
    def cut_out(cls, panel: Panel, first: pd.Timestamp, last: pd.Timestamp, known_by: pd.Timestamp) -> Self:
        """The rows decided in ``[first, last]``, with the labels known at or before ``known_by``."""
        rows = np.flatnonzero((panel.times >= first) & (panel.times <= last))
        part = panel.take(rows)
        is_known = part.known_at <= known_by
        y = np.where(is_known, part.y, np.nan)
        known_at = pd.DatetimeIndex(part.known_at.where(is_known))
        return cls(rows, replace(part, y=y, known_at=known_at))

    def at(self, rows: Rows) -> Rows:
        """The row numbers, in this window, of some rows of the full panel; all of them must lie in it."""
        positions = np.searchsorted(self.rows, rows)
        if len(rows) and (positions.max() >= len(self.rows) or not np.array_equal(self.rows[positions], rows)):
            raise IndexError("a row lies outside the window")
        return positions

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

    def notify(step: Progress) -> None:
        on_progress(replace(step, task=f"fold {fold.number} {step.task}"))

    try:
        if training.model.scope == POOLED:
            return _run_fold(panel, training, fold, notify)
        return _run_by_symbol(panel, training, fold, notify)
    except Exception as error:
        _put_in_front_of_notes(error, f"fold {fold.number}")
        if isinstance(error, WorkbenchError):
            raise
        log.debug("fold %d failed", fold.number, exc_info=True)
        failed = ModelError(f"model {training.model.kind} failed: {type(error).__name__}: {error}")
        failed.__notes__ = error.__notes__
        raise failed from error


def _put_in_front_of_notes(error: Exception, text: str) -> None:
    """Make one note of an error's notes, which begins with the text: from the outer place to the inner one."""
    error.__notes__ = [", ".join([text, *getattr(error, "__notes__", ())])]


def _run_by_symbol(panel: Panel, training: Training, fold: Fold, on_progress: ProgressCallback) -> FoldOutcome:
    """One model for each symbol that has enough rows; the others are not predicted, and the report states why."""
    parts, untrained = split(panel, training, fold)
    outcomes = [_run_part(part, training, on_progress) for part in parts]
    diagnostics = {part.symbol: outcome.report.diagnostics for part, outcome in zip(parts, outcomes, strict=True)}

    def stacked(column: str) -> Vector:
        return np.concatenate([getattr(outcome, column) for outcome in outcomes])

    return FoldOutcome(
        rows=np.concatenate([part.panel_rows(outcome.rows) for part, outcome in zip(parts, outcomes, strict=True)]),
        prediction=stacked("prediction"),
        confidence=stacked("confidence"),
        p_up=stacked("p_up"),
        half_width=stacked("half_width"),
        parts={name: np.concatenate([outcome.parts[name] for outcome in outcomes]) for name in outcomes[0].parts},
        report=_report(panel, training, joined(fold, parts), _diagnostics_by_symbol(diagnostics, untrained)),
    )


def _diagnostics_by_symbol(diagnostics: Mapping[str, FoldDiagnostics], untrained: Mapping[str, str]) -> FoldDiagnostics:
    """One record of several symbols' diagnostics, and of the reasons why symbols have no model."""

    def joined_names(name: str) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for symbol, item in diagnostics.items():
            values |= {f"{symbol} {key}": value for key, value in getattr(item, name).items()}
        return values

    constant = [f"{symbol} {feature}" for symbol, item in diagnostics.items() for feature in item.constant]
    return FoldDiagnostics(
        members=joined_names("members") | {symbol: {"untrained": reason} for symbol, reason in untrained.items()},
        calibrator={symbol: item.calibrator for symbol, item in diagnostics.items()},
        seen=joined_names("seen"),
        scaler={symbol: item.scaler for symbol, item in diagnostics.items()},
        weights=joined_names("weights"),
        importance=joined_names("importance"),
        constant=tuple(constant),
    )


def _run_part(part: SymbolFold, training: Training, on_progress: ProgressCallback) -> FoldOutcome:
    def notify(step: Progress) -> None:
        on_progress(replace(step, task=f"{part.symbol} {step.task}"))

    try:
        return _run_fold(part.panel, training, part.fold, notify, part.symbol)
    except Exception as error:
        _put_in_front_of_notes(error, part.symbol)
        raise


def _run_fold(
    panel: Panel, training: Training, fold: Fold, on_progress: ProgressCallback, symbol: str = ""
) -> FoldOutcome:
    past = past_of(panel, fold)
    part = fit_part(training, fold, past, on_progress, symbol)
    test_window = Window.cut_out(panel, past.panel.times.min(), panel.times[fold.test].max(), fold.cut)
    answers = answer(training, test_window, part, fold.test)
    diagnostics = FoldDiagnostics(
        members=training.model.accounts(part.fitted),
        calibrator=part.calibrator.dump(),
        seen=part.seen,
        scaler=part.scaler.dump(),
        weights=dict(answers.weights),
        importance=_importance(training, fold, past, part, symbol),
        constant=_constant(past, fold),
    )
    return FoldOutcome(
        rows=fold.test,
        prediction=answers.prediction,
        confidence=answers.confidence,
        p_up=answers.p_up,
        half_width=answers.half_width,
        parts=answers.parts,
        report=_report(panel, training, fold, diagnostics),
    )


def past_of(panel: Panel, fold: Fold) -> Window:
    """The rows that are used before a fold's cut, with the labels known at it."""
    times = panel.times[training_rows(fold)]
    return Window.cut_out(panel, times.min(), times.max(), fold.cut)


def fit_part(
    training: Training, fold: Fold, past: Window, on_progress: ProgressCallback = no_progress, symbol: str = ""
) -> FittedPart:
    """Fit scaler, model and confidence before a fold's cut.

    Parameters
    ----------
    past : the rows of :func:`past_of`.
    symbol : the one whose own model it is; empty for a model of all symbols.
    """
    scaler = Scaler.fit(training.scaler, past.panel.X, past.at(fold.train))
    fitted = fit_model(training, fold, past, scaler, training.fold_seed(fold.cut.isoformat(), symbol), on_progress)
    fitted, calibrator, calibration_inputs = _fit_on_calibration(training, fold, past, scaler, fitted)
    return FittedPart(scaler, fitted, calibrator, {**_fit_inputs(past, fold), **calibration_inputs})


def fit_model(
    training: Training, fold: Fold, past: Window, scaler: Scaler, seed: int, on_progress: ProgressCallback = no_progress
) -> Fitted:
    """Fit the fold's model on a window of what was known at its cut."""
    train = past.at(fold.train)
    weight = None if training.label.weights == EQUAL else uniqueness(past.panel, train)
    samples = past.samples(scaler, labelled=True, weight=weight)
    return training.model.fit(samples, train, past.at(fold.stop), seed, on_progress)


def predict_rows(training: Training, window: Window, scaler: Scaler, fitted: Fitted, rows: Rows) -> Predicted:
    """Predict some rows of the full panel, which lie in the window; the model gets no label."""
    at = window.at(rows)
    forecast = training.model.forecast(fitted, window.samples(scaler, labelled=False), at)
    return Predicted(forecast, window.panel.spread[at])


def answer(training: Training, window: Window, part: FittedPart, rows: Rows) -> Answers:
    """Predict some rows of the full panel, which lie in the window, with all that was fitted; no label is used."""
    predicted = predict_rows(training, window, part.scaler, part.fitted, rows)
    judged = part.calibrator.judge(predicted)
    forecast = predicted.forecast
    returns = as_return(training, window.panel, window.at(rows))
    return Answers(
        prediction=returns(forecast.prediction),
        confidence=judged.confidence,
        p_up=judged.p_up,
        half_width=returns(judged.half_width),
        parts={name: returns(one) for name, one in forecast.parts.items()},
        weights=forecast.weights,
    )


def _fit_on_calibration(
    training: Training, fold: Fold, past: Window, scaler: Scaler, fitted: Fitted
) -> tuple[Fitted, Calibrator, dict[str, FitInputs]]:
    """Fit on the calibration block: a model's last parameters on its first half, the confidence on the rest."""
    rows = past.at(fold.calibration)
    labels = past.panel.y[past.at(training_rows(fold))]
    block = Block(
        predicted=predict_rows(training, past, scaler, fitted, fold.calibration),
        y=past.panel.y[rows],
        times=past.panel.times[rows],
        known_at=past.panel.known_at[rows],
        up_share=float(np.mean(labels > 0)),
    )
    inputs = {}
    if training.model.settles:
        early, late = block.halves()
        inputs["weights"] = FitInputs.from_times(block.times[early], block.known_at[early])
        fitted = training.model.settle(fitted, block.predicted.forecast.take(early), block.y[early])
        block = replace(block, predicted=predict_rows(training, past, scaler, fitted, fold.calibration)).take(late)
    inputs["confidence"] = FitInputs.from_times(block.times, block.known_at)
    return fitted, training.confidence.fit(block), inputs


def _importance(
    training: Training, fold: Fold, past: Window, part: FittedPart, symbol: str
) -> dict[str, dict[str, float]]:
    """The importance of each feature on the calibration rows; empty for a model that learns from none."""
    if not training.model.learns:
        return {}
    rows = past.at(fold.calibration)
    samples = past.samples(part.scaler, labelled=False)
    seed = training.fold_seed(fold.cut.isoformat(), symbol)
    y = past.panel.y[rows]
    return permutation_importance(training.model, part.fitted, samples, rows, y, past.panel.names, seed)


def _constant(past: Window, fold: Fold) -> tuple[str, ...]:
    """The features that have one value in all training rows."""
    ranges = np.ptp(past.panel.X[past.at(fold.train)], axis=0)
    return tuple(name for name, value_range in zip(past.panel.names, ranges, strict=True) if value_range == 0)


def _fit_inputs(past: Window, fold: Fold) -> dict[str, FitInputs]:
    """The rows and labels that the scaler and the model were fitted on."""
    train = past.at(fold.train)
    stop = past.at(fold.stop)
    times = past.panel.times
    known_at = past.panel.known_at
    return {
        "scaler": FitInputs.from_times(times[train]),
        "model": FitInputs.from_times(times[train], known_at[train]),
        "stop": FitInputs.from_times(times[stop], known_at[stop]),
    }


def as_return(training: Training, panel: Panel, rows: Rows) -> Callable[[Vector], Vector]:
    """A function from the model's units to simple returns, for a label that is a return."""
    if not training.label.returns:
        return lambda values: values
    unit = panel.unit[rows]
    return lambda values: training.label.as_return(values, unit)


def _report(panel: Panel, training: Training, fold: Fold, diagnostics: FoldDiagnostics) -> FoldReport:
    used = training_rows(fold)
    labels = panel.y[used]
    canonical(diagnostics.members)  # refuses what is not plain JSON here, where fold and model are known
    return FoldReport(
        number=fold.number,
        cut=fold.cut.isoformat(),
        train=Span.from_rows(panel.times, fold.train),
        stop=Span.from_rows(panel.times, fold.stop),
        calibration=Span.from_rows(panel.times, fold.calibration),
        test=Span.from_rows(panel.times, fold.test),
        train_mean=float(np.mean(as_return(training, panel, used)(labels))),
        up_share=float(np.mean(labels > 0)),
        diagnostics=diagnostics,
    )
