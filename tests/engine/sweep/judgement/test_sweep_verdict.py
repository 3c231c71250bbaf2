"""Every condition of the verdict alone decides it, and its sentence holds its numbers."""

from dataclasses import replace
from types import SimpleNamespace

import pytest

from engine.sweep.judgement import sweep_verdict
from engine.sweep.judgement.overfitting_tests import OverfittingTests
from engine.sweep.judgement.stress import Stress
from risk.costs import BrokerSpec
from risk.measures.base import Estimate

NAMES = (
    "deflated Sharpe ratio",
    "backtest overfitting",
    "superiority to cash",
    "superiority to buy and hold",
    "length of the record",
    "doubled costs",
    "decisions a bar late",
    "leak battery",
)


def spa(consistent, reason=""):
    return SimpleNamespace(consistent=consistent, reality_check=0.123, reason=reason)


def pbo(value=0.1, trials=200, loss=0.0375, retained=0.25):
    return SimpleNamespace(pbo=value, splits=12870, trials=trials, loss=loss, retained=retained)


GOOD = OverfittingTests(
    scored=150,
    prior=50,
    effective=None,
    variance=0.001,
    sharpe=0.1,
    threshold=0.05,
    probabilistic=Estimate(0.99),
    deflated=Estimate(0.97),
    deflated_effective=None,
    track=Estimate(800.0),
    backtest=Estimate(3.25),
    pbo=pbo(),
    cash=spa(0.01),
    benchmark=spa(0.02),
    observations=1008,
    per_year=252.0,
)
CALM = Stress(doubled_costs=0.05, one_bar_late=0.04)


def verdict(overfitting=GOOD, stress=CALM, is_clean=True, audit="no leak found"):
    return sweep_verdict.conclude(
        (*sweep_verdict.numeric_tests(overfitting, stress), sweep_verdict.leak_test(audit, is_clean))
    )


def test_all_together_are_skill():
    result = verdict()
    assert result.skill
    assert [test.name for test in result.tests] == list(NAMES)
    assert all(test.passed is True for test in result.tests)
    assert result.headline == sweep_verdict.SKILL
    assert "8" in result.sentence


BAD = {
    "deflated": ("deflated Sharpe ratio", {"overfitting": replace(GOOD, deflated=Estimate(0.9499))}, False, "0.9499"),
    "deflated unknown": (
        "deflated Sharpe ratio",
        {"overfitting": replace(GOOD, deflated=Estimate(None, "the returns do not vary"))},
        None,
        "unknown (the returns do not vary)",
    ),
    "pbo": ("backtest overfitting", {"overfitting": replace(GOOD, pbo=pbo(0.2001))}, False, "20.01 %"),
    "pbo and nothing retained": (
        "backtest overfitting",
        {"overfitting": replace(GOOD, pbo=pbo(0.2001, retained=None))},
        False,
        "0 %",
    ),
    "loss": ("backtest overfitting", {"overfitting": replace(GOOD, pbo=pbo(loss=0.0501))}, False, "5.010 %"),
    "loss on a plateau": (
        "backtest overfitting",
        {"overfitting": replace(GOOD, pbo=pbo(0.5, loss=0.0501, retained=0.9))},
        False,
        "5.010 %",
    ),
    "few for pbo": ("backtest overfitting", {"overfitting": replace(GOOD, pbo=pbo(0.0, 19))}, None, "19 are too few"),
    "no pbo": ("backtest overfitting", {"overfitting": replace(GOOD, pbo=None)}, None, "too few trials"),
    "cash": ("superiority to cash", {"overfitting": replace(GOOD, cash=spa(0.0501))}, False, "1 of 20 such sweeps"),
    "no cash": (
        "superiority to cash",
        {"overfitting": replace(GOOD, cash=spa(None, "flat"))},
        None,
        "nothing to test: flat",
    ),
    "benchmark": ("superiority to buy and hold", {"overfitting": replace(GOOD, benchmark=spa(0.4))}, False, "p = 0.4"),
    "record": ("length of the record", {"overfitting": replace(GOOD, track=Estimate(1008.5))}, False, "4.002 years"),
    "no record": (
        "length of the record",
        {"overfitting": replace(GOOD, track=Estimate(None, "not above the benchmark"))},
        False,
        "not above the benchmark",
    ),
    "costs": (
        "doubled costs",
        {"stress": replace(CALM, doubled_costs=0.0)},
        False,
        "earned as much in all as the account untraded",
    ),
    "ruined": ("doubled costs", {"stress": replace(CALM, doubled_costs=None)}, False, "was ruined"),
    "late": (
        "decisions a bar late",
        {"stress": replace(CALM, one_bar_late=-0.0123)},
        False,
        "earned 1.230 % less in all than the account untraded",
    ),
    "leak": ("leak battery", {"is_clean": False, "audit": "a leak in sma"}, False, "a leak in sma"),
    "no battery": ("leak battery", {"is_clean": None}, None, "run only if all other tests are passed"),
}


@pytest.mark.parametrize("name", BAD)
def test_each_alone_flips_the_verdict(name):
    test, changes, passed, text = BAD[name]
    result = verdict(**changes)
    assert not result.skill
    assert result.headline == sweep_verdict.NOTHING
    assert [item.name for item in result.tests if not item.passed] == [test]
    (failed,) = (item for item in result.tests if item.name == test)
    assert failed.passed is passed
    assert text in failed.sentence
    words = "not passed" if passed is False else "not tried"
    others = ", ".join(name for name in NAMES if name != test)
    assert result.sentence == f"No evidence of skill: 7 of 8 tests passed; passed: {others}; {words}: {test}."
    assert result.detail == f"7 of 8 tests passed; passed: {others}; {words}: {test}."


def test_what_was_not_tried_is_not_called_not_passed():
    result = verdict(replace(GOOD, deflated=Estimate(0.9), pbo=None), is_clean=None)
    assert result.sentence == (
        "No evidence of skill: 5 of 8 tests passed; passed: superiority to cash, superiority to buy and hold, length "
        "of the record, doubled costs, decisions a bar late; not passed: deflated Sharpe ratio; not tried: backtest "
        "overfitting, leak battery."
    )


def test_a_record_that_is_too_short_says_how_much_is_missing():
    (found,) = [
        test for test in verdict(replace(GOOD, track=Estimate(1260.0))).tests if test.name == "length of the record"
    ]
    assert "5.000 years" in found.sentence
    assert "1.000 more years at this ratio would pass this test" in found.sentence


def test_the_benchmark_is_named():
    tests = sweep_verdict.numeric_tests(GOOD, CALM, "a basket of A, B in equal parts, bought once")
    (found,) = [test.sentence for test in tests if test.name == "superiority to buy and hold"]
    assert found.startswith("Against a basket of A, B in equal parts, bought once at equal volatility, p = 0.020")


def test_limits_belong_to_the_good_side():
    overfitting = replace(
        GOOD, deflated=Estimate(0.95), pbo=pbo(0.2, 20), cash=spa(0.05), benchmark=spa(0.05), track=Estimate(1008.0)
    )
    assert verdict(overfitting).skill


def test_a_plateau_of_good_trials_passes_whatever_their_ranking():
    plateau = pbo(0.5, loss=0.05, retained=0.3)
    assert verdict(replace(GOOD, pbo=plateau)).skill
    assert not verdict(replace(GOOD, pbo=pbo(0.5, loss=0.05, retained=0.29))).skill


def test_sentences_hold_their_numbers():
    sentences = {test.name: test.sentence for test in verdict().tests}
    year = 252.0**0.5
    for part in (
        f"{0.1 * year:.3f}",
        f"{0.05 * year:.4f}",
        "200 trials, 50 of them before this sweep",
        "0.9700",
        "0.95",
    ):
        assert part in sentences["deflated Sharpe ratio"]
    for part in ("10.00 %", "12,870 ways", "20.00 %", "3.750 %", "25.00 %", "30.00 %"):
        assert part in sentences["backtest overfitting"]
    assert "0.010" in sentences["superiority to cash"]
    assert "0.123" in sentences["superiority to cash"]
    for part in ("3.175 years", "4.000", "3.250 years"):
        assert part in sentences["length of the record"]
    assert "earned 5.000 % more in all than the account untraded" in sentences["doubled costs"]
    alone = {test.name: test.sentence for test in verdict(replace(GOOD, scored=1, prior=0)).tests}
    assert "(1 trial)" in alone["deflated Sharpe ratio"]


def test_what_is_dumped_is_plain():
    result = verdict().dump()
    assert result["headline"] == sweep_verdict.SKILL
    assert result["tests"][0]["passed"] is True


@pytest.mark.parametrize(("is_constrained", "text"), [(True, "meets the constraints"), (False, "has the objective")])
def test_without_a_winner_there_is_no_verdict_of_skill(is_constrained, text):
    result = sweep_verdict.without_winner({"done": 3, "failed": 1}, is_constrained)
    assert result.headline == sweep_verdict.NO_WINNER
    assert not result.skill
    assert result.tests == ()
    assert text in result.sentence
    assert "3 done, 1 failed" in result.sentence


def test_every_cost_is_doubled():
    broker = BrokerSpec(
        commission=0.001,
        commission_per_unit=0.01,
        commission_minimum=1.5,
        slippage=0.002,
        short_interest=0.6,
        impact={"kind": "volume_share", "coefficient": 0.2},
    )
    doubled = broker.with_costs(2)
    assert (doubled.commission, doubled.commission_per_unit, doubled.commission_minimum) == (0.002, 0.02, 3.0)
    assert (doubled.slippage, doubled.short_interest, doubled.impact.coefficient) == (0.004, 0.99, 0.4)
    rest = {"cash", "slip_out", "lot", "cash_interest"}
    assert {name: getattr(doubled, name) for name in rest} == {name: getattr(broker, name) for name in rest}
    assert BrokerSpec().with_costs(2).impact is None
