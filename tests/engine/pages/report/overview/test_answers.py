"""The five answers of the first screen, on runs of known outcome."""

from dataclasses import replace

import pytest

from core.number_format import money, percent
from engine.ledger.settings import TriedSettings
from engine.pages.report.overview.answers import answers
from risk.measures.base import Estimate
from signals.leaks.check_result import Check


def texts(outcome):
    return {answer.question: f"{answer.first} {answer.rest}" for answer in answers(outcome)}


@pytest.fixture(scope="module")
def skilled(make_outcome):
    return make_outcome(bars=820, skill=1.0)


@pytest.fixture(scope="module")
def noise(make_outcome):
    return make_outcome(bars=820)


def test_a_run_that_knew_the_future_gained_and_not_by_luck(skilled):
    found = texts(skilled)
    final = skilled.result.equity["equity"].iloc[-1]
    assert found["Did it work?"] == (
        f"It gained money. 10,000.00 became {money(final)}, more than the benchmark at the same exposure."
    )
    assert found["Is it luck?"].startswith("Luck alone rarely looks so good. Fewer than 1 of 1,000 records")


def test_noise_is_not_called_skill(noise):
    found = texts(noise)
    assert not found["Is it luck?"].startswith("Luck alone rarely")
    lost = noise.result.equity["equity"].iloc[-1] < 10_000
    assert found["Did it work?"].startswith("It lost money." if lost else "It gained money.")


def test_many_tries_may_explain_what_one_would_not(skilled):
    for count, deflated, words in (
        (1, 0.5, "Luck alone"),
        (900, 0.99, "Luck alone"),
        (900, 0.5, "Luck may explain it after 900 tries."),
    ):
        tried = TriedSettings(count, is_new=True, variance=0.1, deflated=Estimate(deflated))
        assert texts(replace(skilled, tried=tried))["Is it luck?"].startswith(words)


def test_costs_and_losses_are_those_of_the_account(noise):
    found = texts(noise)
    assert f"{money(noise.costs.total)} in {len(noise.result.fills)} fills." in found["What did it cost?"]
    worst = next(item.value for item in noise.measures["strategy"] if item.name == "max_drawdown")
    assert f"{percent(-worst)} below a high, at worst." in found["What could it lose?"]


def test_trust_names_each_fault(noise):
    assert texts(noise)["Can I trust it?"].startswith("Its checks are clean. Fills, inputs and cap without a fault.")
    leak = Check("L10", "fills after decisions", "leak", 1, "x")
    assert texts(replace(noise, checks=(leak,)))["Can I trust it?"].startswith(
        "Not as it stands. Fills after decisions: the future was used."
    )
    broken = replace(noise, cap=replace(noise.cap, breaches=2))
    assert "2 breaches of the cap" in texts(broken)["Can I trust it?"]
    warned = replace(noise, market=replace(noise.market, warnings=("volume is 0",)))
    assert texts(warned)["Can I trust it?"].startswith("Its checks are clean. But 1 warning on the data.")


def test_a_run_without_trades_says_so(make_outcome):
    run = make_outcome(bars=200)
    empty = replace(run.result, trades=run.result.trades.iloc[:0], fills=run.result.fills.iloc[:0])
    found = texts(replace(run, result=empty))
    assert "there was no trade" in found["Can I trust it?"].lower()
