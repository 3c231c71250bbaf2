"""Permutation importance: the loss of accuracy without each feature."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from core.number_format import format_value
from engine.pages.report.section import Section, fill
from engine.pages.svg_charts import INK, RED, STRATEGY_COLOUR, canvas, styled, svg
from engine.pages.templates import safe
from engine.results.outcome import Outcome
from signals.evaluation.permutation_importance import MODEL
from signals.signals_result import FoldReport

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ORDER = 55
MAX_FEATURES = 20
"""Features in the picture."""


def section(outcome: Outcome) -> Section | None:
    """Permutation importance over the folds, of the model and of each member; nothing where there is none."""
    folds = [report for report in outcome.signals.folds if report.diagnostics.importance]
    if not folds:
        return None
    by_model = _by_model(folds)
    names = sorted(by_model, key=lambda name: (name != MODEL, name))
    features = sorted(by_model[MODEL], key=lambda feature: (-float(np.mean(by_model[MODEL][feature])), feature))
    return fill(
        "importance.html",
        "Permutation importance",
        heads=names[1:],
        folds=len(folds),
        picture=safe(
            svg(
                draw(features[:MAX_FEATURES], by_model[MODEL]),
                f"Permutation importance by fold of {', '.join(features[:MAX_FEATURES])}",
            )
        ),
        rows=[
            (feature, _spread(by_model[MODEL][feature]), [_mean(by_model[name], feature) for name in names])
            for feature in features
        ],
    )


def _by_model(folds: Sequence[FoldReport]) -> dict[str, dict[str, list[float]]]:
    """By the model and each member, by feature, its importance in each fold (and, with one model a symbol, symbol)."""
    by_model: dict[str, dict[str, list[float]]] = {}
    for report in folds:
        for name, values in report.diagnostics.importance.items():
            by_feature = by_model.setdefault(name.rpartition(" ")[2], {})
            for feature, value in values.items():
                by_feature.setdefault(feature, []).append(value)
    return by_model


def _mean(values: Mapping[str, list[float]], feature: str) -> str:
    return format_value(float(np.mean(values[feature])), "fraction") if feature in values else ""


def _spread(values: Sequence[float]) -> str:
    """In how many folds the model got worse."""
    return f"{sum(value > 0 for value in values)} of {len(values)}"


@styled
def draw(features: Sequence[str], by_feature: Mapping[str, list[float]]) -> "Figure":
    """A row a feature, a stroke a fold, and a line at the mean of the folds."""
    from matplotlib.ticker import PercentFormatter

    figure, (axis,) = canvas(0.5 + 0.26 * len(features), width=9.6)
    figure.subplots_adjust(left=0.24)
    for row, feature in enumerate(features):
        values = by_feature[feature]
        strokes = np.repeat(values, 3)
        heights = np.tile([row - 0.2, row + 0.2, np.nan], len(values))
        axis.plot(strokes, heights, color=STRATEGY_COLOUR, linewidth=1.6, alpha=0.6)
        axis.plot([float(np.mean(values))] * 2, [row - 0.32, row + 0.32], color=RED, linewidth=1.6)
    axis.axvline(0.0, color=INK, linewidth=0.8)
    axis.set_yticks(range(len(features)), list(features))
    axis.set_ylim(len(features) - 0.5, -0.5)
    axis.xaxis.set_major_formatter(PercentFormatter(xmax=1.0, decimals=None, symbol=" %"))
    return figure
