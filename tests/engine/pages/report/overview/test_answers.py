"""The five answers of the first screen, on runs of known outcome."""

from dataclasses import replace

import pytest

from core.number_format import money, percent
from engine.ledger.settings import TriedSettings
from engine.pages.report.overview.answers import answers
from engine.results.drawdowns import stretches
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
        f"It gained money. 10,000.00 became {money(final)}, more than the benchmark at the same exposure, "
        f"{percent(skilled.exposure.gross_mean)}."
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
        found = texts(replace(skilled, tried=tried))["Is it luck?"]
        assert found.startswith(words)
        assert ("Deflated Sharpe ratio: 0.5000; 0.95 or more is needed." in found) == ("after" in words)


def test_costs_and_losses_are_those_of_the_account(noise):
    found = texts(noise)
    assert f"{money(noise.costs.total)} in {len(noise.result.fills)} fills." in found["What did it cost?"]
    worst = next(item.value for item in noise.measures["strategy"] if item.name == "max_drawdown")
    assert f"{percent(-worst)} below a high, at worst." in found["What could it lose?"]
    before = noise.result.equity["equity"].iloc[-1] - 10_000 + noise.costs.total
    word = "lost" if before < 0 else "earned"
    assert f"Before costs the account {word} {money(abs(before))}." in found["What did it cost?"]


def test_the_drawdown_that_is_not_recovered_says_so(noise):
    found = texts(noise)["What could it lose?"]
    drawdowns = stretches(noise.daily["strategy"])
    deepest = drawdowns.loc[drawdowns["depth"].idxmin()]
    assert ("is not recovered" in found) == (
        bool(deepest.isna()["end"]) or bool(drawdowns.loc[drawdowns["sessions"].idxmax()].isna()["end"])
    )
    assert f"{deepest['sessions']:,} sessions" in found


def test_a_position_that_grew_beyond_the_cap_is_among_the_losses(noise):
    grown = replace(noise, cap=replace(noise.cap, closes_above=3, largest_close=0.4968))
    assert "A position grew to 49.68 % of the account." in texts(grown)["What could it lose?"]


def test_one_kind_of_cost_is_all_of_it(noise):
    money_of = {kind: 5.0 if kind == "commission" else 0.0 for kind in noise.costs.money}
    paid = replace(noise, costs=replace(noise.costs, money=money_of))
    assert "All of it is commission." in texts(paid)["What did it cost?"]


def test_trust_names_each_fault(noise):
    assert texts(noise)["Can I trust it?"].startswith("No fault was found. Fills, inputs and cap are right.")
    leak = Check("L10", "fills after decisions", "leak", 1, "x")
    assert texts(replace(noise, checks=(leak,)))["Can I trust it?"].startswith(
        "Not as it stands. Fills after decisions: the future was used."
    )
    broken = replace(noise, cap=replace(noise.cap, breaches=2))
    assert "2 breaches of the cap" in texts(broken)["Can I trust it?"]
    warned = replace(noise, market=replace(noise.market, warnings=("volume is 0",)))
    assert texts(warned)["Can I trust it?"].startswith("No fault was found. But read 1 warning on the data.")


def test_a_run_without_trades_says_so(make_outcome):
    run = make_outcome(bars=200)
    empty = replace(run.result, trades=run.result.trades.iloc[:0], fills=run.result.fills.iloc[:0])
    found = texts(replace(run, result=empty))
    assert "there was no trade" in found["Can I trust it?"].lower()
