"""Small markets and configs that several tests of the engine share."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from engine.config import RunConfig, validate
from engine.yaml_layers import Layer

BARS = 420


@pytest.fixture(scope="session")
def walk() -> pd.DataFrame:
    """A random walk of daily bars, capitals as in a vendor's file."""
    return random_bars(BARS, seed=11)


def random_bars(bars: int, seed: int, start: str = "2015-01-02") -> pd.DataFrame:
    """Open-high-low-close bars of a random walk on weekdays."""
    rng = np.random.default_rng(seed)
    close = 100 * np.exp(np.cumsum(rng.normal(0.0002, 0.012, bars)))
    opened = np.concatenate([[100.0], close[:-1]]) * np.exp(rng.normal(0, 0.004, bars))
    high = np.maximum(opened, close) * (1 + rng.uniform(0, 0.006, bars))
    low = np.minimum(opened, close) * (1 - rng.uniform(0, 0.006, bars))
    frame = pd.DataFrame({"Open": opened, "High": high, "Low": low, "Close": close, "Volume": 1e6})
    return frame.set_index(pd.bdate_range(start, periods=bars, name="Date"))


@pytest.fixture(scope="session")
def cheap() -> Callable[..., RunConfig]:
    """Make a config of a CSV file that trains in a second: one small forest on two features, folds of 50 bars."""
    return _cheap


def _cheap(path: Path, **changes: object) -> RunConfig:
    values = {
        "data": {"source": {"kind": "csv", "files": {"X": str(path)}}},
        "features": [{"kind": "sma", "window": 10}, {"kind": "lagged_return", "lags": [0, 1]}],
        "model": {"kind": "random_forest", "trees": 5},
        "walk_forward": {"train": 200, "test": 50},
        "strategy": {"kind": "threshold"},
        "workers": 1,
        **changes,
    }
    return validate(Layer(values, {}), "test")
