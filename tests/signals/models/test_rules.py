"""The rule models against pandas and by hand."""

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from core.types import COLUMNS, Bars
from signals.models.buy_and_hold import BuyAndHold
from signals.models.sma_cross import SmaCross


def bars_of(close):
    times = pd.date_range("2001-01-02 21:00", periods=len(close), tz="UTC")
    return Bars.of("A", pd.DataFrame(dict.fromkeys(COLUMNS, np.array(close, dtype=float)), index=times))


def test_the_crossover_is_the_distance_of_two_pandas_averages():
    close = 100 * np.exp(np.cumsum(np.random.default_rng(0).normal(0, 0.02, 300)))
    prices = pd.Series(close)
    expected = prices.rolling(20).mean() / prices.rolling(50).mean() - 1
    model = SmaCross()
    np.testing.assert_allclose(model.signal(bars_of(close)), expected, rtol=1e-9, atol=1e-12)
    assert model.warmup == 49


def test_the_crossover_by_hand():
    result = SmaCross(fast=1, slow=2).signal(bars_of([1, 3, 3, 1]))
    np.testing.assert_allclose(result, [np.nan, 3 / 2 - 1, 0, 1 / 2 - 1], rtol=1e-15)


@pytest.mark.parametrize("fast", [50, 60])
def test_the_fast_average_must_be_the_faster_one(fast):
    with pytest.raises(ValidationError, match=f"must be below slow; fast is {fast}, slow is 50"):
        SmaCross(fast=fast)


def test_buy_and_hold_is_long_from_the_first_bar():
    np.testing.assert_array_equal(BuyAndHold().signal(bars_of([5, 6])), [1.0, 1.0])
    assert BuyAndHold().warmup == 0
