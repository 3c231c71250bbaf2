import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from core.errors import DataError
from core.plugins import kinds
from risk.measure_set import BY_METHOD, FURTHER, OF_ACCOUNTS, MeasuresSpec, further, headline
from risk.measures.base import Sample
from risk.measures.expected_shortfall import expected_shortfall
from risk.measures.sharpe import sharpe
from risk.measures.value_at_risk import ValueAtRisk, value_at_risk
from risk.periods import periods_per_year

RETURNS = np.random.default_rng(3).normal(0.0005, 0.01, 600)
SAMPLE = Sample(RETURNS, periods_per_year=252.0, risk_free=0.02)
ALWAYS = ("total_return", "cagr", "volatility", "sharpe", "sortino", "max_drawdown", "calmar")


def names(spec):
    return tuple(item.name for item in headline(SAMPLE, spec))


def test_the_headline_in_order():
    tails = ("value_at_risk_95", "expected_shortfall_95", "value_at_risk_99", "expected_shortfall_99")
    assert names(MeasuresSpec()) == ALWAYS + tails


def test_levels_and_extra_measures_follow_the_spec():
    extra = [{"kind": "value_at_risk", "level": 0.975, "method": "gaussian"}]
    spec = MeasuresSpec.parse({"var_levels": [0.9], "extra": extra})
    assert names(spec) == (*ALWAYS, "value_at_risk_90", "expected_shortfall_90", "value_at_risk_97.5_gaussian")


def test_the_values_are_those_of_the_functions():
    values = {item.name: item.value for item in headline(SAMPLE, MeasuresSpec())}
    assert values["sharpe"] == sharpe(RETURNS, 252.0, 0.02).value
    assert values["value_at_risk_99"] == value_at_risk(RETURNS, 0.99).value
    assert values["expected_shortfall_95"] == expected_shortfall(RETURNS, 0.95).value


def test_the_further_ones_are_all_kinds_that_the_headline_has_not():
    spec = MeasuresSpec()
    further_measures = [measure for items in spec.further.values() for measure in items]
    assert {item.kind for item in (*spec.measures, *further_measures)} == set(kinds("risk.measures"))
    every = [item.name for item in (*spec.measures, *further_measures)]
    assert len(set(every)) == len(every)
    assert [*spec.further] == [*FURTHER, BY_METHOD]
    assert set(OF_ACCOUNTS) <= set(FURTHER)


def test_every_method_at_every_level():
    spec = MeasuresSpec(var_levels=(0.9,), var_methods=("ewma", "historical"))
    assert [item.name for item in spec.further[BY_METHOD]] == [
        "value_at_risk_90_ewma",
        "expected_shortfall_90_ewma",
        "expected_shortfall_90_fractional",
    ]


def test_one_that_is_asked_for_besides_moves_to_the_headline():
    extra = [{"kind": kind} for kind in ("skew", "kurtosis", "tail_ratio", "omega", "hit_rate", "sqn")]
    spec = MeasuresSpec.parse({"extra": [*extra, {"kind": "value_at_risk", "method": "ewma"}]})
    assert names(spec)[-7:] == (
        "skew",
        "kurtosis",
        "tail_ratio_95",
        "omega",
        "hit_rate",
        "sqn",
        "value_at_risk_95_ewma",
    )
    assert "Distribution" not in spec.further
    others = {item.name for items in further(SAMPLE, spec).values() for item in items}
    assert others.isdisjoint(names(spec))
    assert "profit_factor" in others


def test_everything_is_plain():
    assert json.loads(json.dumps([item.dump() for item in headline(SAMPLE, MeasuresSpec())], allow_nan=False))


@given(st.lists(st.floats(-1, 1e308), max_size=40))
def test_whatever_the_returns_there_is_a_finite_value_or_a_reason(returns):
    for item in headline(Sample(returns, periods_per_year=20), MeasuresSpec()):
        assert bool(item.reason) == (item.value is None)
        assert item.value is None or np.isfinite(item.value)


def test_a_spec_reads_back_what_it_writes():
    spec = MeasuresSpec(var_levels=(0.9,), periods_per_year=252.0, extra=(ValueAtRisk(level=0.99),))
    assert MeasuresSpec.parse(spec.dump()) == spec


@pytest.mark.parametrize(
    ("values", "location", "message"),
    [
        ({"var_levels": [95]}, ("var_levels", 0), "both excluded; for 95 % write 0.95"),
        ({"var_levels": [0.05]}, ("var_levels", 0), "write 0.95 for the worst 0.05"),
        ({"var_levels": []}, ("var_levels",), "needs at least one level, such as 0.95"),
        ({"risk_free": 3}, ("risk_free",), "below 1; for 3 % write 0.03"),
        ({"periods_per_year": 0}, ("periods_per_year",), "`auto` or the number of sessions in a year: above 0"),
        ({"periods_per_year": 525600}, ("periods_per_year",), "at most 366, such as 252"),
        ({"periods_per_year": "252"}, ("periods_per_year",), "must be `auto` or the number"),
        ({"periods_per_year": True}, ("periods_per_year",), "must be `auto` or the number"),
        ({"extra": [{"kind": "sharp"}]}, ("extra", 0), "did you mean 'sharpe'?"),
        ({"extra": [{"kind": "value_at_risk", "level": 99}]}, ("extra", 0), "for 99 % write 0.99"),
        ({"extra": ["sharpe"]}, ("extra", 0), "must be a mapping with a `kind`"),
        ({"extra": [{"kind": "sharpe"}]}, (), "reported once; asked for again in `var_levels` or `extra`: sharpe"),
        ({"extra": [{"kind": "omega"}] * 2}, (), "asked for again in `var_levels` or `extra`: omega"),
        ({"var_methods": ["ewma", "fhs", "ewma"]}, ("var_methods",), "asked for once; given again: ewma"),
        ({"var_methods": ["magic"]}, ("var_methods", 0), "Input should be 'historical', 'order_statistic'"),
        ({"var_levels": [0.9, 0.9]}, (), "value_at_risk_90, expected_shortfall_90"),
    ],
)
def test_settings_that_cannot_be_are_refused_where_they_stand(values, location, message):
    with pytest.raises(ValidationError) as caught:
        MeasuresSpec.parse(values)
    (error,) = caught.value.errors()
    assert error["loc"] == location
    assert message in error["msg"]


def test_the_schema_tells_editors_the_limits():
    schema = MeasuresSpec.model_json_schema()["properties"]
    assert schema["var_levels"]["minItems"] == 1
    assert schema["periods_per_year"]["anyOf"][1] == {"type": "number", "exclusiveMinimum": 0, "maximum": 366}


def exchange_days(first, last):
    """Weekdays without ten fixed holidays a year, about what the New York exchange trades."""
    days = pd.bdate_range(first, last)
    holidays = ("01-01", "01-15", "02-15", "04-05", "05-27", "07-04", "09-03", "11-22", "12-25", "06-19")
    return days[~days.strftime("%m-%d").isin(holidays)]


@pytest.mark.parametrize(
    ("days", "expected"),
    [
        (exchange_days("1999-01-04", "2018-12-31"), 252.0),
        (exchange_days("2018-01-02", "2019-01-10"), 252.0),
        (pd.bdate_range("2010-01-01", "2019-12-31"), 260.0),
        (pd.date_range("2015-01-01", "2020-12-31"), 365.0),
        (pd.date_range("2020-01-01", periods=10), 365.0),
        # Too short for holidays: an exchange.
        (pd.bdate_range("2020-01-06", periods=2), 252.0),
        (pd.bdate_range("2020-01-06", periods=5), 252.0),
        (pd.bdate_range("2020-01-10", periods=2), 252.0),
        (pd.bdate_range("2020-01-06", periods=60), 252.0),
        (pd.DatetimeIndex(["2020-01-06"]), 252.0),
        (pd.DatetimeIndex([]), 252.0),
        # None of the three: the count itself.
        (pd.date_range("2000-01-07", periods=521, freq="7D"), 365.25 / 7),
        (pd.date_range("2000-01-07", periods=2, freq="7D"), 365.25 / 7),
        (pd.date_range("2000-01-03", periods=1001, freq="2D"), 365.25 / 2),
    ],
)
def test_sessions_per_year_are_counted(days, expected):
    assert periods_per_year(days) == pytest.approx(expected, rel=1e-12)


def test_a_market_that_is_open_less_often_keeps_its_count():
    days = pd.bdate_range("2000-01-03", "2019-12-31")
    fewer = days[np.arange(len(days)) % 20 != 0]  # 5 % fewer than weekdays: 247.8, still an exchange
    few = days[np.arange(len(days)) % 10 != 0]  # 10 % fewer: 234.8
    assert periods_per_year(fewer) == 252.0
    assert periods_per_year(few) == pytest.approx(365.25 * 5 / 7 * 0.9, rel=1e-3)


def test_a_setting_is_taken_as_it_is():
    assert periods_per_year(pd.date_range("2015-01-01", "2020-12-31"), 252) == 252.0


@pytest.mark.parametrize(
    "days",
    [
        pd.DatetimeIndex(["2020-01-02", "2020-01-01"]),
        pd.DatetimeIndex(["2020-01-01", "2020-01-01"]),
        pd.date_range("2020-01-01", periods=48, freq="h"),
    ],
)
def test_sessions_must_be_days(days):
    with pytest.raises(DataError, match=r"sessions must be days at 00:00 in increasing order, each once"):
        periods_per_year(days)
