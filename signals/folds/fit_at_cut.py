"""The models of one cut: what a walk-forward would fit there, for predictions of the bars after it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from core.progress import Progress, ProgressCallback, no_progress
from core.types import Fold, Market, Matrix
from signals.models.base import POOLED
from signals.panel import Panel, build_panel
from signals.spec import Training

from .fit_fold import FittedPart, Window, fit_part, past_of
from .per_symbol import split
from .walk_forward import fold_at_end

ALL = ""
"""The name of the part that serves all symbols."""


@dataclass(frozen=True, eq=False)
class CutPart:
    """One fit, with what is needed to judge later inputs.

    Attributes
    ----------
    fitted : scaler, model and confidence.
    panel : the rows that it was fitted and calibrated on.
    train : (F, 2) the least and the greatest value of each feature in the training rows.
    """

    fitted: FittedPart
    panel: Panel
    train: Matrix


@dataclass(frozen=True, eq=False)
class CutFit:
    """Everything that is fitted at a cut.

    Attributes
    ----------
    fold : the blocks, in rows of ``panel``.
    panel : all rows up to the cut.
    parts : by symbol; ``""`` for one that serves all.
    untrained : by symbol, the reason why it has no model.
    """

    fold: Fold
    panel: Panel
    parts: Mapping[str, CutPart]
    untrained: Mapping[str, str]


def panel_of(market: Market, training: Training) -> Panel:
    """The rows of a market that a spec's models see."""
    return build_panel(market, training.features, training.label, training.confidence)


def panel_to_predict(market: Market, training: Training, last: int | None = None) -> Panel:
    """The same for predictions: each symbol's last rows, or all; with labels only where the model reads them."""
    labelled = training.model.reads_last
    return build_panel(market, training.features, training.label, training.confidence, last, labelled=labelled)


def fit_at_cut(market: Market, training: Training, on_progress: ProgressCallback = no_progress) -> CutFit:
    """Fit what a walk-forward fits at the market's last bar.

    At a bar at which a fold begins, it is that fold's fit, bit for bit: the same rows, labels and seed.

    Parameters
    ----------
    market : the bars up to the cut.

    Raises
    ------
    ConfigError
        The data are too short.
    ModelError
        A fit failed.
    """
    panel = panel_of(market, training)
    fold = fold_at_end(panel, training.walk_forward)
    if training.model.scope == POOLED:
        return CutFit(fold, panel, {ALL: _part(panel, training, fold, on_progress)}, {})
    parts, untrained = split(panel, training, fold)
    by_symbol = {part.symbol: _part(part.panel, training, part.fold, on_progress, part.symbol) for part in parts}
    return CutFit(fold, panel, by_symbol, untrained)


def _part(panel: Panel, training: Training, fold: Fold, on_progress: ProgressCallback, symbol: str = ALL) -> CutPart:
    def notify(step: Progress) -> None:
        on_progress(replace(step, task=f"{symbol} {step.task}".strip()))

    past = past_of(panel, fold)
    fitted = fit_part(training, fold, past, notify, symbol)
    rows = past.panel.X[past.at(fold.train)]
    return CutPart(fitted, past.panel, np.column_stack([rows.min(axis=0), rows.max(axis=0)]))


def window_of(panel: Panel) -> Window:
    """All rows of a panel, for predictions."""
    return Window(np.arange(len(panel)), panel)
