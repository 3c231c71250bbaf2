"""Bootstrap intervals against arch's own, a closed form, a known autocorrelation, and how often they hold the truth."""

import math
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from pydantic import ValidationError
from scipy import stats

from risk.bootstrap import Interval, IntervalsSpec, block_length, bootstrap_intervals
from risk.measures.base import Sample, defined
from risk.measures.calmar import Calmar
from risk.measures.expectancy import Expectancy
from risk.measures.max_drawdown import MaxDrawdown
from risk.measures.sharpe import Sharpe
from risk.measures.sortino import Sortino
from risk.measures.value_at_risk import ValueAtRisk
from risk.measures.volatility import Volatility

MEAN = SimpleNamespace(name="mean", estimate=lambda sample: defined(sample.returns.mean()))
DAYS = np.random.default_rng(2).normal(0.0005, 0.01, 1000)
FEW_REPS = IntervalsSpec(reps=100)


def sample(returns=DAYS, **more):
    return Sample(returns, periods_per_year=1.0, **more)


def interval(measure, returns=DAYS, reps=1000, level=0.95, seed=7):
    spec = IntervalsSpec(reps=reps, level=level)
    return bootstrap_intervals(sample(returns), [measure], spec, seed)[measure.name]


def autocorrelated(n, rho, seed):
    noise = np.random.default_rng(seed).normal(0, 0.01, n)
    for row in range(1, n):
        noise[row] += rho * noise[row - 1]
    return noise


@pytest.mark.parametrize("measure", [MEAN, Sharpe(), MaxDrawdown(), ValueAtRisk(level=0.9)], ids=lambda m: m.name)
def test_it_is_archs_percentile_interval(measure):
    from arch.bootstrap import StationaryBootstrap

    returns = autocorrelated(400, 0.4, 1)
    drawing = StationaryBootstrap(block_length(returns), returns, seed=np.random.default_rng(7))
    (low,), (high,) = drawing.conf_int(
        lambda values: measure.estimate(sample(values)).value, 200, method="percentile", size=0.9
    )
    result = interval(measure, returns, reps=200, level=0.9)
    assert (result.low, result.high) == pytest.approx((low, high), rel=1e-12)


@pytest.mark.parametrize("ratio", [0.05, 0.4])
def test_the_sharpe_interval_is_as_wide_as_its_standard_error_says(ratio):
    # Lo (2002), equation 9: sqrt((1 + SR^2 / 2) / T) for independent normal returns.
    n = 2000
    quantile = stats.norm.ppf(0.975)
    grid = stats.norm.ppf((np.random.default_rng(4).permutation(n) + 0.5) / n) * 0.01
    grid += ratio * grid.std(ddof=1)
    result = interval(Sharpe(), grid, reps=2000)
    assert result.block < 2
    assert result.high - result.low == pytest.approx(2 * quantile * math.sqrt((1 + ratio**2 / 2) / n), rel=0.1)


def test_the_mean_of_dependent_returns_is_less_certain():
    # An AR(1) of 0.5 has (1 + 0.5) / (1 - 0.5) = 3 times the variance of the mean of independent returns.
    returns = autocorrelated(4000, 0.5, 3)
    result = interval(MEAN, returns)
    naive = 2 * stats.norm.ppf(0.975) * returns.std() / math.sqrt(len(returns))
    assert result.block > 5
    assert (result.high - result.low) / naive == pytest.approx(math.sqrt(3), rel=0.15)


@pytest.mark.slow
@pytest.mark.parametrize(("measure", "truth"), [(MEAN, 0.001), (Sharpe(), 0.1)], ids=["mean", "sharpe"])
def test_nineteen_in_twenty_hold_the_truth(measure, truth):
    rng = np.random.default_rng(9)
    held = 0
    for seed in range(300):
        result = interval(measure, rng.normal(0.001, 0.01, 250), reps=200, seed=seed)
        held += result.low <= truth <= result.high
    assert held / 300 == pytest.approx(0.94, abs=0.045)  # 200 resamples of 250 days cost a point


def test_a_higher_level_is_a_wider_interval():
    narrow, wide = (interval(Sharpe(), level=level) for level in (0.8, 0.99))
    assert wide.low < narrow.low < narrow.high < wide.high


def test_the_same_seed_gives_the_same_bits_whatever_else_is_asked():
    both = bootstrap_intervals(sample(), [MaxDrawdown(), Sharpe()], IntervalsSpec(reps=200), 7)
    assert list(both) == ["max_drawdown", "sharpe"]
    assert both["sharpe"] == interval(Sharpe(), reps=200)
    assert interval(Sharpe(), reps=200, seed=8) != both["sharpe"]


def test_what_belongs_to_a_session_is_drawn_with_it():
    differences = []

    def estimate(drawn):
        rows = (drawn.benchmark, drawn.exposure / 10, drawn.traded / 20, drawn.costs / 30)
        differences.append(max(np.abs(row - drawn.returns).max() for row in rows))
        return defined(drawn.returns[0])

    returns = np.abs(DAYS)
    full = sample(returns, benchmark=returns, exposure=10 * returns, traded=20 * returns, costs=30 * returns)
    bootstrap_intervals(full, [SimpleNamespace(name="probe", estimate=estimate)], FEW_REPS, 7)
    assert len(differences) == 101  # the sample and its resamples
    assert max(differences) < 1e-15


def test_trades_are_drawn_one_by_one():
    results = np.random.default_rng(6).normal(10, 100, 400)
    result = bootstrap_intervals(sample(trades=results), [Expectancy()], IntervalsSpec(), 7)["expectancy"]
    error = results.std() / math.sqrt(len(results))
    assert (result.low, result.high) == pytest.approx(
        (results.mean() - 1.96 * error, results.mean() + 1.96 * error), abs=0.25 * error
    )
    without = bootstrap_intervals(sample(trades=[]), [Expectancy(), Sharpe()], FEW_REPS, 7)
    assert without["expectancy"].low is None
    assert without["sharpe"].low is not None


def test_resampling_changes_nothing_in_the_sample():
    full = sample(benchmark=DAYS)
    bootstrap_intervals(full, [Sharpe()], FEW_REPS, 7)
    np.testing.assert_array_equal(full.returns, DAYS)
    np.testing.assert_array_equal(full.benchmark, DAYS)


def test_a_measure_that_many_resamples_lack_has_no_interval():
    # One loss in 400: (1 - 1/400)^400 = 37 % of the resamples have none.
    returns = np.append(np.full(399, 0.001), -0.02)
    result = interval(Calmar(), returns)
    assert result.low is result.high is None
    count, reps = (int(word) for word in result.reason.split() if word.isdigit())
    assert result.reason == f"undefined in {count} of {reps} resamples: there is no drawdown"
    assert count / reps == pytest.approx((1 - 1 / 400) ** 400, abs=0.06)


def test_a_measure_that_few_resamples_lack_has_an_interval():
    # Five losses: e^-5 = 0.7 % of the resamples have none.
    returns = np.full(400, 0.001)
    returns[::80] = -0.02
    result = interval(Sortino(), returns)
    assert result.reason == ""
    assert result.low < Sortino().estimate(sample(returns)).value < result.high


def test_what_is_undefined_in_the_sample_has_no_interval():
    assert interval(Sharpe(), np.full(100, 0.01)) == Interval(None, None, "the returns do not vary", 0.95, 0, None)


@pytest.mark.parametrize("method", ["ewma", "garch_normal", "garch_t", "fhs"])
def test_a_forecast_has_no_interval(method):
    assert "order of the returns" in interval(ValueAtRisk(method=method)).reason


def test_a_short_sample_has_no_interval():
    assert interval(Sharpe(), DAYS[:29]).reason == "an interval needs 30 or more returns, has 29"
    assert interval(Sharpe(), DAYS[:30]).reason == ""


def test_no_reps_are_no_intervals():
    assert bootstrap_intervals(sample(), [Sharpe()], IntervalsSpec(reps=0), 7) == {}


def test_blocks_of_returns_that_hardly_vary_are_of_one_session():
    lone = np.zeros(300)
    lone[100] = 0.01
    for returns in (np.zeros(300), lone):
        assert block_length(returns) >= 1
    assert interval(Volatility(), lone, reps=100).low == 0


@pytest.mark.parametrize("reps", [-1, 1, 99, 100_001])
def test_a_number_of_reps_that_tells_nothing_is_refused(reps):
    with pytest.raises(ValidationError, match=r"must be 0 \(no intervals\) or between 100 and 100000, such as 1000"):
        IntervalsSpec(reps=reps)


@pytest.mark.parametrize("values", [{"level": 95}, {"level": 0.05}, {"reps": 250.5}, {"blocks": 3}])
def test_what_the_config_cannot_mean_is_refused(values):
    with pytest.raises(ValidationError):
        IntervalsSpec.parse(values)


def test_an_interval_is_a_plain_mapping_for_json():
    result = interval(Sharpe(), reps=100)
    assert Interval(**result.dump()) == result
    assert replace(result, low=None).dump()["low"] is None
