"""Signals: features, labels, walk-forward folds, models, confidence, and what all of it is worth out of sample."""
