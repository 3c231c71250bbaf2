from types import SimpleNamespace

import backtrader as bt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from risk.bt_adapter import RiskBroker, RiskRuleSizer

QUIET = (100.0, 101.0, 99.0, 100.0)
FLAT = [QUIET] * 4


def sized(play, script, rows=FLAT, **parameters):
    return [fill[2] for fill in play(rows, script=script, sizer=(RiskRuleSizer, parameters)).fills]


def test_from_flat_it_buys_the_rule(play):
    assert sized(play, {0: lambda s: s.buy()}) == [2.0]  # 2 % of 10,000 at 100


def test_the_cap_wins_over_a_larger_base(play):
    assert sized(play, {0: lambda s: s.buy()}, base=0.2, cap=0.05) == [5.0]


@pytest.mark.parametrize("confidence", [0.4, lambda strategy, data: 0.4])
def test_confidence_is_a_number_or_a_callable(play, confidence):
    assert sized(play, {0: lambda s: s.sell()}, confidence=confidence) == [-0.8]


def test_the_callable_is_given_strategy_and_data(play):
    given_to = []
    play(
        FLAT, script={0: lambda s: s.buy()}, sizer=(RiskRuleSizer, {"confidence": lambda *a: given_to.append(a) or 1.0})
    )
    strategy, data = given_to[0]
    assert (isinstance(strategy, bt.Strategy), data._name) == (True, "A")


def test_the_same_side_gets_only_the_difference(play):
    script = {0: lambda s: s.buy(size=0.5), 1: lambda s: s.buy()}
    assert sized(play, script) == [0.5, 1.5]


def test_the_same_side_is_never_reduced_by_the_sizer(play):
    script = {0: lambda s: s.buy(size=7), 1: lambda s: s.buy()}
    assert sized(play, script) == [7]


def test_the_opposite_side_gets_what_is_held_and_a_new_position(play):
    script = {0: lambda s: s.buy(size=3), 1: lambda s: s.sell()}
    assert sized(play, script) == [3, -5.0]


def test_lots_are_rounded_down(play):
    rows = [(30.0, 31.0, 29.0, 30.0)] * 3  # 200 at 30 is 6.67 units
    assert sized(play, {0: lambda s: s.buy()}, rows, lot=1.0) == [6.0]


def test_less_than_a_lot_sends_no_order(play):
    run = play(FLAT, script={0: lambda s: s.buy()}, sizer=(RiskRuleSizer, {"lot": 10.0}))
    assert run.broker.orders == []


def test_the_reason_names_the_rule_and_the_lot(play):
    said = []
    play(FLAT, script={0: lambda s: said.append(s.sizer.refusal(s.data))}, sizer=(RiskRuleSizer, {"lot": 10.0}))
    assert said == ["size 0: the rule allows 2 units, the lot is 10"]


def test_nan_confidence_is_no_opinion(play):
    assert sized(play, {0: lambda s: s.buy()}, confidence=float("nan")) == []


@given(
    confidence=st.floats(0, 1),
    price=st.floats(0.01, 1e5),
    base=st.floats(0.001, 1),
    cap=st.floats(0.001, 1),
    lot=st.sampled_from([0.0, 0.01, 1.0]),
)
def test_the_notional_at_the_close_is_never_above_the_rule(confidence, price, base, cap, lot):
    sizer = RiskRuleSizer(base=base, cap=cap, lot=lot)
    broker = RiskBroker(cash=10_000.0)
    sizer.set(None, broker)

    notional = sizer.opening(SimpleNamespace(close=[price]), confidence) * price
    assert notional <= min(10_000.0 * base * confidence, 10_000.0 * cap) * (1 + 1e-12)
