"""The sentiment feature by hand: which bar a headline belongs to, and what the four columns say."""

import math

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from core.errors import ConfigError
from core.types import Bars, Market, News
from signals.features import sentiment as module
from signals.features.sentiment import Sentiment

CLOSES = pd.bdate_range("2020-01-06", periods=40, tz="America/New_York") + pd.Timedelta("16h")
TIMES = pd.DatetimeIndex(CLOSES.tz_convert("UTC")).as_unit("ns")


@pytest.fixture(autouse=True)
def plain_scores(monkeypatch):
    """A text is its own score."""
    monkeypatch.setattr(module, "scored", lambda scorer, texts: np.array([float(text) for text in texts]))


def market_of(*headlines, symbol="A"):
    ordered = sorted(headlines, key=lambda headline: headline[0])
    stamps = (
        pd.DatetimeIndex([headline[0] for headline in ordered]).as_unit("ns")
        if ordered
        else pd.DatetimeIndex([], tz="UTC")
    )
    news = News(
        stamps,
        tuple(headline[2] if len(headline) > 2 else symbol for headline in ordered),
        tuple(headline[1] for headline in ordered),
    )
    one = np.ones(len(TIMES))
    return Market({"A": Bars("A", TIMES, one, one, one, one, one)}, ("A",), "A", "America/New_York", news=news)


def column(market, name, **more):
    """The column, and its rows from the end of the warm-up on."""
    feature = Sentiment(columns=(name,), **more)
    values = feature.of(market, "A")
    assert values.shape == (len(TIMES), 1)
    assert np.isnan(values[: feature.warmup]).all()
    return values[:, 0], feature.warmup


@pytest.mark.parametrize(
    ("stamp", "row"),
    [
        (TIMES[9], 9),
        (TIMES[9] + pd.Timedelta("1ns"), 10),
        (TIMES[9] + pd.Timedelta("1s"), 10),
        (TIMES[9] - pd.Timedelta("1s"), 9),
        (pd.Timestamp("2020-01-18 12:00", tz="UTC"), 10),  # a Saturday: known on Monday's bar
    ],
)
def test_a_headline_belongs_to_the_first_bar_that_closes_after_it_was_known(stamp, row):
    values, _ = column(market_of((stamp, "0.5")), "count", window=1)
    np.testing.assert_array_equal(np.flatnonzero(values > 0), [row])


def test_a_delay_moves_it_on():
    stamp = TIMES[9] - pd.Timedelta("10min")
    assert column(market_of((stamp, "0.5")), "count", window=1, delay=10.0)[0][9] > 0
    values, _ = column(market_of((stamp, "0.5")), "count", window=1, delay=10.5)
    np.testing.assert_array_equal(np.flatnonzero(values > 0), [10])


def test_mean_count_and_dispersion_by_hand():
    market = market_of(
        (TIMES[9], "0.5"), (TIMES[9], "-0.1"), (TIMES[10], "0.2"), (TIMES[14], "1.0"), (TIMES[10], "0.9", "B")
    )
    mean, _ = column(market, "mean", window=3)
    count, _ = column(market, "count", window=3)
    spread, _ = column(market, "dispersion", window=3)
    np.testing.assert_allclose(mean[8:16], [0, 0.2, 0.2, 0.2, 0.2, 0, 1.0, 1.0], atol=1e-15)
    np.testing.assert_allclose(count[8:16], np.log1p([0, 2, 3, 3, 1, 0, 1, 1]), atol=1e-15)
    np.testing.assert_allclose(
        spread[8:16], [0, np.std([0.5, -0.1]), *[np.std([0.5, -0.1, 0.2])] * 2, 0, 0, 0, 0], atol=1e-12
    )
    assert spread[14] == 0


def test_the_decayed_sum_by_hand():
    values, warmup = column(market_of((TIMES[32], "0.8"), (TIMES[34], "-0.2")), "decayed", half_life=1.0)
    assert warmup == 30  # 2 ** -30 is the first power below 1e-9
    np.testing.assert_allclose(values[31:37], [0, 0.8, 0.4, 0.2 - 0.2, -0.0, -0.0], atol=1e-12)
    assert Sentiment(half_life=3.0).warmup == math.ceil(math.log2(1e9) * 3)


def test_nothing_later_matters_and_nothing_from_before_the_first_bar():
    early = (TIMES[0] - pd.Timedelta("1h"), "1.0")
    late = (TIMES[20] + pd.Timedelta("1s"), "-1.0")
    feature = Sentiment(window=2, half_life=0.5)
    base = market_of((TIMES[12], "0.3"))
    for other in (market_of((TIMES[12], "0.3"), late), market_of(early, (TIMES[12], "0.3"))):
        np.testing.assert_array_equal(feature.of(other, "A")[:21], feature.of(base, "A")[:21])
    cut = market_of((TIMES[12], "0.3"), late).until(TIMES[20])
    np.testing.assert_array_equal(feature.of(cut, "A"), feature.of(base, "A")[:21])


def test_without_headlines_every_column_is_0_after_the_warm_up():
    feature = Sentiment(window=2, half_life=0.5)
    assert (feature.of(market_of(), "A")[feature.warmup :] == 0).all()


def test_a_market_without_news_and_parameters_that_cannot_be_right():
    market = market_of()
    with pytest.raises(ConfigError, match=r"sentiment reads headlines, but the config names none; set data.news.file"):
        Sentiment().of(Market(market.bars, ("A",), "A", "UTC"), "A")
    for values, message in (
        ({"columns": ["mean", "mean"]}, "must be distinct"),
        ({"columns": []}, "at least 1"),
        ({"scorer": {"kind": "vadr"}}, "did you mean 'vader'"),
        ({"delay": -1}, "greater than or equal to 0"),
    ):
        with pytest.raises(ValidationError, match=message):
            Sentiment.parse(values)


def test_what_is_dumped_reads_back_with_its_scorer():
    spec = Sentiment.parse({"scorer": {"kind": "transformers", "folder": "x"}, "columns": ["decayed", "count"]})
    values = spec.dump()
    assert values["scorer"]["folder"] == "x"
    assert Sentiment.parse({key: item for key, item in values.items() if key != "kind"}) == spec
    assert spec.names == ("sentiment_decayed_3", "sentiment_count_5")
