import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from core.plugins import load
from core.types import Bars
from signals.labels.direction import Direction
from signals.labels.forward_return import ForwardReturn
from signals.labels.open_to_open import OpenToOpen
from signals.labels.triple_barrier import TripleBarrier
from signals.spec import SignalSpec

NAN = np.nan


def bars_of(opened, close):
    times = pd.bdate_range("2020-01-02", periods=len(close), tz="UTC") + pd.Timedelta("21h")
    return Bars("A", times, *(np.array(item, dtype=float) for item in (opened, close, opened, close, close)))


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
    is_known = ForwardReturn(horizon=3).compute(bars)
    np.testing.assert_array_equal(
        cut.value, np.where(is_known.known_at[:row] <= bars.times[row - 1], is_known.value[:row], NAN)
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


def bars_by_hand(rows):
    """Bars from (open, high, low, close), after 21 quiet ones whose volatility is 1 %."""
    quiet = [100.0]
    for step in range(21):
        quiet.append(quiet[-1] * (1.01 if step % 2 else 0.99))
    moves = np.diff(quiet[1:]) / np.array(quiet[1:-1])
    table = [(price, price, price, price) for price in quiet[1:]] + [tuple(row) for row in rows]
    opened, high, low, close = (np.array(column, dtype=float) for column in zip(*table, strict=True))
    times = pd.date_range("2020-01-01 21:00", periods=len(table), tz="UTC").as_unit("ns")
    return Bars("A", times, opened, high, low, close, np.ones(len(table))), float(np.std(moves, ddof=1)), quiet[-1]


def barrier(rows, horizon=3, **more):
    """The label of the last quiet bar, with its barriers and the bar (1, 2, ...) at which it is known."""
    bars, volatility, close = bars_by_hand(rows)
    labels = TripleBarrier(horizon=horizon, target=2.0, stop=1.0, **more).compute(bars)
    value = labels.value[20]
    known_at = labels.known_at[20]
    bar = None if pd.isna(known_at) else int(bars.times.get_loc(known_at)) - 20
    return value, bar, labels.notes, (close * (1 + 2 * volatility), close * (1 - volatility), close)


def inside(close):
    return (close, close, close, close)


def test_the_first_of_three_barriers_by_hand():
    *_, (upper, lower, close) = barrier([inside(100)] * 3)
    assert lower < close < upper
    calm = inside(close)
    target = (close, upper + 0.01, close, close)
    stop = (close, close, lower - 0.01, close)
    both = (close, upper + 0.01, lower - 0.01, close)
    cases = [
        ([calm, target, calm], upper, 2),
        ([target, stop, calm], upper, 1),
        ([stop, target, calm], lower, 1),
        ([calm, both, calm], lower, 2),
        ([calm, calm, (close, close, close, close * 1.001)], close * 1.001, 3),
        ([(upper * 1.02, upper * 1.03, upper * 1.01, upper * 1.02), calm, calm], upper * 1.02, 1),
        ([(lower * 0.98, lower * 0.99, lower * 0.97, lower * 0.98), calm, calm], lower * 0.98, 1),
        # A bar that opens beyond the target has passed it before it falls to the stop.
        ([(upper * 1.02, upper * 1.02, lower * 0.99, close), calm, calm], upper * 1.02, 1),
    ]
    for rows, price, bar in cases:
        value, is_known, *_ = barrier(rows)
        assert (value, is_known) == (pytest.approx(price / close - 1, rel=1e-12), bar)


def test_labels_that_touch_both_barriers_in_one_bar_are_counted():
    *_, (upper, lower, close) = barrier([inside(100)] * 3)
    both = (close, upper + 0.01, lower - 0.01, close)
    assert barrier([inside(close)] * 3)[2] == ()
    [note] = barrier([both, inside(close), inside(close)])[2]
    assert re.match(r"A: in \d+ of \d+ labels one bar touches both barriers; the stop is taken to be first", note)


def test_the_tail_of_the_barriers_is_known_only_where_one_was_touched():
    *_, (upper, _, close) = barrier([inside(100)] * 3)
    value, is_known, *_ = barrier([inside(close)])
    assert np.isnan(value)
    assert is_known is None
    assert barrier([(close, upper + 1, close, close)])[1] == 1


def told_bar_by_bar(bars, row, horizon, upper, lower):
    """The exit price and its bar, by looking at one bar after the other; NaN while none was touched."""
    for bar in range(row + 1, min(row + horizon, len(bars) - 1) + 1):
        if bars.open[bar] >= upper or bars.open[bar] <= lower:
            return bars.open[bar], bars.times[bar]
        if bars.low[bar] <= lower:
            return lower, bars.times[bar]
        if bars.high[bar] >= upper:
            return upper, bars.times[bar]
        if bar == row + horizon:
            return bars.close[bar], bars.times[bar]
    return NAN, pd.NaT


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 999), horizon=st.integers(1, 6), target=st.floats(0.3, 3), stop=st.floats(0.3, 3))
def test_barriers_bar_by_bar(seed, horizon, target, stop):
    rng = np.random.default_rng(seed)
    close = 100 * np.exp(np.cumsum(rng.normal(0, 0.02, 45)))
    opened = close * np.exp(rng.normal(0, 0.02, 45))
    high = np.maximum(opened, close) * rng.uniform(1, 1.02, 45)
    low = np.minimum(opened, close) * rng.uniform(0.98, 1, 45)
    times = pd.date_range("2020-01-01 21:00", periods=45, tz="UTC").as_unit("ns")
    bars = Bars("A", times, opened, high, low, close, np.ones(45))
    labels = TripleBarrier(horizon=horizon, target=target, stop=stop, window=10).compute(bars)
    volatility = pd.Series(close).pct_change().rolling(10).std().to_numpy()
    for row in range(45):
        upper = close[row] * (1 + target * volatility[row])
        lower = close[row] * (1 - stop * volatility[row])
        price, bar = told_bar_by_bar(bars, row, horizon, upper, lower) if row >= 10 else (NAN, pd.NaT)
        assert labels.value[row] == pytest.approx(price / close[row] - 1, rel=1e-9, abs=1e-12, nan_ok=True)
        assert labels.known_at[row] is bar if bar is pd.NaT else labels.known_at[row] == bar


def test_direction_by_hand_with_a_tie():
    labels = Direction(horizon=2).compute(bars_of([1] * 5, [1, 2, 1, 1.5, 3]))
    np.testing.assert_array_equal(labels.value, [0, -1, 1, NAN, NAN])
    assert not Direction.returns


def test_forms_by_hand():
    close = [100.0, 101, 100, 102, 104, 103, 105]
    bars = bars_of(close, close)
    simple = ForwardReturn(horizon=2).compute(bars).value
    log = ForwardReturn(horizon=2, form="log")
    np.testing.assert_allclose(log.compute(bars).value[:5], np.log(np.array(close[2:]) / close[:5]), rtol=1e-12)
    np.testing.assert_allclose(log.as_return(log.compute(bars).value, simple)[:5], simple[:5], rtol=1e-12)
    scaled = ForwardReturn(horizon=2, form="volatility", window=3)
    labels = scaled.compute(bars)
    unit = np.std(np.diff(close[:4]) / close[:3], ddof=1) * np.sqrt(2)
    assert labels.unit[3] == pytest.approx(unit, rel=1e-12)
    assert labels.value[3] == pytest.approx(simple[3] / unit, rel=1e-12)
    assert np.isnan(labels.value[:3]).all()
    np.testing.assert_allclose(scaled.as_return(labels.value, labels.unit)[3:5], simple[3:5], rtol=1e-12)


def test_a_price_that_does_not_move_has_no_volatility_to_measure_in():
    labels = ForwardReturn(form="volatility", window=3).compute(bars_of([1] * 9, [1.0] * 9))
    assert np.isnan(labels.value).all()
    assert labels.known_at.isna().all()
