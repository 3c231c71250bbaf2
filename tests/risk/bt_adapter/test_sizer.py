import re
from types import SimpleNamespace

import backtrader as bt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import ConfigError
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
    refusals = []
    play(FLAT, script={0: lambda s: refusals.append(s.sizer.refusal(s.data))}, sizer=(RiskRuleSizer, {"lot": 10.0}))
    assert refusals == ["size 0: the rule allows 2 units, the lot is 10"]


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


# --- mode stop


def test_mode_stop_sizes_by_the_loss_at_the_stop(play):
    # 20 may be lost: 5 a unit of a stop 5 % away
    assert sized(play, {0: lambda s: s.buy()}, mode="stop", stop=0.05, base=0.002, cap=0.5) == [pytest.approx(4.0)]
    assert sized(play, {0: lambda s: s.sell()}, mode="stop", stop=0.05, base=0.002, cap=0.5) == [pytest.approx(-4.0)]


def test_a_stop_is_a_part_of_the_price_or_a_distance_from_a_callable(play):
    sizes = sized(play, {0: lambda s: s.buy()}, mode="stop", stop=lambda strategy, data: 2.0, base=0.002, cap=0.5)
    assert sizes == [pytest.approx(10.0)]


def test_the_cap_wins_in_mode_stop(play):
    assert sized(play, {0: lambda s: s.buy()}, mode="stop", stop=0.05) == [5.0]


def test_the_costs_that_the_broker_is_set_to_count(play):
    broker = RiskBroker()
    broker.set_slippage_perc(0.01, slip_out=True)
    info = bt.CommissionInfo(commission=0.01)
    parameters = {"mode": "stop", "stop": 0.05, "base": 0.002, "cap": 0.5}
    run = play(FLAT, script={0: lambda s: s.buy()}, sizer=(RiskRuleSizer, parameters), broker=broker, info=info)
    entry = 101.0
    exit_price = 95.0 * 0.99
    assert run.fills[0][2] == pytest.approx(20.0 / (entry - exit_price + 0.01 * (entry + exit_price)))


def test_the_opposite_side_gets_what_is_held_and_a_new_position_in_mode_stop(play):
    script = {0: lambda s: s.buy(size=3), 1: lambda s: s.sell()}
    assert sized(play, script, mode="stop", stop=0.05, base=0.002, cap=0.5) == [3, pytest.approx(-7.0)]


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"mode": "kelly"}, "RiskRuleSizer: mode='kelly'; known: notional, stop"),
        ({"mode": "stop"}, "RiskRuleSizer: mode='stop' needs stop: a part of the price, such as 0.05, or a callable"),
        ({"mode": "stop", "stop": -0.05}, "RiskRuleSizer: stop is -5 away from 100; it must lie on the losing side"),
        ({"mode": "stop", "stop": 0.0}, "it must lie on the losing side"),
    ],
)
def test_what_cannot_be_sized_is_one_line(play, parameters, message):
    with pytest.raises(ConfigError, match=re.escape(message)):
        play(FLAT, script={0: lambda s: s.buy()}, sizer=(RiskRuleSizer, parameters))
