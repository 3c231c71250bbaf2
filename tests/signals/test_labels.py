import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from core.plugins import load
from core.types import Bars
from signals.labels.forward_return import ForwardReturn
from signals.labels.open_to_open import OpenToOpen
from signals.spec import SignalSpec

NAN = np.nan


def bars_of(opened, close):
    times = pd.bdate_range("2020-01-02", periods=len(close), tz="UTC") + pd.Timedelta("21h")
    return Bars("A", times, *(np.array(each, dtype=float) for each in (opened, close, opened, close, close)))


def test_forward_return_by_hand():
    bars = bars_of([9, 9, 9, 9], [1, 2, 3, 1.5])
    labels = ForwardReturn(horizon=2).compute(bars)
    np.testing.assert_array_equal(labels.value, [2.0, -0.25, NAN, NAN])
    assert list(labels.known_at[:2]) == list(bars.times[2:])
    assert labels.known_at[2:].isna().all()


def test_open_to_open_by_hand():
    bars = bars_of([9, 1, 2, 3, 1.5], [9, 9, 9, 9, 9])
    labels = OpenToOpen(horizon=2).compute(bars)
    np.testing.assert_array_equal(labels.value, [2.0, -0.25, NAN, NAN, NAN])
    assert list(labels.known_at[:2]) == list(bars.times[3:])
    assert labels.known_at[2:].isna().all()


def test_known_at_is_a_bar_time_over_a_weekend():
    bars = bars_of([1] * 8, [1] * 8)  # 2020-01-03 is a Friday
    assert ForwardReturn().compute(bars).known_at[1] == pd.Timestamp("2020-01-06 21:00", tz="UTC")


@given(
    count=st.integers(0, 12),
    horizon=st.integers(1, 15),
    kind=st.sampled_from(["forward_return", "open_to_open"]),
    seed=st.integers(0, 99),
)
def test_by_loop_with_an_unknown_tail(count, horizon, kind, seed):
    rng = np.random.default_rng(seed)
    bars = bars_of(rng.uniform(1, 2, count), rng.uniform(1, 2, count))
    labels = load("signals.labels", kind)(horizon=horizon).compute(bars)
    delay, price = (0, bars.close) if kind == "forward_return" else (1, bars.open)
    assert len(labels.value) == len(labels.known_at) == count
    assert str(labels.known_at.dtype) == str(bars.times.dtype)
    for row in range(count):
        end = row + delay + horizon
        if end < count:
            assert labels.value[row] == pytest.approx(price[end] / price[row + delay] - 1, rel=1e-12, abs=1e-15)
            assert labels.known_at[row] == bars.times[end]
        else:
            assert np.isnan(labels.value[row])
            assert labels.known_at[row] is pd.NaT


@given(row=st.integers(1, 30))
def test_a_label_known_by_a_cut_is_the_same_without_the_rest(row):
    rng = np.random.default_rng(0)
    bars = bars_of(rng.uniform(1, 2, 30), rng.uniform(1, 2, 30))
    cut = ForwardReturn(horizon=3).compute(bars.between(None, bars.times[row - 1]))
    known = ForwardReturn(horizon=3).compute(bars)
    np.testing.assert_array_equal(
        cut.value, np.where(known.known_at[:row] <= bars.times[row - 1], known.value[:row], NAN)
    )


def test_a_price_level_is_refused_with_the_reason():
    with pytest.raises(ValidationError, match="trees cannot predict a level they have not seen"):
        SignalSpec.parse({"model": {"kind": "lightgbm"}, "features": [{"kind": "sma"}], "label": {"kind": "level"}})


@pytest.mark.parametrize(
    "values", [{"horizon": 0}, {"horizon": 1.5}, {"form": "ratio"}, {"window": 5}, {"lookahead": 1}]
)
def test_wrong_values_cannot_be_built(values):
    with pytest.raises(ValidationError):
        ForwardReturn.parse(values)
