"""Permutation importance: the loss of accuracy without each feature."""

from collections.abc import Mapping, Sequence

import numpy as np

from core.number_format import format_value
from engine.pages.report.section import Section, fill
from engine.results.outcome import Outcome
from signals.evaluation.permutation_importance import MODEL
from signals.signals_result import FoldReport

ORDER = 55


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
