"""Features on a coarser bar size, from the config to the leak battery."""

import jsonschema
import numpy as np
import pandas as pd
import pytest

from core.errors import ConfigError, DataError
from core.types import Bars, Market
from engine.audit.battery import audit
from engine.cli.schema import schema
from engine.config.yaml_layers import layer_from_mapping
from engine.sweep.load_config import load_mapping
from signals.cache.cache_keys import signal_key
from signals.feature_frame import feature_frame
from signals.features._every import EveryPeriod
from signals.features.lagged_return import LaggedReturn
from signals.features.sma import Sma
from signals.generate import generate

SAMPLE = {
    "data": {"source": {"kind": "sample", "symbols": ["nasdaq"]}, "start": "1999-01-04", "end": "2003-12-31"},
    "features": [{"kind": "lagged_return"}, {"kind": "sma", "window": 10, "every": "week"}],
    "model": {"kind": "ridge"},
    "strategy": {"kind": "threshold"},
    "walk_forward": {"train": 500, "test": 250},
}


def with_features(*features):
    return {**SAMPLE, "features": list(features)}


def weekdays(count=80):
    close = np.linspace(100, 180, count)
    frame = pd.DataFrame({"open": close, "high": close, "low": close, "close": close, "volume": 1.0})
    times = pd.bdate_range("2024-01-01", periods=count, tz="UTC") + pd.Timedelta("21h")
    return Market({"A": Bars.of("A", frame.set_axis(times))}, ("A",), "A", "America/New_York")


def test_a_weekly_average_by_hand():
    market = weekdays()
    feature = EveryPeriod(feature=Sma(window=2), every="week")
    values = feature.of(market, "A")[:, 0]
    closes = pd.Series(market.bars["A"].close, index=market.bars["A"].times)
    fridays = closes[closes.index.day_of_week == 4]
    averages = fridays / fridays.rolling(2).mean() - 1
    first = feature.warmup_in(market, "A")
    assert closes.index[first].day_name() == "Friday"
    expected = averages.reindex(closes.index, method="ffill").to_numpy()
    np.testing.assert_allclose(values[first:], expected[first:], rtol=1e-12)
    assert np.isnan(values[:first]).all()


def test_both_sizes_stand_side_by_side():
    config = load_mapping(
        with_features({"kind": "sma"}, {"kind": "sma", "every": "week"}, {"kind": "sma", "every": None})
    )
    names = [name for feature in config.features[:2] for name in feature.names]
    assert names == ["sma_20", "sma_20_week"]
    assert config.features[2] == config.features[0]
    assert config.dump()["features"][:2] == [
        {"kind": "sma", "window": 20},
        {"kind": "sma", "window": 20, "every": "week"},
    ]
    assert load_mapping(config.dump()).id == config.id
    without = load_mapping(with_features({"kind": "sma"}, {"kind": "sma", "window": 21}))
    assert without.id != config.id


@pytest.mark.parametrize(
    ("feature", "message"),
    [
        (
            {"kind": "sma", "every": "fortnight"},
            "features.0.every: must be day, week, month, quarter, hour, or minutes",
        ),
        ({"kind": "sma", "every": "7min"}, "features.0.every: must be"),
        ({"kind": "sma", "every": "24h"}, "features.0.every: must be"),
        ({"kind": "sma", "every": 5}, "features.0.every"),
        ({"kind": "sma", "windows": 5, "every": "week"}, "features.0.windows: unknown key; did you mean 'window'"),
    ],
)
def test_what_cannot_be_names_the_key(feature, message):
    with pytest.raises(ConfigError, match=message) as caught:
        load_mapping(with_features(feature))
    assert "\n" not in str(caught.value)


def test_too_short_a_history_is_one_line():
    market = weekdays()
    with pytest.raises(DataError, match="A: has 80 bars, but feature sma_20_week needs more"):
        feature_frame(market, "A", [EveryPeriod(feature=Sma(window=20), every="week")])
    with pytest.raises(DataError, match="no day has two bars"):
        feature_frame(market, "A", [EveryPeriod(feature=Sma(window=2), every="day")])


def test_the_schema_knows_the_key():
    jsonschema.validate(SAMPLE, schema())
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(with_features({"kind": "sma", "every": 5}), schema())


def test_the_zone_is_part_of_the_key_of_stored_signals():
    config = load_mapping(SAMPLE)
    market = config.data.load()
    elsewhere = Market(market.bars, market.trade, market.benchmark, "Asia/Tokyo")
    assert signal_key(market, config.signals) != signal_key(elsewhere, config.signals)


def test_a_lag_within_and_over_weeks_is_different():
    market = weekdays()
    weekly = EveryPeriod(feature=LaggedReturn(lags=(0,)), every="week")
    [daily, over_week] = feature_frame(market, "A", [LaggedReturn(lags=(0,)), weekly]).values[-1]
    assert over_week == pytest.approx((1 + daily) ** 5 - 1, rel=0.1)


def test_signals_until_any_time_are_those_of_the_whole_history():
    config = load_mapping(SAMPLE)
    market = config.data.load()
    whole = generate(market, config.signals).frame
    for cut in market.times[[-1, -3, -4, -120]]:
        early = generate(market.until(cut), config.signals).frame
        np.testing.assert_array_equal(early.prediction, whole.prediction[: len(early.times)])


def test_a_sweep_may_try_other_periods():
    space = {"features.1.every": ["week", "month"], "features.1.window": [5, 10]}
    config = load_mapping({**SAMPLE, "sweep": {"space": space}})
    assert config.sweep is not None


@pytest.mark.slow
def test_the_leak_battery_finds_it_clean():
    config = load_mapping(SAMPLE)
    checks = audit(config, config.data.load()).checks
    assert {check.number: check.status for check in checks if check.status == "leak"} == {}
    assert [check.number for check in checks] == ["L1", "L2", "L3", "L10", "L11"]
    assert layer_from_mapping(SAMPLE, "test").values["features"] == SAMPLE["features"]
