"""Measures of forecasts out of sample, their baselines and significance tests, and the importance of features."""
