"""The battery's parts: comparisons by hand, other futures that leave the past alone, cuts where leaks show."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.types import COLUMNS, Bars, Market, News
from signals.leaks.altered_futures import FUTURES, walk, with_future
from signals.leaks.cut_points import choose
from signals.leaks.fit_inputs import fit_inputs
from signals.leaks.label_tests import rank_correlation
from signals.leaks.pipeline_trace import Stage, Trace, first_moved
from signals.leaks.warmup import warmup
from signals.signals_result import FitInputs, FoldDiagnostics, FoldReport, Span
from signals.spec import SignalSpec

TIMES = pd.date_range("2020-01-01 21:00", periods=60, tz="UTC").as_unit("ns")


def stage(values, name="scores", tolerance=0.0, keys=None, times=None):
    values = np.array(values, dtype=float).reshape(len(values), -1)
    times = TIMES[: len(values)] if times is None else times
    columns = tuple("XYZ"[: values.shape[1]])
    return Stage(name, times, keys or ("",) * len(values), columns, values, tolerance)


def moved(one, two, last=5, exact=True):
    return first_moved(Trace(tuple(one)), Trace(tuple(two)), TIMES[last], exact=exact)


def test_equal_pasts_do_not_move_and_nan_equals_nan():
    past = [1.0, np.nan, 3, 4, 5, 6]
    assert moved([stage([*past, 7, 8])], [stage([*past, 70, np.nan])]) is None
    assert moved([stage([*past, 7, 8])], [stage(past)]) is None


def test_the_first_row_and_column_that_moved_are_named():
    one = stage(np.arange(20.0).reshape(10, 2))
    values = np.arange(20.0).reshape(10, 2)
    values[3, 1], values[4, 0], values[9, 0] = 70, 80, 90
    result = moved([one], [stage(values)])
    assert (result.stage, result.row, result.where) == ("scores", TIMES[3].isoformat(), "Y")
    assert (result.before, result.after, result.rows) == (7.0, 70.0, 2)


@pytest.mark.parametrize(("before", "after"), [(1.0, np.nan), (np.nan, 1.0), (np.inf, 1.0), (1.0, 1.0 + 1e-15)])
def test_one_bit_or_a_nan_is_a_difference(before, after):
    assert moved([stage([before])], [stage([after])]) is not None
    assert moved([stage([before])], [stage([after])], last=0) is not None


def test_a_missing_a_further_and_another_row_are_differences():
    keys = ("a", "b", "c")
    base = stage([1, 2, 3], keys=keys)
    assert moved([base], [stage([1, 2], keys=keys[:2])]).where == "c X"
    assert moved([stage([1, 2], keys=keys[:2])], [base]).after == 3.0
    assert moved([base], [stage([1, 2, 3], keys=("a", "B", "c"))]).rows == 1
    assert moved([base], [stage([1, 2, 3], keys=keys, times=TIMES[[0, 1, 4]])]).rows == 1
    assert moved([base], [stage([1, 2], keys=keys[:2])], last=1) is None


def test_the_first_stage_that_moved_is_named():
    one = [stage([1, 2], "features"), stage([1, 2], "scores")]
    assert moved(one, [stage([1, 3], "features"), stage([5, 5], "scores")]).stage == "features"
    assert moved(one, [stage([1, 2], "features"), stage([5, 5], "scores")]).stage == "scores"


def test_a_tolerance_counts_only_where_shapes_differ_and_hides_what_rests_on_it():
    one = [stage([1.0], "scores", 1e-6), stage([5.0], "orders")]
    close = [stage([1.0 + 1e-8], "scores", 1e-6), stage([7.0], "orders")]
    assert moved(one, close, exact=True).stage == "scores"
    assert moved(one, close, exact=False) is None
    assert moved(one, [stage([1.0], "scores", 1e-6), stage([7.0], "orders")], exact=False).stage == "orders"
    assert moved(one, [stage([1.0 + 1e-4], "scores", 1e-6), stage([5.0], "orders")], exact=False).stage == "scores"


def test_a_hair_never_counts():
    one = replace(stage([3.0]), hair=1e-12)
    assert moved([one], [replace(stage([3.0 * (1 + 1e-15)]), hair=1e-12)]) is None
    assert moved([one], [replace(stage([3.0 * (1 + 1e-9)]), hair=1e-12)]) is not None
    assert moved([stage([3.0])], [stage([3.0 * (1 + 1e-15)])]) is not None


def bars_of(symbol, seed=0, count=60, late=0):
    rng = np.random.default_rng(seed)
    close = 100 * np.exp(np.cumsum(rng.normal(0, 0.02, count)))
    columns = (close * 1.001, close * 1.01, close * 0.99, close, rng.uniform(1, 9, count))
    return Bars.of(symbol, pd.DataFrame(dict(zip(COLUMNS, columns, strict=True)), index=TIMES[:count])).between(
        TIMES[late], None
    )


NEWS = News(TIMES[5::7] + pd.Timedelta("1h"), tuple("ABABABAB"), tuple("abcdefgh"))
MARKET = Market({"A": bars_of("A"), "B": bars_of("B", 1, late=10)}, ("A", "B"), "A", "UTC", news=NEWS)


@pytest.mark.parametrize("how", FUTURES)
@settings(max_examples=20, deadline=None)
@given(row=st.integers(0, 58), seed=st.integers(0, 99))
def test_another_future_leaves_the_past_alone_and_changes_every_later_bar(how, row, seed):
    other = with_future(MARKET, TIMES[row], how, seed)
    for symbol, bars in MARKET.bars.items():
        new = other.bars[symbol]
        later = np.asarray(bars.times > TIMES[row])
        assert new.times.equals(bars.times)
        for name in COLUMNS:
            one = getattr(bars, name)
            two = getattr(new, name)
            assert one[~later].tobytes() == two[~later].tobytes()
        assert (new.close[later] != bars.close[later]).all()
        assert (new.low <= np.minimum(new.open, new.close)).all()
        assert (new.high >= np.maximum(new.open, new.close)).all()
        assert (new.low > 0).all()
    is_known = int(NEWS.known_at.searchsorted(TIMES[row], side="right"))
    assert other.news.text[:is_known] == NEWS.text[:is_known]
    assert other.news.symbol[:is_known] == NEWS.symbol[:is_known]
    assert other.news.known_at.equals(NEWS.known_at)


def test_other_futures_are_drawn_bar_by_bar():
    """No factor between bars, or between the prices of a bar, survives."""
    other = with_future(MARKET, TIMES[20], "thousandfold", 1).bars["A"]
    factors = np.array([getattr(other, name)[21:] / getattr(MARKET.bars["A"], name)[21:] for name in COLUMNS[:4]])
    assert len(np.unique(factors.round(6))) == factors.size
    assert factors.min() > 300


def test_a_random_walk_has_the_volatility_of_the_market_and_remembers_only_if_told():
    long = Market({"A": bars_of("A", count=60)}, ("A",), "A", "UTC")
    times = pd.date_range("2000-01-01", periods=6000, tz="UTC").as_unit("ns")
    close = 100 * np.exp(np.cumsum(np.random.default_rng(0).normal(0, 0.02, 6000)))
    long = Market({"A": Bars("A", times, close, close, close, close, close)}, ("A",), "A", "UTC")
    for memory in (0.0, 0.25, -0.25):
        returns = np.diff(np.log(walk(long, 3, memory).bars["A"].close))
        assert np.std(returns) == pytest.approx(0.02, rel=0.05)
        assert np.corrcoef(returns[1:], returns[:-1])[0, 1] == pytest.approx(memory, abs=0.05)
        assert abs(np.mean(np.expm1(returns))) < 4 * 0.02 / np.sqrt(6000) / (1 - memory)
    assert not np.array_equal(walk(long, 3).bars["A"].close, walk(long, 4).bars["A"].close)


def test_cuts_lie_at_the_borders_of_folds_and_before_headlines():
    cuts = choose(TIMES, [TIMES[20], TIMES[30], TIMES[40]], 5, seed=0, news=NEWS)
    lasts = [int(TIMES.get_loc(cut.last)) + 1 for cut in cuts]
    assert lasts == sorted(set(lasts))
    assert {29, 30, 31, 34, 39, 40, 41, 44} <= set(lasts)
    assert all(20 < bars < 60 for bars in lasts)
    telling = {int(TIMES.get_loc(cut.last)) + 1 for cut in cuts if cut.telling}
    assert {31, 41} <= telling
    headlines = telling - {31, 41}
    assert headlines
    for bars in headlines:
        assert ((NEWS.known_at > TIMES[bars - 1]) & (NEWS.known_at <= TIMES[bars])).any()
    assert choose(TIMES, [TIMES[20]], 1, seed=0) == choose(TIMES, [TIMES[20]], 1, seed=0)


def report_of(**seen):
    span = Span(TIMES[0].isoformat(), TIMES[9].isoformat(), 10)
    spans = dict.fromkeys(("train", "stop", "calibration", "test"), span)
    diagnostics = FoldDiagnostics(members={}, calibrator={}, seen=seen)
    cut = TIMES[20].isoformat()
    return FoldReport(number=0, cut=cut, **spans, train_mean=0.0, up_share=0.5, diagnostics=diagnostics)


def seen(last, is_known=None):
    return FitInputs(5, TIMES[last].isoformat(), TIMES[is_known].isoformat() if is_known is not None else "")


def test_what_fits_were_given_is_held_against_the_cut():
    assert fit_inputs([]).status == "skipped"
    assert fit_inputs([report_of(scaler=seen(19), model=seen(15, 20))]).status == "clean"
    for wrong in (seen(20), seen(19, 21), seen(25, 26)):
        check = fit_inputs([report_of(scaler=seen(5), model=wrong)])
        assert check.status == "leak"
        assert "fold 0, model" in check.detail
    assert FitInputs.from_times(TIMES[:0], TIMES[:0]) == FitInputs(0, "", "")


@pytest.mark.parametrize(
    ("one", "two", "expected"),
    [([1, 2, 3, 4], [10, 20, 30, 40], 1.0), ([1, 2, 3], [3, 2, 1], -1.0), ([1, 1, 1], [1, 2, 3], 0.0)],
)
def test_rank_correlation(one, two, expected):
    assert rank_correlation(np.array(one, dtype=float), np.array(two, dtype=float)) == pytest.approx(expected)


def test_a_warm_up_that_is_too_short_is_named(make_market, monkeypatch):
    from signals.features.macd import Macd

    spec = SignalSpec.parse(
        {
            "features": [{"kind": "macd"}],
            "model": {"kind": "ridge"},
            "walk_forward": {"train": 250, "test": 100},
        }
    )
    market = make_market(bars=700)
    assert warmup(market, spec).status == "clean"
    monkeypatch.setattr(Macd, "warmup", property(lambda self: 30))
    check = warmup(market, spec)
    assert check.status == "leak"
    assert check.moved.stage == "features"
    assert check.moved.where.startswith("A macd")


def test_a_leak_in_a_rule_is_named(make_market, monkeypatch):
    from signals.models.sma_cross import SmaCross

    honest = SmaCross.signal
    monkeypatch.setattr(SmaCross, "signal", lambda self, bars: honest(self, bars) + 1e-3 * len(bars))
    check = warmup(make_market(bars=300), SignalSpec.parse({"model": {"kind": "sma_cross"}}))
    assert check.status == "leak"
    assert check.moved.stage == "scores"


def test_a_stage_is_cut_at_its_own_times():
    base = stage(np.arange(6), times=TIMES[[0, 1, 1, 3, 5, 5]])
    assert len(replace(base, name="x").until(TIMES[1]).times) == 3
    assert len(base.until(TIMES[2]).times) == 3
    assert len(base.until(TIMES[5]).times) == 6
