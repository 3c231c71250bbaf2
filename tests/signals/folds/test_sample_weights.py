"""Uniqueness weights against the definition told bar by bar, and the latest known label against a search."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.types import Bars, Labels, Market
from signals.features.lagged_return import LaggedReturn
from signals.folds.fit_fold import run_fold
from signals.folds.sample_weights import uniqueness
from signals.folds.walk_forward import folds
from signals.labels.triple_barrier import TripleBarrier
from signals.panel import Panel, build_panel, latest_known
from signals.spec import SignalSpec

DAY = pd.Timedelta("1D")


def panel_of(spans, symbols=1):
    """A panel of ``len(spans)`` rows a symbol; row t's label is known ``spans[t]`` bars later."""
    count = len(spans)
    days = pd.date_range("2020-01-01 21:00", periods=count, tz="UTC").as_unit("ns")
    ends = days + pd.to_timedelta(spans, unit="D")
    rows = count * symbols
    return Panel(
        symbols=tuple("AB"[:symbols]),
        names=("x",),
        times=pd.DatetimeIndex(np.tile(days, symbols), tz="UTC"),
        symbol=np.repeat(range(symbols), count),
        X=np.zeros((rows, 1)),
        y=np.ones(rows),
        known_at=pd.DatetimeIndex(np.tile(ends, symbols), tz="UTC"),
        **{name: np.ones(rows) for name in ("unit", "last", "spread", "close")},
    )


def test_by_hand():
    # Labels over bars 1-2, 2-3 and 4: the first two share bar 2, the third is alone.
    weight = uniqueness(panel_of([2, 2, 9, 1, 9]), np.array([0, 1, 3]))
    share = np.array([(1 + 0.5) / 2, (0.5 + 1) / 2, 1.0])
    np.testing.assert_allclose(weight[[0, 1, 3]], share / share.mean())
    assert weight[[2, 4]].tolist() == [0, 0]


@settings(max_examples=60, deadline=None)
@given(spans=st.lists(st.integers(1, 6), min_size=8, max_size=30), seed=st.integers(0, 99), symbols=st.integers(1, 2))
def test_bar_by_bar(spans, seed, symbols):
    panel = panel_of(spans, symbols)
    rng = np.random.default_rng(seed)
    count = len(spans)
    # Training rows are those whose label is known within the rows.
    is_known = np.array([row for row in range(count * symbols) if row % count + spans[row % count] < count])
    rows = np.sort(rng.choice(is_known, max(len(is_known) // 2, 1), replace=False)) if len(is_known) else is_known
    if not len(rows):
        return
    covers = {row: set(range(row + 1, row + spans[row % count] + 1)) for row in rows}
    same = lambda one, other: one // count == other // count  # noqa: E731
    share = [
        np.mean([1 / sum(bar in covers[other] for other in rows if same(row, other)) for bar in covers[row]])
        for row in rows
    ]
    np.testing.assert_allclose(uniqueness(panel, rows)[rows], np.array(share) / np.mean(share), rtol=1e-12)


def test_no_other_row_matters():
    panel = panel_of([3] * 20)
    rows = np.arange(2, 9)
    other = panel_of([3 if row in rows else 1 + row % 5 for row in range(20)])
    np.testing.assert_array_equal(uniqueness(panel, rows), uniqueness(other, rows))


def test_labels_that_do_not_overlap_weigh_the_same():
    np.testing.assert_array_equal(uniqueness(panel_of([1] * 10), np.arange(8))[:8], 1.0)


@pytest.mark.parametrize("kind", ["ridge", "random_forest", "xgboost", "lightgbm", "lstm"])
def test_weights_reach_every_model_and_change_what_it_learns(make_market, kind):
    small = {"lstm": {"hidden": 4, "sequence": 4, "epochs": 2}, "random_forest": {"trees": 5}}
    result = []
    for weights in ("equal", "uniqueness"):
        training = SignalSpec.parse(
            {
                "features": [{"kind": "lagged_return", "lags": [0]}],
                "label": {"kind": "triple_barrier", "weights": weights},
                "model": {"kind": kind, **small.get(kind, {})},
                "walk_forward": {"train": 200, "test": 60},
            }
        ).training
        market = make_market(bars=300)
        panel = build_panel(market, training.features, training.label)
        fold = folds(panel, training.walk_forward)[0]
        result.append(run_fold(panel, training, fold, lambda step: None).prediction)
    assert not np.array_equal(*result)


@given(spans=st.lists(st.integers(1, 6), min_size=1, max_size=25))
def test_the_latest_known_label(spans):
    count = len(spans)
    times = pd.date_range("2020-01-01 21:00", periods=count, tz="UTC").as_unit("ns")
    is_known = np.array([row + span < count for row, span in enumerate(spans)])
    ends = pd.DatetimeIndex(
        [times[row + span] if ok else pd.NaT for row, (span, ok) in enumerate(zip(spans, is_known, strict=True))]
    )
    values = np.where(is_known, np.arange(count) + 1.0, np.nan)
    result = latest_known(Labels("A", times, values, pd.DatetimeIndex(ends, dtype=times.dtype), np.ones(count)))
    for now in range(count):
        past = [(row + spans[row], row) for row in range(now) if is_known[row] and row + spans[row] <= now]
        expected = max(past)[1] + 1.0 if past else np.nan
        assert result[now] == expected or (np.isnan(result[now]) and np.isnan(expected))


def test_the_latest_label_of_a_panel_is_point_in_time():
    close = 100 * np.exp(np.cumsum(np.random.default_rng(0).normal(0, 0.02, 80)))
    times = pd.date_range("2020-01-01 21:00", periods=80, tz="UTC").as_unit("ns")
    bars = Bars("A", times, close, close * 1.01, close * 0.99, close, close)
    label = TripleBarrier(horizon=5)
    full = build_panel(Market({"A": bars}, ("A",), "A", "UTC"), (LaggedReturn(),), label)
    for row in (30, 55):
        cut = build_panel(Market({"A": bars.between(None, times[row])}, ("A",), "A", "UTC"), (LaggedReturn(),), label)
        np.testing.assert_array_equal(cut.last, full.last[: len(cut)])
