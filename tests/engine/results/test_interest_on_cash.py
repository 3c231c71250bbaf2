"""Interest on idle cash: in the benchmark at the same exposure as in the account, and never in a verdict."""

import numpy as np
import pandas as pd
import pytest

from engine.pipeline import compute
from engine.results.metrics_json import metrics
from engine.sweep.load_config import load_mapping

CROSS = {
    "data": {"source": {"kind": "sample", "symbols": ["nasdaq"]}, "end": "2003-12-31"},
    "model": {"kind": "sma_cross", "fast": 20, "slow": 50},
    "strategy": {"kind": "threshold"},
    "measures": {"intervals": {"reps": 100}, "var_methods": [], "exam": {"methods": []}},
}


def run(**changes):
    return compute(load_mapping({**CROSS, **changes}))


@pytest.fixture(scope="module")
def idle():
    """An account that is 2 % invested without skill, and earns 5 % on the rest."""
    return run(broker={"cash_interest": 0.05})


def of_cash(outcome, rate):
    """The sessions' returns of cash, from the calendar alone."""
    days = pd.DatetimeIndex([outcome.span[0].tz_convert("America/New_York").tz_localize(None).normalize()])
    days = days.append(pd.DatetimeIndex(outcome.daily.index))
    return rate / 365 * np.diff(days.to_numpy()) / np.timedelta64(1, "D")


def test_interest_is_most_of_the_gain_and_none_of_the_verdict(idle):
    earned = -metrics(idle)["costs"]["cash_interest"]["value"]
    assert earned > 0.9 * (metrics(idle)["final_equity"] - 10_000)
    excess = idle.daily["strategy"].to_numpy() - of_cash(idle, 0.05)
    assert idle.verdict.cash.mean == pytest.approx(excess.mean(), rel=1e-9)
    assert not idle.verdict.beats
    assert abs(idle.verdict.test.t) < 2
    assert abs(idle.verdict.cash.t) < 2


def test_the_same_trades_have_the_same_statistics_with_and_without_interest(idle):
    plain = run()
    assert idle.verdict.test.t == pytest.approx(plain.verdict.test.t, abs=0.25)
    assert idle.verdict.cash.t == pytest.approx(plain.verdict.cash.t, abs=0.25)


def test_ratios_compare_with_what_cash_earned_and_say_so(idle):
    found = metrics(idle)
    assert found["risk_free"] == pytest.approx((1 + 0.05 / 365) ** 365 - 1, rel=1e-12)
    assert found["risk_free_note"] == "what idle cash earned; measures.risk_free is 0 %"
    assert found["cash_interest"] == 0.05
    daily = idle.daily["strategy"] - ((1 + found["risk_free"]) ** (1 / 252) - 1)
    sharpe = daily.mean() / daily.std() * np.sqrt(252)
    assert found["measures"]["strategy"]["sharpe"]["value"] == pytest.approx(sharpe, rel=1e-9)
    assert abs(sharpe) < 1


@pytest.mark.parametrize(
    ("interest", "stated", "used"), [(0.05, 0.05, 0.05), (0.02, 0.05, 0.05), (0.0, 0.0, 0.0), (0.0, 0.03, 0.03)]
)
def test_a_stated_rate_that_is_not_below_the_interest_is_used(interest, stated, used):
    config = load_mapping({**CROSS, "broker": {"cash_interest": interest}, "measures": {"risk_free": stated}})
    assert config.risk_free == used


def test_the_benchmark_at_the_same_exposure_earns_the_same_interest():
    """Three tenths bought and held, without costs; at the same exposure to the last day, by the calendar."""
    free = {"cash_interest": 0.05, "commission": 0, "slippage": 0}
    held = {"model": {"kind": "buy_and_hold"}, "risk": {"base": 0.3, "cap": 0.3}}
    outcome = run(**held, broker=free, measures={**CROSS["measures"], "risk_free": 0.05})
    close = pd.Series(
        outcome.market.bars["nasdaq"].close, outcome.market.times.tz_convert("America/New_York").tz_localize(None)
    )
    share = outcome.exposure.gross_mean
    asset = close.loc[outcome.span[0].tz_convert("America/New_York").tz_localize(None) :].pct_change().dropna()
    expected = share * asset.to_numpy() + (1 - share) * of_cash(outcome, 0.05)
    np.testing.assert_allclose(outcome.daily["benchmark_at_exposure"], expected, rtol=0, atol=1e-12)
    found = {item.name: item.value for item in outcome.measures["benchmark_at_exposure"]}
    assert found["total_return"] == pytest.approx(np.prod(1 + expected) - 1, rel=1e-9)


def test_a_rate_below_0_counts_in_ratios_and_is_no_help_for_the_verdict():
    plain, negative = run(), run(measures={**CROSS["measures"], "risk_free": -0.01})
    daily = negative.daily["strategy"] - (0.99 ** (1 / 252) - 1)
    found = metrics(negative)
    assert found["measures"]["strategy"]["sharpe"]["value"] == pytest.approx(daily.mean() / daily.std() * np.sqrt(252))
    assert found["measures"]["strategy"]["sharpe"]["value"] > metrics(plain)["measures"]["strategy"]["sharpe"]["value"]
    assert found["risk_free_note"] == ""
    assert negative.verdict.cash.t == plain.verdict.cash.t
