"""Figures that the R package PerformanceAnalytics prints for the monthly returns it ships.

tests/data/edhec.csv has four columns of its data set `edhec` (hedge fund indices, 1997 to August 2009) and managers.csv
two of `managers` (1996 to 2006). The figures are those of the saved output of its examples
(tests/Examples/PerformanceAnalytics-Ex.Rout.save), of its page on table.DownsideRisk and of its test
test-VaR_archive_baseline.R, in the digits that stand there.
"""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from risk.measures.alpha import alpha
from risk.measures.expected_shortfall import expected_shortfall
from risk.measures.max_drawdown import max_drawdown
from risk.measures.sharpe import sharpe
from risk.measures.sortino import sortino
from risk.measures.value_at_risk import value_at_risk
from risk.overfitting import Track

pytestmark = pytest.mark.processor
DATA = Path(__file__).parents[2] / "data"
EDHEC = pd.read_csv(DATA / "edhec.csv", index_col="month")
MANAGERS = pd.read_csv(DATA / "managers.csv", index_col="month")

# VaR(edhec, p = .95 or .99, method = ...)
VALUE_AT_RISK = {
    ("historical", 0.95): (-0.01916, -0.0354, -0.044605, -0.01624),
    ("gaussian", 0.95): (-0.02645782, -0.03471098, -0.05498927, -0.02023018),
    ("cornish_fisher", 0.95): (-0.03247395, -0.03380228, -0.06363081, -0.01548247),
    ("cornish_fisher", 0.99): (-0.1009223, -0.04847019, -0.1397195, -0.02437999),
}


def population(value, returns):
    """A parametric value with the deviation divided by n, as theirs is, where ours is divided by n - 1."""
    n = len(returns)
    return returns.mean() + (value - returns.mean()) * np.sqrt((n - 1) / n)


def test_the_data_are_theirs():
    assert EDHEC.std().tolist() == pytest.approx([0.02004739, 0.0251309, 0.03857144, 0.01701962], abs=5e-8)  # StdDev
    assert MANAGERS.mean().tolist() == pytest.approx([0.01112273, 0.008665341], abs=5e-9)  # CAPM.RiskPremium


@pytest.mark.parametrize(("method", "level"), VALUE_AT_RISK)
@pytest.mark.parametrize("column", range(4))
def test_value_at_risk(method, level, column):
    returns = EDHEC.iloc[:, column].to_numpy()
    value = value_at_risk(returns, level, method).value
    if method != "historical":
        value = population(value, returns)
    assert value == pytest.approx(VALUE_AT_RISK[method, level][column], rel=4e-7)


@pytest.mark.parametrize(
    ("function", "method", "published"),
    [
        (value_at_risk, "gaussian", -0.012133),
        (value_at_risk, "cornish_fisher", -0.014674),
        (value_at_risk, "historical", -0.014095),
        (expected_shortfall, "gaussian", -0.017133),
        (expected_shortfall, "historical", -0.024080),
    ],
)
def test_a_hundred_months_of_convertible_arbitrage(function, method, published):
    returns = EDHEC["convertible_arbitrage"].to_numpy()[:100]
    value = function(returns, 0.95, method).value
    if method != "historical":
        value = population(value, returns)
    assert round(value, 6) == published


def test_downside_risk():
    # table.DownsideRisk(edhec): Historical ES (95%) and Maximum Drawdown of the first, second and third column
    first, second, third = EDHEC.iloc[:, :3].to_numpy().T
    assert [round(max_drawdown(column).value, 4) for column in (first, second, third)] == [-0.2927, -0.1168, -0.3598]
    assert [round(expected_shortfall(column, 0.95).value, 4) for column in (first, third)] == [-0.0488, -0.0892]
    # The second has two returns right at its quantile: in our tail, not in theirs.
    assert sorted(second)[7] == sorted(second)[8] == value_at_risk(second, 0.95).value
    assert round(np.mean(sorted(second)[:7]), 4) == -0.0453
    assert expected_shortfall(second, 0.95).value == pytest.approx(np.mean(sorted(second)[:9]), rel=1e-12)


def test_ratios_of_a_manager():
    # A yearly rate that is 0.035 / 12 a month; ours are per year, theirs per month.
    ham1 = MANAGERS["ham1"]
    sp500 = MANAGERS["sp500"]
    rate = (1 + 0.035 / 12) ** 12 - 1
    assert sharpe(ham1, 12, rate).value / np.sqrt(12) == pytest.approx(0.3201889, abs=5e-8)
    assert sortino(ham1, 12).value / np.sqrt(12) == pytest.approx(0.7649, abs=5e-5)
    assert alpha(ham1, sp500, 12, rate).value / 12 == pytest.approx(0.005960609, abs=5e-10)


def test_minimum_track_record():
    # MinTrackRecord(refSR = 1/12^0.5, p = 0.95, sr = 2/12^0.5, sk = -0.72, n = 59), which leaves the kurtosis out.
    track = Track(59, 2 / 12**0.5, skew=-0.72, kurtosis=3.0)
    assert track.length(1 / 12**0.5) == pytest.approx(52.37369, abs=5e-6)
