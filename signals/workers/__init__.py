"""Folds trained in this process or in worker processes, and resumed from the cache."""
