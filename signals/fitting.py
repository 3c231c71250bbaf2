"""One fold of a walk-forward: scale, fit, calibrate, predict. A pure function of the panel, the spec and the fold.

What is handed to a fit is cut out first: its rows end before the fold's cut, and labels that are not known at the cut
are NaN. A model cannot look ahead, because what lies ahead is not there.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
import pandas as pd

from core.digests import canonical
from core.errors import ModelError, WorkbenchError
from core.progress import Progress, Report
from core.types import Fold, Rows, Vector

from .confidence import Calibrator, fit_confidence
from .models._base import POOLED, Fitted, Samples
from .panel import Panel
from .result import FoldReport, Span
from .scaling import Scaler
from .scope import BLOCKS, Part, joined, split
from .spec import Training
from .walk_forward import training_rows

log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class FoldOutcome:
    """What a fold contributes to the signals.

    Attributes
    ----------
    rows : (K,) the panel's rows that were predicted.
    prediction, confidence, p_up : (K,) as in :class:`core.types.SignalFrame` and :class:`signals.result.Signals`.
    report : what to say of the fold.
    """

    rows: Rows
    prediction: Vector
    confidence: Vector
    p_up: Vector
    report: FoldReport


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
        known = panel.known_at[kept] <= known_by
        part = replace(
            panel,
            times=panel.times[kept],
            symbol=panel.symbol[kept],
            X=panel.X[kept],
            y=np.where(known, panel.y[kept], np.nan),
            known_at=pd.DatetimeIndex(panel.known_at[kept].where(known)),
            close=panel.close[kept],
        )
        return cls(kept, part)

    def at(self, rows: Rows) -> Rows:
        """The numbers, in this window, of some rows of the whole panel; all of them must lie in it."""
        places = np.searchsorted(self.kept, rows)
        if len(rows) and (places.max() >= len(self.kept) or not np.array_equal(self.kept[places], rows)):
            raise IndexError("a row lies outside the window")
        return places

    def samples(self, scaler: Scaler, *, labelled: bool) -> Samples:
        """Scaled samples for a model; without labels for a prediction."""
        y = self.panel.y if labelled else np.full(len(self.panel), np.nan)
        y.flags.writeable = False
        return Samples(scaler.apply(self.panel.X), y, self.panel.first)


def run_fold(panel: Panel, training: Training, fold: Fold, report: Report) -> FoldOutcome:
    """Fit a fold and predict its test rows.

    Raises
    ------
    ModelError
        The model failed; a note names the fold and, where there are several models, the symbol and the member.
    ConfigError
        With one model a symbol: no symbol has enough rows.
    """

    def tell(step: Progress) -> None:
        report(replace(step, task=f"fold {fold.number} {step.task}"))

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


def _run_by_symbol(panel: Panel, training: Training, fold: Fold, report: Report) -> FoldOutcome:
    """One model for each symbol that has enough rows; the others are not predicted, and the report says why."""
    parts, lacking = split(panel, training, fold)
    found = {part: _run_part(part, training, report) for part in parts}
    members = {
        f"{part.symbol} {name}": said for part, own in found.items() for name, said in own.report.members.items()
    }
    members |= {symbol: {"untrained": reason} for symbol, reason in lacking.items()}
    calibrators = {part.symbol: own.report.calibrator for part, own in found.items()}
    return FoldOutcome(
        rows=np.concatenate([part.whole(own.rows) for part, own in found.items()]),
        prediction=np.concatenate([own.prediction for own in found.values()]),
        confidence=np.concatenate([own.confidence for own in found.values()]),
        p_up=np.concatenate([own.p_up for own in found.values()]),
        report=_report(panel, joined(fold, parts), members, calibrators),
    )


def _run_part(part: Part, training: Training, report: Report) -> FoldOutcome:
    def tell(step: Progress) -> None:
        report(replace(step, task=f"{part.symbol} {step.task}"))

    try:
        return _run_fold(part.panel, training, part.fold, tell, part.symbol)
    except Exception as error:
        error.__notes__ = [part.symbol, *getattr(error, "__notes__", ())]
        raise


def _run_fold(panel: Panel, training: Training, fold: Fold, report: Report, symbol: str = "") -> FoldOutcome:
    used = training_rows(fold)
    first = panel.times[used].min()
    past = Window.cut_out(panel, first, panel.times[used].max(), fold.cut)
    scaler = Scaler.fit(training.scaler, past.panel.X, past.at(fold.train))
    seed = training.fold_seed(fold.cut.isoformat(), symbol)
    samples = past.samples(scaler, labelled=True)
    fitted = training.model.fit(samples, past.at(fold.train), past.at(fold.stop), seed, report)
    calibrator = _calibrate(training, fold, past, scaler, fitted)
    now = Window.cut_out(panel, first, panel.times[fold.test].max(), fold.cut)
    prediction = fitted.predict(now.samples(scaler, labelled=False), now.at(fold.test))
    return FoldOutcome(
        rows=fold.test,
        prediction=prediction,
        confidence=calibrator.confidence(prediction),
        p_up=calibrator.p_up(prediction),
        report=_report(panel, fold, training.model.accounts(fitted), calibrator.dump()),
    )


def _calibrate(training: Training, fold: Fold, past: Window, scaler: Scaler, fitted: Fitted) -> Calibrator:
    rows = past.at(fold.calibration)
    prediction = fitted.predict(past.samples(scaler, labelled=False), rows)
    up_share = float(np.mean(past.panel.y[past.at(training_rows(fold))] > 0))
    return fit_confidence(training.confidence, prediction, past.panel, rows, up_share)


def _report(
    panel: Panel, fold: Fold, members: Mapping[str, Mapping[str, Any]], calibrator: Mapping[str, Any]
) -> FoldReport:
    labels = panel.y[training_rows(fold)]
    blocks = {name: Span.of(panel.times, getattr(fold, name)) for name in BLOCKS}
    canonical(members)  # refuses what is not plain JSON here, where fold and model are known
    return FoldReport(
        number=fold.number,
        cut=fold.cut.isoformat(),
        train_mean=float(np.mean(labels)),
        up_share=float(np.mean(labels > 0)),
        members=members,
        calibrator=calibrator,
        **blocks,
    )
