"""The last row of a history that ends at a bar is that of the whole history; a rare exception is found."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from core.types import COLUMNS, Bars, Market, News
from signals.features.base import BarFeature
from signals.leaks import each_bar as module
from signals.leaks.each_bar import each_bar
from signals.leaks.special_bars import special_bars
from signals.spec import SignalSpec

SPEC = SignalSpec.parse(
    {
        "features": [{"kind": "sma", "window": 10}, {"kind": "macd", "fast": 3, "slow": 6, "signal": 3}],
        "label": {"kind": "triple_barrier", "horizon": 4},
        "model": {"kind": "ridge"},
        "confidence": {"kind": "conformal"},
    }
)


def market_of(times, symbols="A", late=0):
    def bars_of(seed, stamps):
        close = 100 * np.exp(np.cumsum(np.random.default_rng(seed).normal(0, 0.01, len(stamps))))
        columns = (close, close * 1.01, close * 0.99, close, np.ones(len(close)))
        return Bars.of(symbols[seed], pd.DataFrame(dict(zip(COLUMNS, columns, strict=True)), index=stamps))

    bars = {name: bars_of(place, times[late * place :]) for place, name in enumerate(symbols)}
    return Market(bars, tuple(symbols), symbols[0], "UTC")


def days(count, start="2001-01-01"):
    return pd.bdate_range(start, periods=count, tz="UTC").as_unit("ns") + pd.Timedelta("21h")


class OnTheseBars(BarFeature):
    """The next bar's return on the bars of some days, 0 on others."""

    stamps: tuple[str, ...] = ()

    @property
    def warmup(self):
        return 1

    @property
    def names(self):
        return ("planted",)

    def compute(self, bars):
        following = np.append(bars.close[1:] / bars.close[:-1] - 1, 0.0)
        wanted = bars.times.strftime("%F").isin(self.stamps)
        return np.where(np.arange(len(bars)) < 1, np.nan, np.where(wanted, following, 0.0))[:, None]


def planted(*stamps):
    return SPEC.model_copy(update={"features": (*SPEC.features, OnTheseBars(stamps=stamps))})


@pytest.mark.parametrize("full", [False, True])
def test_an_honest_pipeline_passes(full):
    market = market_of(days(300), "AB", late=60)
    check = each_bar(market, SPEC, full=full, seed=1)
    assert (check.number, check.status, check.runs) == ("L11", "clean", 299)


def test_a_single_bar_of_a_short_history_is_found():
    stamp = str(days(300)[177].date())
    check = each_bar(market_of(days(300)), planted(stamp), full=False, seed=1)
    assert check.status == "leak"
    assert (check.moved.where, check.moved.rows, check.moved.row[:10]) == ("A planted", 1, stamp)
    assert check.detail == "at 1 of 299 bars a value needs later bars: features, A planted"


PLAIN = SignalSpec.parse({"features": [{"kind": "sma", "window": 3}], "model": {"kind": "ridge"}})


def on(*stamps):
    return PLAIN.model_copy(update={"features": (OnTheseBars(stamps=stamps),)})


def test_every_97th_bar_of_a_long_history_is_found_by_the_draw(monkeypatch):
    monkeypatch.setattr(module, "DRAWN", 400)
    times = days(1000)
    stamps = times[60::97].strftime("%F")
    check = each_bar(market_of(times), on(*stamps), full=False, seed=1)
    assert 0 < check.moved.rows < len(stamps)
    assert 400 < check.runs < 500


def test_a_single_month_end_of_a_long_history_is_found(monkeypatch):
    """It is not left to the draw."""
    monkeypatch.setattr(module, "DRAWN", 10)
    times = days(800)
    stamps = [str(time.date()) for time in times if time.month != (time + pd.offsets.BDay()).month]
    for stamp in (stamps[2], stamps[20]):
        assert each_bar(market_of(times), on(stamp), full=False, seed=1).status == "leak"


@pytest.mark.slow
def test_a_history_in_pieces_is_tried_at_the_same_bars(monkeypatch):
    monkeypatch.setattr(module, "PIECE", 200)
    times = days(700)
    market = market_of(times, "AB", late=350)
    honest = each_bar(market, SPEC, full=True, seed=1)
    assert (honest.status, honest.runs) == ("clean", 699)
    warmup = SPEC.warmup_in(market, "A")
    rows = (warmup, 99, 100, 101, 300, 399, 400, 401, 650, 698)
    check = each_bar(market, planted(*(str(times[row].date()) for row in rows)), full=True, seed=1)
    assert (check.moved.where, check.moved.rows) == ("A planted", len(rows))
    assert check.moved.row[:10] == str(times[warmup].date())


def test_a_label_that_is_known_too_early_on_one_bar_is_found(monkeypatch):
    kind = type(SPEC.label)
    honest = kind.compute

    def early(self, bars):
        labels = honest(self, bars)
        at = np.arange(len(bars)) == 150
        return replace(labels, known_at=pd.DatetimeIndex(labels.known_at.where(~at, labels.times)))

    monkeypatch.setattr(kind, "compute", early)
    check = each_bar(market_of(days(300)), SPEC, full=False, seed=1)
    assert (check.status, check.moved.stage, check.moved.rows) == ("leak", "labels", 1)


def test_a_feature_that_cannot_be_computed_without_later_bars_is_found():
    class NeedsMore(OnTheseBars):
        def compute(self, bars):
            from core.errors import DataError

            if len(bars) == 200:
                raise DataError("not at this bar")
            return super().compute(bars)

    spec = SPEC.model_copy(update={"features": (NeedsMore(),)})
    check = each_bar(market_of(days(300)), spec, full=False, seed=1)
    assert (check.status, check.moved.row[:10]) == ("leak", str(days(300)[199].date()))


def test_a_rule_is_tried_too(monkeypatch):
    from signals.models.sma_cross import SmaCross

    spec = SignalSpec.parse({"model": {"kind": "sma_cross", "fast": 3, "slow": 8}})
    market = market_of(days(200))
    assert each_bar(market, spec, full=False, seed=1).status == "clean"
    honest = SmaCross.signal

    def leaky(self, bars):
        values = honest(self, bars).copy()
        if len(values) > 121:
            values[120] = bars.close[121]
        return values

    monkeypatch.setattr(SmaCross, "signal", leaky)
    check = each_bar(market, spec, full=False, seed=1)
    assert (check.status, check.moved.where, check.moved.rows) == ("leak", "A signal", 1)


def bars_named(market):
    return [f"{market.times[row]:%F %H}" for row in special_bars(market)]


def test_special_bars_of_days():
    times = days(45, "2001-01-15")  # to 2001-03-16; Presidents' Day, a Monday, and the day after are left out
    times = times[~times.strftime("%F").isin(["2001-02-19", "2001-02-20"])]
    assert bars_named(market_of(times)) == ["2001-01-31 21", "2001-02-16 21", "2001-02-21 21", "2001-02-28 21"]


def test_special_bars_within_the_day():
    hours = pd.date_range("2001-01-02 14:00", periods=5, freq="h", tz="UTC").as_unit("ns")
    times = hours.append([hours + pd.Timedelta(f"{day}D") for day in (1, 2)])
    times = times[times != pd.Timestamp("2001-01-03 16:00", tz="UTC")]
    expected = ["02 18", "03 14", "03 15", "03 17", "03 18", "04 14"]
    assert bars_named(market_of(times)) == [f"2001-01-{text}" for text in expected]


def test_bars_before_headlines_are_special():
    times = days(10, "2001-01-08")
    stamps = pd.DatetimeIndex([times[2] + pd.Timedelta("1h"), times[6], times[9] + pd.Timedelta("1h")]).as_unit("ns")
    market = replace(market_of(times), news=News(stamps, ("A",) * 3, ("a", "b", "c")))
    assert special_bars(market).tolist() == [2, 5]


@pytest.mark.parametrize("count", [1, 2])
def test_short_markets_have_special_bars_too(count):
    assert special_bars(market_of(days(count, "2001-01-08"))).tolist() == []
