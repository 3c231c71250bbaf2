"""The walk-forward: what the forecasts were worth, over all and fold by fold, beside honest baselines."""

from collections.abc import Iterator
from typing import Any

from core.number_format import format_4sig, format_value, p_value
from engine.pages.report.section import Section, fill
from engine.results.outcome import Outcome, test_in_words
from signals.evaluation.evaluate import Comparison, Evaluation
from signals.evaluation.scores import Scores
from signals.signals_result import FoldReport

ORDER = 50
SCORES = {
    "mse": ("MSE", "ratio"),
    "mae": ("MAE", "fraction"),
    "r2": ("R²", "ratio"),
    "r2_mean": ("R² against the expanding mean", "ratio"),
    "mape": ("MAPE", "fraction"),
    "hit_rate": ("Hit rate", "fraction"),
    "ic": ("IC", "ratio"),
}
FOLD_SCORES = (
    ("MSE", "ratio"),
    ("MSE, expanding mean", "ratio"),
    ("MAE", "fraction"),
    ("R²", "ratio"),
    ("MAPE", "fraction"),
    ("Hit rate", "fraction"),
    ("Hit rate, always long", "fraction"),
    ("IC", "ratio"),
)
NAMES = {
    "zero": "Zero",
    "expanding_mean": "Expanding mean",
    "always_long": "Always long",
    "ar1": "AR(1)",
}


def section(outcome: Outcome) -> Section | None:
    """Scores, tests and folds; nothing for a model that does not train."""
    evaluation = outcome.evaluation
    if evaluation is None:
        return None
    reports = {report.number: report for report in outcome.signals.folds}
    return fill(
        "folds.html",
        "Forecasts",
        heads=[head for head, _ in SCORES.values()],
        overall=[
            ("Model", _cells(evaluation.overall.model)),
            *((NAMES.get(name, name), _cells(scores)) for name, scores in evaluation.overall.baselines.items()),
        ],
        fold_heads=[head for head, _ in FOLD_SCORES],
        n=evaluation.overall.model.n,
        tests=list(_tests(evaluation)),
        answers=[
            (question, p_value(answer.p_value), p_value(answer.adjusted), "yes" if answer.yes else "not shown")
            for question, answer in evaluation.answers.items()
        ],
        folds=[_fold(fold, reports[fold.fold]) for fold in evaluation.folds if fold.fold is not None],
        reasons=sorted(set(evaluation.overall.model.reasons.items())),
        members=[
            (member.name, format_value(member.contribution, "fraction"), _cells(member.model))
            for member in evaluation.members
        ],
    )


def _cells(scores: Scores) -> list[str]:
    return [format_value(getattr(scores, name), unit) for name, (_, unit) in SCORES.items()]


def _tests(evaluation: Evaluation) -> Iterator[tuple[str, str, str, str]]:
    for name, test in evaluation.tests.items():
        yield test_in_words(name, test), format_4sig(test.statistic), p_value(test.p_value), test.reason


def _fold(fold: Comparison, report: FoldReport) -> dict[str, Any]:
    mean, long = (fold.baselines.get(name, Scores(0)) for name in ("expanding_mean", "always_long"))
    model = fold.model
    scores = (model.mse, mean.mse, model.mae, model.r2, model.mape, model.hit_rate, long.hit_rate, model.ic)
    return {
        "number": report.number,
        "trained": report.calibration.last[:10],
        "rows": report.train.rows + report.stop.rows + report.calibration.rows,
        "first": report.test.first[:10],
        "last": report.test.last[:10],
        "n": model.n,
        "cells": [format_value(value, unit) for value, (_, unit) in zip(scores, FOLD_SCORES, strict=True)],
    }
