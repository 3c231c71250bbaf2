"""Every condition of the verdict alone decides it, and its sentence holds its numbers."""

from dataclasses import replace
from types import SimpleNamespace

import pytest

from engine.sweep.judgement import assess, sweep_verdict
from engine.sweep.judgement.overfitting_tests import OverfittingTests
from engine.sweep.judgement.sweep_verdict import Stress
from risk.costs import BrokerSpec
from risk.measures.base import Estimate

NAMES = (
    "deflated Sharpe ratio",
    "backtest overfitting",
    "superior to cash",
    "superior to buy and hold",
    "length of the record",
    "with doubled costs",
    "a bar late",
    "no leak",
)


def spa(consistent, reason=""):
    return SimpleNamespace(consistent=consistent, reality_check=0.123, reason=reason)


def pbo(value=0.1, trials=200):
    return SimpleNamespace(pbo=value, splits=12870, trials=trials)


GOOD = OverfittingTests(
    scored=150,
    earlier=50,
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


def verdict(luck=GOOD, stress=CALM, clean=True, said="no leak found"):
    return sweep_verdict.judged((*sweep_verdict.by_numbers(luck, stress), sweep_verdict.leak_test(said, clean)))


def test_all_together_are_skill():
    found = verdict()
    assert found.skill
    assert [test.name for test in found.tests] == list(NAMES)
    assert all(test.passed is True for test in found.tests)
    assert found.headline == sweep_verdict.SKILL
    assert "8" in found.sentence


BAD = {
    "deflated": ("deflated Sharpe ratio", {"luck": replace(GOOD, deflated=Estimate(0.9499))}, False, "0.9499"),
    "deflated unknown": (
        "deflated Sharpe ratio",
        {"luck": replace(GOOD, deflated=Estimate(None, "the returns do not vary"))},
        None,
        "unknown (the returns do not vary)",
    ),
    "pbo": ("backtest overfitting", {"luck": replace(GOOD, pbo=pbo(0.2001))}, False, "20.01 %"),
    "few for pbo": ("backtest overfitting", {"luck": replace(GOOD, pbo=pbo(0.0, 19))}, None, "19 are too few"),
    "no pbo": ("backtest overfitting", {"luck": replace(GOOD, pbo=None)}, None, "too few trials"),
    "cash": ("superior to cash", {"luck": replace(GOOD, cash=spa(0.0501))}, False, "p = 0.050"),
    "no cash": ("superior to cash", {"luck": replace(GOOD, cash=spa(None, "flat"))}, None, "nothing to test: flat"),
    "benchmark": ("superior to buy and hold", {"luck": replace(GOOD, benchmark=spa(0.4))}, False, "p = 0.4"),
    "record": ("length of the record", {"luck": replace(GOOD, track=Estimate(1008.5))}, False, "4.002 years"),
    "no record": (
        "length of the record",
        {"luck": replace(GOOD, track=Estimate(None, "not above the benchmark"))},
        False,
        "not above the benchmark",
    ),
    "costs": ("with doubled costs", {"stress": replace(CALM, doubled_costs=0.0)}, False, "earned 0 %"),
    "ruined": ("with doubled costs", {"stress": replace(CALM, doubled_costs=None)}, False, "was ruined"),
    "late": ("a bar late", {"stress": replace(CALM, one_bar_late=-0.0123)}, False, "-1.230 %"),
    "leak": ("no leak", {"clean": False, "said": "a leak in sma"}, False, "a leak in sma"),
    "no battery": ("no leak", {"clean": None}, None, "was not run"),
}


@pytest.mark.parametrize("name", BAD)
def test_each_alone_flips_the_verdict(name):
    test, changes, passed, said = BAD[name]
    found = verdict(**changes)
    assert not found.skill
    assert found.headline == sweep_verdict.NOTHING
    assert [each.name for each in found.tests if not each.passed] == [test]
    (own,) = (each for each in found.tests if each.name == test)
    assert own.passed is passed
    assert said in own.sentence
    assert found.sentence == f"No evidence of skill: 7 of 8 tests passed; not passed: {test}."


def test_limits_belong_to_the_good_side():
    luck = replace(
        GOOD, deflated=Estimate(0.95), pbo=pbo(0.2, 20), cash=spa(0.05), benchmark=spa(0.05), track=Estimate(1008.0)
    )
    assert verdict(luck).skill


def test_sentences_hold_their_numbers():
    told = {test.name: test.sentence for test in verdict().tests}
    year = 252.0**0.5
    for part in (f"{0.1 * year:.3f}", f"{0.05 * year:.4f}", "200 trials, 50 of them in other sweeps", "0.9700", "0.95"):
        assert part in told["deflated Sharpe ratio"]
    for part in ("10.00 %", "12,870 ways", "20.00 %"):
        assert part in told["backtest overfitting"]
    assert "0.010" in told["superior to cash"]
    assert "0.123" in told["superior to cash"]
    for part in ("3.175 years", "4.000", "3.250 years"):
        assert part in told["length of the record"]
    assert "earned 5.000 %" in told["with doubled costs"]
    alone = {test.name: test.sentence for test in verdict(replace(GOOD, scored=1, earlier=0)).tests}
    assert "(1 trial)" in alone["deflated Sharpe ratio"]


def test_what_is_dumped_is_plain():
    found = verdict().dump()
    assert found["headline"] == sweep_verdict.SKILL
    assert found["tests"][0]["passed"] is True


@pytest.mark.parametrize(("constrained", "said"), [(True, "meets the constraints"), (False, "has the objective")])
def test_without_a_winner_there_is_no_verdict_of_skill(constrained, said):
    found = sweep_verdict.without_winner({"done": 3, "failed": 1}, constrained)
    assert found.headline == sweep_verdict.NO_WINNER
    assert not found.skill
    assert found.tests == ()
    assert said in found.sentence
    assert "3 done, 1 failed" in found.sentence


def test_every_cost_is_doubled():
    broker = BrokerSpec(
        commission=0.001,
        commission_per_unit=0.01,
        commission_minimum=1.5,
        slippage=0.002,
        short_interest=0.6,
        impact={"kind": "volume_share", "coefficient": 0.2},
    )
    found = assess._doubled(broker)
    assert (found.commission, found.commission_per_unit, found.commission_minimum) == (0.002, 0.02, 3.0)
    assert (found.slippage, found.short_interest, found.impact.coefficient) == (0.004, 0.99, 0.4)
    rest = {"cash", "slip_out", "lot", "cash_interest"}
    assert {name: getattr(found, name) for name in rest} == {name: getattr(broker, name) for name in rest}
    assert assess._doubled(BrokerSpec()).impact is None
