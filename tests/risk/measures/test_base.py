import dataclasses
import math

import numpy as np
import pandas as pd
import pytest

from core.errors import ConfigError, DataError, PluginError
from risk.measures.base import Estimate, Sample, defined, undefined
from risk.measures.sharpe import Sharpe


def sample(returns, **changes):
    return Sample(returns, **{"periods_per_year": 252.0, **changes})


def test_a_value_needs_no_reason_and_no_value_needs_one():
    with pytest.raises(PluginError, match="gives a value or the reason why there is none; given: Estimate"):
        Estimate(None)
    with pytest.raises(PluginError, match="gives a value or the reason"):
        Estimate(1.0, "too short")


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_value_is_finite(value):
    with pytest.raises(PluginError, match="must be finite, or None with a reason"):
        Estimate(value)
    assert defined(value) == undefined("the returns are too large to compute with")


def test_a_value_is_a_plain_float():
    assert type(defined(np.float64(0.5)).value) is float


def test_a_sample_keeps_read_only_copies():
    returns = np.array([0.01, -0.02])
    checked = sample(returns, benchmark=returns, exposure=[0, 1])
    returns[0] = 9.0
    for array in (checked.returns, checked.benchmark, checked.exposure):
        assert array.dtype == np.float64
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1.0
    assert checked.returns[0] == checked.benchmark[0] == 0.01


def test_a_sample_is_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        sample([0.0]).risk_free = 0.01


def test_a_series_will_do():
    series = pd.Series([0.01, 0.02], index=pd.date_range("2020-01-01", periods=2))
    assert sample(series).returns.tolist() == [0.01, 0.02]


@pytest.mark.parametrize(
    ("returns", "message"),
    [
        ([0.01, math.nan, math.nan], r"returns must be finite: .* \(row 1 is nan; rows like it: 2\)"),
        ([0.01, 0.0, -math.inf], r"returns must be finite: .* \(row 2 is -inf; rows like it: 1\)"),
        ([0.01, -1.01], r"returns cannot be below -1: is this percent .* \(row 1 is -1.01; rows like it: 1\)"),
        ([[0.01], [0.02]], r"returns must be one row of numbers; given: 2 dimension\(s\) of float64"),
        (["0.01"], r"returns must be one row of numbers; given: 1 dimension\(s\) of <U4"),
        ([True, False], r"returns must be one row of numbers; .* of bool"),
    ],
)
def test_returns_that_cannot_be_are_refused(returns, message):
    with pytest.raises(DataError, match=message):
        sample(returns)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"benchmark": [0.01]}, "benchmark has 1 rows, returns 2; both need the same sessions"),
        ({"benchmark": [0.01, math.nan]}, "benchmark must be finite"),
        ({"exposure": [0.5] * 3}, "exposure has 3 rows, returns 2"),
        ({"exposure": [0.5, -0.1]}, r"exposure cannot be below 0: .* \(row 1 is -0.1"),
    ],
)
def test_the_other_arrays_are_checked_too(changes, message):
    with pytest.raises(DataError, match=message):
        sample([0.0, 0.01], **changes)


@pytest.mark.parametrize("year", [0.0, -252.0, math.nan, math.inf])
def test_a_year_has_periods(year):
    with pytest.raises(ConfigError, match=f"periods_per_year is {year}; it must be above 0, such as 252"):
        sample([0.0], periods_per_year=year)


@pytest.mark.parametrize("rate", [-1.0, math.nan, math.inf])
def test_a_rate_is_above_minus_one(rate):
    with pytest.raises(ConfigError, match=f"risk_free is {rate}; it must be an annual rate above -1"):
        sample([0.0], risk_free=rate)


def test_measured_tells_all_that_is_needed_to_read_it():
    assert Sharpe().of(sample([0.01, 0.01, 0.01])).dump() == {
        "name": "sharpe",
        "value": None,
        "reason": "the returns do not vary",
        "flags": [],
        "formula": "mean of (return - risk-free) / standard deviation (ddof 1) x sqrt(periods per year)",
        "unit": "ratio",
        "period": "per year",
        "n": 3,
    }
