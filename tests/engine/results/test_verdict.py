"""The paired test and the words for its answer."""

import numpy as np
import pytest
from scipy.stats import norm

from engine.results.return_tests import PairedTest, ReturnTests, cash_test, paired_test
from engine.results.verdict import BEATS, FORECASTS_ONLY, NOTHING, judge
from risk.bootstrap import Interval
from risk.mean_tests import newey_west_error


def noise(seed, n=1000, mean=0.0003):
    rng = np.random.default_rng(seed)
    return rng.normal(mean, 0.01, n)


def test_the_statistic_by_hand():
    strategy, benchmark = noise(3), noise(4)
    scale = benchmark.std(ddof=1) / strategy.std(ddof=1)
    difference = (strategy - 0.0001) * scale - (benchmark - 0.0001)
    found = paired_test(strategy, benchmark, 0.0001)
    assert found.scale == pytest.approx(scale, rel=1e-12)
    assert found.t == pytest.approx(difference.mean() / newey_west_error(difference, found.lags), rel=1e-9)
    assert found.mean == pytest.approx(difference.mean(), rel=1e-9)


def test_exposure_does_not_matter():
    strategy, benchmark = noise(5), noise(6)
    assert paired_test(0.01 * strategy, benchmark).t == pytest.approx(paired_test(strategy, benchmark).t, rel=1e-9)


def test_a_planted_edge_beats_and_its_mirror_does_not():
    benchmark = noise(7)
    strategy = 0.02 * (noise(8) + 0.002)
    assert paired_test(strategy, benchmark).beats
    lost = paired_test(-strategy, benchmark)
    assert lost.p_value > 0.95
    assert not lost.beats


def test_noise_beats_in_about_five_of_a_hundred():
    rate = np.mean([paired_test(noise(2 * seed), noise(2 * seed + 1)).beats for seed in range(600)])
    assert 0.03 <= rate <= 0.08  # the standard error is 0.009


STEADY = "the strategy's returns hardly vary: their annual mean is more than 15 annual deviations"


@pytest.mark.parametrize(
    ("strategy", "benchmark", "reason"),
    [
        (noise(1, 29), noise(2, 29), "29 periods are fewer than 30"),
        (
            noise(1, 40) + 0.1,
            noise(2, 40),
            "the strategy's returns hardly vary: their annual mean is more than 15 annual deviations",
        ),
        (np.zeros(50), noise(2, 50), "the strategy's returns never vary"),
        (noise(1, 50), np.zeros(50), "the benchmark's returns never vary"),
        (0.5 * noise(1, 50), noise(1, 50), "at equal volatility the strategy is the benchmark"),
    ],
)
def test_what_cannot_be_tested_says_why(strategy, benchmark, reason):
    found = paired_test(strategy, benchmark)
    assert (found.t, found.p_value, found.beats, found.reason) == (None, None, False, reason)
    verdict = judge(ReturnTests(cash_test(strategy), found, "SPY", 252.0))
    assert verdict.headline == NOTHING
    assert reason in verdict.sentences[0]


INTEREST = 0.05 / 365 * np.resize([3, 1, 1, 1, 1], 1000)
"""A session's interest at 5 %: three days on Mondays."""


def test_an_account_that_only_earns_interest_has_no_return_to_test():
    """Its returns are those of cash but for rounding."""
    account = np.cumprod(1 + INTEREST) * 10_000
    returns = np.diff(account, prepend=10_000) / np.append(10_000, account[:-1])
    found = cash_test(returns, INTEREST)
    assert (found.t, found.reason) == (None, "the strategy's returns never vary")


def test_interest_on_idle_cash_is_no_skill():
    """Two per cent invested without skill: without the hurdle the interest alone has a t far above 2."""
    benchmark = noise(9)
    strategy = 0.02 * noise(10, mean=0.0) + 0.98 * INTEREST
    assert cash_test(strategy).t > 10
    assert paired_test(strategy, benchmark).t > 10
    by_hand = strategy - INTEREST
    weights = np.clip(1 - np.abs(np.subtract.outer(np.arange(1000), np.arange(1000))) / 7, 0, None)  # 6 lags
    centred = by_hand - by_hand.mean()
    t = by_hand.mean() / (np.sqrt(centred @ weights @ centred) / 1000)
    assert cash_test(strategy, INTEREST).t == pytest.approx(t, rel=1e-9)
    assert not cash_test(strategy, INTEREST).beats
    assert not paired_test(strategy, benchmark, INTEREST).beats


def returns_of(cash, benchmark, n=1000):
    """Tests with these t statistics."""
    t_tests = [PairedTest(t, float(norm.sf(t)), 0.0, 1.0, 6, n) for t in (cash, benchmark)]
    return ReturnTests(*t_tests, "SPY, bought and held", 250.0)


@pytest.mark.parametrize(
    ("cash", "benchmark", "forecasts", "headline"),
    [
        (2.0, 2.0, None, BEATS),
        (2.0, 2.0, True, BEATS),
        (2.0, 2.0, False, NOTHING),
        (1.0, 2.0, True, FORECASTS_ONLY),
        (2.0, 1.0, True, FORECASTS_ONLY),
        (2.0, 1.0, None, NOTHING),
        (1.0, 2.0, None, NOTHING),
        (1.0, 1.0, False, NOTHING),
    ],
)
def test_skill_needs_the_forecasts_and_both_tests_of_the_returns(cash, benchmark, forecasts, headline):
    verdict = judge(returns_of(cash, benchmark), "Forecasts." if forecasts is not None else "", forecasts)
    assert verdict.headline == headline
    assert verdict.beats is (headline == BEATS)
    assert ("correct for them" in verdict.sentences[-1]) is (headline != NOTHING)


def test_the_verdict_states_what_it_compares_with_and_what_it_did_not_try():
    verdict = judge(returns_of(1.0, 1.0))
    assert verdict.compared_with == ("SPY, bought and held", "the same account untraded, in cash")
    text = " ".join(verdict.sentences)
    assert "SPY, bought and held" in text
    assert "the same account untraded, in cash" in text
    assert len(verdict.not_tried) == 2
    assert not [item for item in verdict.not_tried if item in text]


def test_the_record_that_would_change_the_answer_has_a_t_at_the_limit():
    """t grows with the root of the length: after so many more sessions it is 1.645."""
    test = returns_of(3.0, 1.0).benchmark
    longer = test.n + test.more_periods
    assert test.t * np.sqrt(longer / test.n) == pytest.approx(norm.ppf(0.95), rel=1e-9)
    assert judge(returns_of(3.0, 1.0)).sentences[-1] == (
        "About 7 more years at the same means and errors would change that."  # 4 years x (1.645^2 - 1) is 6.8
    )
    assert "About 2 more months" in judge(returns_of(3.0, 1.62)).sentences[-1]
    assert "No longer record" in judge(returns_of(3.0, -0.1)).sentences[-1]


ABOVE = Interval(0.56, 2.39, "", 0.95, 1000, 1.0)
ACROSS = Interval(-0.2, 1.4, "", 0.95, 1000, 1.0)


@pytest.mark.parametrize(
    ("cash", "benchmark", "forecasts", "interval", "text"),
    [
        (3.0, 1.0, None, ABOVE, "skill needs more than shares of the benchmark explain"),
        (3.0, 3.0, False, ABOVE, "the forecasts are not shown to know anything"),
        (1.6, 3.0, None, ABOVE, "just on the other side of its limit"),
        (1.7, 3.0, None, ACROSS, "contains 0"),
    ],
)
def test_an_interval_that_seems_to_disagree_is_reconciled(cash, benchmark, forecasts, interval, text):
    verdict = judge(returns_of(cash, benchmark), "", forecasts, interval)
    (sentence,) = [item for item in verdict.sentences if "interval of the Sharpe ratio" in item]
    assert text in sentence
    assert f"{interval.high:.2f}" in sentence


def test_an_interval_beside_a_benchmark_that_was_not_tested_claims_nothing_of_it():
    untested = PairedTest(None, None, None, None, 6, 1000, "it was held")
    returns = ReturnTests(returns_of(3.0, 3.0).cash, untested, "SPY, bought and held", 250.0)
    assert "the comparison with the benchmark, which skill needs as well, could not be made" in " ".join(
        judge(returns, "", None, ABOVE).sentences
    )


@pytest.mark.parametrize(("cash", "interval"), [(3.0, ABOVE), (0.5, ACROSS)])
def test_an_interval_that_agrees_needs_no_words(cash, interval):
    assert "interval" not in " ".join(judge(returns_of(cash, cash), "", None, interval).sentences)
