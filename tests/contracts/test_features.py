"""Every feature plug-in is held to the rules of its family; a new file needs no test of its own for this.

Each is computed for symbol A of a market in which B closes an hour later, misses bars and begins a week later, and in
which there are headlines of both.
"""

import inspect
from dataclasses import replace
from typing import ClassVar

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.plugins import kinds, load
from core.types import COLUMNS, Bars, Market, News
from signals.features._every import EveryPeriod
from signals.features.base import Feature
from signals.features.sma import Sma

PACKAGE = "signals.features"
BARS = 620
NEEDED = {"talib": {"function": "RSI"}}
"""The parameters of kinds that have no default for one of them."""
FEATURES = [pytest.param(load(PACKAGE, kind)(**NEEDED.get(kind, {})), id=kind) for kind in kinds(PACKAGE)]
every_feature = pytest.mark.parametrize("feature", FEATURES)
WORDS = ("profits rise", "a great loss", "bankruptcy feared", "record sales", "shares are flat", "the best year yet")


def make_frame(rng, times):
    """A lognormal walk with a stretch in which nothing moves and ticks that make ties."""
    count = len(times)
    moves = rng.normal(0, 0.02, count)
    moves[40:75] = 0
    close = np.round(100 * np.exp(np.cumsum(moves)), 2)
    opened = np.round(close * np.exp(rng.normal(0, 0.01, count)), 2)
    columns = [
        opened,
        np.maximum(opened, close) * 1.01,
        np.minimum(opened, close) * 0.99,
        close,
        rng.integers(0, 9, count),
    ]
    return pd.DataFrame(dict(zip(COLUMNS, columns, strict=True)), index=times).astype(float)


def make_news(rng, times):
    """About one headline in two days, at any hour."""
    moments = times[0] + (times[-1] - times[0]) * np.sort(rng.uniform(size=len(times) // 2))
    return News(
        pd.DatetimeIndex(moments).as_unit("ns"),
        tuple(rng.choice(["A", "B"], len(moments)).tolist()),
        tuple(rng.choice(WORDS, len(moments)).tolist()),
    )


def make_market(seed=0, count=BARS):
    rng = np.random.default_rng(seed)
    days = pd.bdate_range("2001-01-02", periods=count, tz="UTC")
    later = days[7:][rng.uniform(size=count - 7) > 0.1] + pd.Timedelta("22h")
    frames = {"A": make_frame(rng, days + pd.Timedelta("21h")), "B": make_frame(rng, later)}
    bars = {symbol: Bars.of(symbol, frame) for symbol, frame in frames.items()}
    return Market(bars, ("A",), "B", "America/New_York", news=make_news(rng, days))


ALL = make_market()
TIMES = ALL.bars["A"].times


def with_future(market, last, seed, how):
    """The market with every symbol's bars and all news after ``last`` replaced, each bar independently."""
    rng = np.random.default_rng(seed)

    def changed(bars):
        frame = bars.frame
        row = int(bars.times.searchsorted(last, side="right"))
        count = len(frame) - row
        close = bars.close[max(row - 1, 0)]
        future = {
            "walk": lambda name: 50 * np.exp(np.cumsum(rng.normal(0, 0.05, count))),
            "mirror": lambda name: close**2 / getattr(bars, name)[row:] if name != "volume" else np.zeros(count),
            "level": lambda name: 1000 * bars.close[row:] * np.exp(rng.normal(0, 0.3, count)),
        }[how]
        for name in COLUMNS:
            frame.loc[frame.index[row:], name] = future(name)
        return Bars.of(bars.symbol, frame)

    past = market.news.between(None, last)
    other = make_news(rng, TIMES)
    future = other.between(last + pd.Timedelta(1), None)
    news = News(past.known_at.append(future.known_at), past.symbol + future.symbol, past.text + future.text)
    return replace(market, bars={symbol: changed(bars) for symbol, bars in market.bars.items()}, news=news)


def same_bits(left, right):
    return left.shape == right.shape and left.tobytes() == right.tobytes()


@every_feature
def test_defaults_names_and_serialisation(feature: Feature):
    assert (
        load(PACKAGE, feature.kind).parse({key: value for key, value in feature.dump().items() if key != "kind"})
        == feature
    )
    assert len(set(feature.names)) == len(feature.names) > 0


@every_feature
def test_docstring_has_an_example(feature: Feature):
    assert ">>> " in inspect.getdoc(type(feature))


@every_feature
def test_warm_up_is_as_declared_and_everything_after_it_is_finite(feature: Feature):
    values = feature.of(ALL, "A")
    assert values.shape == (BARS, len(feature.names))
    assert values.dtype == np.float64
    assert np.isfinite(values[feature.warmup :]).all()
    if feature.warmup:
        assert np.isnan(values[feature.warmup - 1]).any()


@every_feature
def test_deterministic_and_input_unchanged(feature: Feature):
    market = make_market(1)
    before = make_market(1)
    assert same_bits(feature.of(market, "A"), feature.of(market, "A"))
    for symbol, bars in market.bars.items():
        pd.testing.assert_frame_equal(bars.frame, before.bars[symbol].frame, check_exact=True)
    assert market.news.text == before.news.text
    assert market.news.symbol == before.news.symbol
    assert market.news.known_at.equals(before.news.known_at)


@every_feature
@pytest.mark.parametrize("count", [0, 1, 2, 3])
def test_a_short_history_gives_rows_all_the_same(feature: Feature, count):
    short = make_market(2).until(TIMES[count - 1] if count else TIMES[0] - pd.Timedelta(1))
    assert feature.of(short, "A").shape == (count, len(feature.names))


@every_feature
def test_it_names_the_other_symbols_that_it_looks_at(feature: Feature):
    """Nothing of a symbol that it does not name has a part in it."""
    assert set(feature.others(ALL)) <= set(ALL.bars)
    used_bars = {symbol: bars for symbol, bars in ALL.bars.items() if symbol in ("A", *feature.others(ALL))}
    alone = replace(ALL, bars=used_bars, news=ALL.news if feature.news else None)
    assert same_bits(feature.of(alone, "A"), feature.of(ALL, "A"))


def check_past(feature, result, expected, what):
    """The rows of the past are the same bits; the message names the feature and the first row that is not."""
    assert result.shape == expected.shape
    differs = np.flatnonzero((result.view(np.int64) != expected.view(np.int64)).any(axis=1))
    where = f"row {differs[0]} of {len(result)}" if differs.size else ""
    assert not where, f"feature {feature.kind} looks ahead: {where} changes when {what}"


def check_truncation(feature, row):
    cut = feature.of(ALL.until(TIMES[row - 1]), "A")
    past = np.ascontiguousarray(feature.of(ALL, "A")[:row])
    check_past(feature, np.ascontiguousarray(cut), past, f"everything from row {row} on is cut off")


def check_future(feature, row, seed, how):
    changed = with_future(ALL, TIMES[row - 1], seed, how)
    result, past = (np.ascontiguousarray(feature.of(market, "A")[:row]) for market in (changed, ALL))
    check_past(feature, result, past, f"other bars follow from row {row} on")


def check_later_start(feature, later):
    late = feature.of(ALL.since(TIMES[later]), "A")[feature.warmup :]
    assert len(late), f"the market of this test is too short for the warm-up of {feature.kind}"
    np.testing.assert_allclose(late, feature.of(ALL, "A")[later + feature.warmup :], rtol=0, atol=1e-6)


@every_feature
@settings(max_examples=25, deadline=None)
@given(row=st.integers(1, BARS))
def test_truncation_changes_no_bit(feature: Feature, row):
    check_truncation(feature, row)


@every_feature
@settings(max_examples=15, deadline=None)
@given(row=st.integers(1, BARS - 1), seed=st.integers(0, 2**32 - 1), how=st.sampled_from(["walk", "mirror", "level"]))
def test_the_future_changes_no_bit_of_the_past(feature: Feature, row, seed, how):
    check_future(feature, row, seed, how)


@every_feature
@pytest.mark.parametrize("later", [1, 50, 200])
def test_after_the_warm_up_it_does_not_matter_where_the_data_begin(feature: Feature, later):
    check_later_start(feature, later)


WINDOWED = [param for param in FEATURES if getattr(param.values[0], "windowed", False)]


@pytest.mark.parametrize("feature", WINDOWED)
@settings(max_examples=40, deadline=None)
@given(later=st.integers(1, BARS - 1), count=st.integers(1, BARS))
def test_a_windowed_feature_is_the_same_bits_without_the_bars_before_its_window(feature: Feature, later, count):
    late = feature.of(ALL.since(TIMES[later]).until(TIMES[min(later + feature.warmup + count, BARS - 1)]), "A")
    expected = feature.of(ALL, "A")[later + feature.warmup :][: max(len(late) - feature.warmup, 0)]
    assert same_bits(np.ascontiguousarray(late[feature.warmup :]), np.ascontiguousarray(expected))


WEEKLY = [pytest.param(EveryPeriod(feature=param.values[0], every="week"), id=param.id) for param in FEATURES]
CUTS = (*range(400, 411), 500, BARS - 1)
"""Two weeks bar by bar, and two more."""


@pytest.mark.slow
@pytest.mark.parametrize("feature", WEEKLY)
def test_on_finished_weeks_it_has_no_look_ahead_either(feature: Feature):
    if feature.warmup_in(ALL, "A") == BARS:  # 120 weeks are fewer than its warm-up
        assert np.isnan(feature.of(ALL, "A")).all()
        return
    values = feature.of(ALL, "A")
    warmup = feature.warmup_in(ALL, "A")
    assert np.isnan(values[:warmup]).all()
    assert np.isfinite(values[warmup:]).all()
    assert set(feature.names) == {f"{name}_week" for name in feature.feature.names}
    for row in CUTS:
        check_truncation(feature, row)
        check_future(feature, row, row, "level")


@pytest.mark.parametrize("feature", WEEKLY)
def test_on_finished_weeks_it_does_not_matter_either_where_the_data_begin(feature: Feature):
    for later in (1, 7):
        late = ALL.since(TIMES[later])
        warmup = feature.warmup_in(late, "A")
        expected = feature.of(ALL, "A")[later + warmup :]
        np.testing.assert_allclose(feature.of(late, "A")[warmup:], expected, rtol=0, atol=1e-6)


class Centred(Sma):
    """Looks ahead by half a window."""

    def compute(self, bars):
        close = pd.Series(np.array(bars.close))
        return np.array(close / close.rolling(self.window, center=True).mean() - 1)[:, None]


class Standardised(Sma):
    """Uses the mean and spread of the whole history."""

    def compute(self, bars):
        values = pd.Series(super().compute(bars)[:, 0])
        return np.array((values - values.mean()) / values.std())[:, None]


class LastRowDiffers(Sma):
    """Treats the newest bar in a way of its own."""

    def compute(self, bars):
        values = np.array(super().compute(bars))
        values[-1] = 0
        return values


class RemembersTheStart(Sma):
    """An exponential average that declares the warm-up of a simple one."""

    def compute(self, bars):
        close = pd.Series(np.array(bars.close))
        return np.array(close / close.ewm(span=self.window, adjust=False).mean() - 1)[:, None]


class SameDay(Feature):
    """Takes the close that another market makes on the same day, an hour later."""

    warmup: ClassVar[int] = 0
    names: ClassVar[tuple[str, ...]] = ("same_day",)

    def of(self, market, symbol):
        other = market.bars["B"]
        close = pd.Series(np.array(other.close), index=other.times.normalize())
        return np.nan_to_num(close.reindex(market.bars[symbol].times.normalize()).to_numpy())[:, None]


class NewsOfTheDay(Feature):
    """Counts the headlines of the whole day, also those that come after the close."""

    warmup: ClassVar[int] = 0
    names: ClassVar[tuple[str, ...]] = ("news_of_the_day",)

    def of(self, market, symbol):
        days = pd.Series(1.0, index=market.news.known_at.normalize()).groupby(level=0).sum()
        return days.reindex(market.bars[symbol].times.normalize()).fillna(0).to_numpy()[:, None]


@pytest.mark.parametrize(
    # A centred window of 20 reaches 9 rows ahead; the mean of the whole history reaches back to the end of the warm-up.
    ("leaky", "row"),
    [(Centred(), 291), (Standardised(), 19), (LastRowDiffers(), 299), (SameDay(), 299)],
    ids=lambda item: type(item).__name__,
)
def test_the_checks_name_the_feature_that_looks_ahead_and_the_row(leaky, row):
    with pytest.raises(
        AssertionError, match=f"feature .* looks ahead: row {row} of 300 changes when everything from row 300"
    ):
        check_truncation(leaky, 300)


def test_the_checks_flag_a_warm_up_that_is_too_short():
    with pytest.raises(AssertionError):
        check_later_start(RemembersTheStart(), 50)


def late_headline():
    """A row whose day has a headline after the close."""
    late = ALL.news.known_at[(ALL.news.known_at.hour >= 21) & (ALL.news.known_at > TIMES[300])][0]
    return int(TIMES.searchsorted(late.normalize() + pd.Timedelta("21h"))) + 1


def test_the_checks_flag_news_after_the_close():
    row = late_headline()
    with pytest.raises(AssertionError, match=f"looks ahead: row {row - 1} of {row} changes when everything"):
        check_truncation(NewsOfTheDay(), row)
    with pytest.raises(AssertionError, match=f"looks ahead: row {row - 1} of {row} changes when other bars"):
        check_future(NewsOfTheDay(), row, 0, "walk")


def test_the_checks_flag_another_markets_later_close():
    with pytest.raises(AssertionError, match="looks ahead: row 299 of 300 changes when other bars"):
        check_future(SameDay(), 300, 0, "walk")


def test_the_checks_flag_a_symbol_that_is_not_named():
    with pytest.raises(KeyError, match="B"):
        test_it_names_the_other_symbols_that_it_looks_at(SameDay())
