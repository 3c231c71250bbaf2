"""The HTTP service of a model: requests, answers, limits, metrics, and the log of predictions."""
