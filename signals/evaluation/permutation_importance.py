"""Permutation importance: the increase of a fitted model's error when one feature is permuted."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from core.types import Rows, Vector, read_only
from signals.models.base import Fitted, Samples, TrainedModel

MODEL = "model"
MAX_ROWS = 128
MAX_CELLS = 4_000_000  # 32 MB at a time
"""Numbers in the copies that are predicted in one go."""


def permutation_importance(
    model: TrainedModel, fitted: Fitted, samples: Samples, rows: Rows, y: Vector, names: tuple[str, ...], seed: int
) -> dict[str, dict[str, float]]:
    """The increase of the mean squared error when one feature's values are permuted among the rows.

    Parameters
    ----------
    samples : without labels.
    rows : (K,) rows that no part of the model was fitted on, of which at most 128, evenly spread, are used; for a model
        of windows the feature is permuted in these rows of its windows.
    y : (K,) their labels, finite.
    names : F names of the features.
    seed : of the permutations, one a feature.

    Returns
    -------
    By ``model`` and by each member's kind: by feature, the increase as a fraction of the variance of ``y``. About 0, or
    below it by chance, for a feature that the model does not use. Empty where ``y`` does not vary.

    References
    ----------
    Breiman, L. (2001), Random forests, Machine Learning 45, section 10. For any model: Fisher, A., Rudin, C. and
    Dominici, F. (2019), All models are wrong, but many are useful, JMLR 20(177).
    """
    step = max(-(-len(rows) // MAX_ROWS), 1)
    rows = rows[::step]
    y = y[::step]
    variance = float(np.var(y)) if len(y) else 0.0
    if variance == 0:
        return {}
    rng = np.random.default_rng(seed)
    [base] = _errors(model, fitted, [samples], rows, y)
    increases: dict[str, dict[str, float]] = {name: {} for name in base}
    copies_per_call = max(MAX_CELLS // samples.X.size, 1)
    for begin in range(0, len(names), copies_per_call):
        features = range(begin, min(begin + copies_per_call, len(names)))
        copies = [_permuted(samples, rows, column, rng) for column in features]
        for column, errors in zip(features, _errors(model, fitted, copies, rows, y), strict=True):
            for name, error in errors.items():
                increases[name][names[column]] = (error - base[name]) / variance
    return increases


def _errors(
    model: TrainedModel, fitted: Fitted, copies: Sequence[Samples], rows: Rows, y: Vector
) -> list[dict[str, float]]:
    """For each copy, by the model and its members, the mean squared error over the rows that have a prediction."""
    size = len(copies[0].X)
    shifts = np.repeat(np.arange(len(copies)) * size, len(rows))
    forecast = model.forecast(fitted, _stacked(copies), np.tile(rows, len(copies)) + shifts)
    predictions = {MODEL: forecast.prediction, **forecast.parts}
    squares = {name: (prediction.reshape(len(copies), -1) - y) ** 2 for name, prediction in predictions.items()}
    # A member without any prediction of a copy has no error.
    scored = {name: errors for name, errors in squares.items() if np.isfinite(errors).any(axis=1).all()}
    return [{name: float(np.nanmean(errors[copy])) for name, errors in scored.items()} for copy in range(len(copies))]


def _stacked(copies: Sequence[Samples]) -> Samples:
    """Copies of the same rows, one after the other: predicting them in one go is many times faster."""
    one = copies[0]
    size = len(one.X)
    count = len(copies)
    return Samples(
        X=read_only(np.concatenate([copy.X for copy in copies])),
        y=read_only(np.tile(one.y, count)),
        first=read_only(np.tile(one.first, count) + np.repeat(np.arange(count) * size, size), np.intp),
        last=None if one.last is None else read_only(np.tile(one.last, count)),
    )


def _permuted(samples: Samples, rows: Rows, column: int, rng: np.random.Generator) -> Samples:
    X = np.array(samples.X)
    X[rows, column] = X[rng.permutation(rows), column]
    return replace(samples, X=X)
