"""A plain random walk of daily bars."""

import numpy as np
import pandas as pd


def walk(count: int = 300, seed: int = 7) -> pd.DataFrame:
    """A plain random walk of daily bars with overnight gaps."""
    rng = np.random.default_rng(seed)
    close = 100 * np.exp(np.cumsum(rng.normal(0, 0.01, count)))
    opened = np.concatenate([[100.0], close[:-1]]) * np.exp(rng.choice([-0.004, 0.004], count))
    high = np.maximum(opened, close) * 1.003
    low = np.minimum(opened, close) * 0.997
    columns = {"open": opened, "high": high, "low": low, "close": close, "volume": np.full(count, 1000.0)}
    return pd.DataFrame(columns, index=pd.bdate_range("2019-01-01", periods=count))
