"""Signals: features, labels, walk-forward folds, models, confidence, and what all of it is worth out of sample."""

from core.deprecation import moved_modules

moved_modules(
    {
        "signals.rolling": "signals.rolling_windows",
        "signals.features._base": "signals.features.base",
        "signals.labels._base": "signals.labels.base",
        "signals.models._base": "signals.models.base",
        "signals.confidence._base": "signals.confidence.base",
        "signals.text._base": "signals.text.base",
    },
    since="0.2",
)
