"""Walk-forwards and served sessions whose truth is known."""

import numpy as np
import pandas as pd
import pytest

from serving.monitor.observations import Observations


def observed(sessions, *, symbols=1, inputs=3, seed=0, memory=0.5, start="2018-01-01"):
    """Autoregressive inputs, predictions from the first one, outcomes with a little of it, sigma known."""
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(sessions, symbols, inputs))
    for row in range(1, sessions):
        features[row] = memory * features[row - 1] + (1 - memory**2) ** 0.5 * features[row]
    prediction = 0.001 * features[:, :, 0]
    outcome = prediction + 0.01 * rng.normal(size=(sessions, symbols))
    return Observations(
        pd.bdate_range(start, periods=sessions),
        tuple("ABCDEFGH"[:symbols]),
        tuple(f"input{number}" for number in range(inputs)),
        features,
        prediction,
        np.full((sessions, symbols), 0.54),
        outcome,
        np.full((sessions, symbols), 0.01),
        np.full((sessions, symbols), np.nan),
    )


@pytest.fixture(scope="session")
def make_observations():
    return observed
