"""Sections on the forecasts and on what they were made with: folds, calibration, importance, leak checks."""
