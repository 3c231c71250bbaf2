import ast
import inspect
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from risk import sizing
from risk.costs import CostTerms, commission
from risk.sizing import lot_floor, risk_money, rule_units, stop_units, units_for_loss

shares = st.floats(0.0001, 1.0)
confidences = st.floats(0.0, 1.0)
accounts = st.floats(0.01, 1e12)
prices = st.floats(1e-6, 1e7)
lots = st.sampled_from([0.0, 0.001, 0.01, 0.1, 0.3, 1.0, 7.0, 100.0]) | st.floats(1e-6, 1e4)
units = st.floats(0.0, 1e12)
JUST_ABOVE = 1 + 1e-12


@pytest.mark.parametrize(
    ("confidence", "base", "cap", "money"),
    [
        (1.0, 0.02, 0.05, 200.0),
        (0.5, 0.02, 0.05, 100.0),
        (0.0, 0.02, 0.05, 0.0),
        (1.0, 0.1, 0.05, 500.0),  # the cap wins over a larger base
        (0.25, 0.1, 0.05, 250.0),  # and leaves a small confidence alone
        (1.0, 1.0, 1.0, 10_000.0),
    ],
)
def test_money_by_hand(confidence, base, cap, money):
    assert risk_money(confidence, 10_000.0, base, cap) == money


@pytest.mark.parametrize(
    ("price", "lot", "expected"),
    [
        (30.0, 0.0, 200 / 30),
        (30.0, 1.0, 6.0),
        (50.0, 1.0, 4.0),
        (201.0, 1.0, 0.0),  # one unit costs more than the rule allows
        (30_000.0, 0.001, 0.006),
        (7.0, 10.0, 20.0),
    ],
)
def test_units_by_hand(price, lot, expected):
    assert rule_units(1.0, 10_000.0, price, 0.02, 0.05, lot) == pytest.approx(expected, rel=1e-15)


@pytest.mark.parametrize(
    ("units_before", "lot", "expected"),
    [
        (45.45, 1.0, 45.0),
        (45.45, 0.0, 45.45),
        (0.99, 1.0, 0.0),
        (45.0, 1.0, 45.0),
        (0.3, 0.1, 0.2),  # three lots are 0.30000000000000004, more than was asked for
        (6.06, 0.01, 6.05),  # the quotient is 606, and 606 lots are 6.0600000000000005
        (0.30000000000000004, 0.1, 0.30000000000000004),
        (1e300, 0.01, 1e300),  # floats are coarser than lots
        (5.0, 5e-324, 5.0),
        (-3.0, 1.0, 0.0),
        (-3.0, 0.0, 0.0),
        (float("nan"), 1.0, 0.0),
    ],
)
def test_lots_by_hand(units_before, lot, expected):
    assert lot_floor(units_before, lot) == expected


@pytest.mark.parametrize("confidence", [float("nan"), 0.0, -0.5])
def test_no_opinion_is_no_position(confidence):
    assert rule_units(confidence, 10_000.0, 50.0, 0.02, 0.05, 0.0) == 0.0


@pytest.mark.parametrize("account", [0.0, -100.0, float("nan")])
def test_an_empty_account_buys_nothing(account):
    assert rule_units(1.0, account, 50.0, 0.02, 0.05, 0.0) == 0.0


@pytest.mark.parametrize("price", [0.0, -5.0, float("nan")])
def test_a_price_that_cannot_be_gives_no_units(price):
    assert rule_units(1.0, 10_000.0, price, 0.02, 0.05, 0.0) == 0.0


@given(confidences, accounts, prices, shares, shares, lots)
def test_a_position_is_never_above_base_or_cap(confidence, account, price, base, cap, lot):
    notional = rule_units(confidence, account, price, base, cap, lot) * price
    assert 0.0 <= notional <= base * confidence * account * JUST_ABOVE
    assert notional <= cap * account * JUST_ABOVE


@given(confidences, confidences, accounts, prices, shares, shares, lots)
def test_more_confidence_is_never_a_smaller_position(one, other, account, price, base, cap, lot):
    low, high = sorted((one, other))
    assert rule_units(low, account, price, base, cap, lot) <= rule_units(high, account, price, base, cap, lot)


@given(confidences, accounts, prices, shares, shares)
def test_lots_cost_less_than_one_lot(confidence, account, price, base, cap):
    in_lots = rule_units(confidence, account, price, base, cap, 1.0)
    free = rule_units(confidence, account, price, base, cap, 0.0)
    assert in_lots == int(in_lots)
    assert in_lots <= free
    assert free - in_lots <= max(1.0, free * 1e-12)


@given(units, lots)
def test_lots_are_whole_and_not_above_the_input(units_before, lot):
    rounded = lot_floor(units_before, lot)
    assert 0.0 <= rounded <= units_before
    if lot and units_before / lot < 2**53:
        assert rounded == round(rounded / lot) * lot
        assert (round(rounded / lot) + 1) * lot > units_before
        assert lot_floor(rounded, lot) == rounded


@given(st.integers(1, 10**9), st.floats(1e-6, 1e4))
def test_a_whole_number_of_lots_stays(count, lot):
    assert lot_floor(count * lot, lot) == count * lot


def test_the_rule_uses_only_what_compiles_to_the_same_bits():
    tree = ast.parse(inspect.getsource(sizing))
    bodies = [node for item in tree.body if isinstance(item, ast.FunctionDef) for node in ast.walk(item)]
    called = {node.func.id for node in bodies if isinstance(node, ast.Call)}
    assert called == {
        "min",
        "max",
        "int",
        "abs",
        "float",
        "lot_floor",
        "risk_money",
        "rule_units",
        "stop_units",
        "units_for_loss",
        "_lots_between",
    }
    assert not [node for node in bodies if isinstance(node, ast.Pow | ast.Subscript)]
    read = {node.attr for node in bodies if isinstance(node, ast.Attribute)}
    assert read == {*CostTerms._fields, "mode", "base", "cap"}


# --- mode stop

FREE = CostTerms(0.0, 0.0, 0.0, 0.0)
costs = st.builds(
    CostTerms,
    commission=st.sampled_from([0.0, 0.001, 0.02]),
    commission_per_unit=st.sampled_from([0.0, 0.005, 1.0]),
    commission_minimum=st.sampled_from([0.0, 1.0, 20.0]),
    slippage=st.sampled_from([0.0, 0.0005, 0.01]),
)


def loss_at_stop(units, side, entry, stop, p):
    """Money lost by the words of the docs: the move, slippage at the exit, commission at both ends."""
    exit_price = stop * (1 - side * p.slippage)
    return units * side * (entry - exit_price) + commission(units, entry, p) + commission(units, exit_price, p)


def test_loss_by_hand():
    # 100 lost on a long from 100 with a stop at 95, slippage 1 %: exit at 94.05, 5.95 a unit; 1 % at both ends: 1.9405
    p = CostTerms(0.01, 0.0, 0.0, 0.01)
    assert units_for_loss(100.0, 1, 100.0, 95.0, p) == pytest.approx(100 / (5.95 + 1.9405))
    assert units_for_loss(100.0, -1, 100.0, 105.0, p) == pytest.approx(100 / (6.05 + 1.0 + 1.0605))


def test_a_minimum_commission_counts_at_each_end_where_it_is_more():
    # 10 units lose 50; the rate would be 1.00 and 0.95, the minimum is 2 at each end: 46 is left for the move
    assert units_for_loss(50.0, 1, 100.0, 95.0, CostTerms(0.001, 0.0, 2.0, 0.0)) == pytest.approx(46.0 / 5.0)


def test_a_minimum_may_bind_at_one_end_alone():
    # 10 units move 500; the rate is 10 at the entry, 5 at the stop, where the minimum of 7 is more
    assert units_for_loss(517.0, 1, 100.0, 50.0, CostTerms(0.01, 0.0, 7.0, 0.0)) == pytest.approx(10.0)


@given(
    money=st.floats(0.01, 1e6),
    side=st.sampled_from([1, -1]),
    entry=st.floats(0.5, 1e4),
    distance=st.floats(0.001, 0.5),
    p=costs,
)
def test_the_loss_at_the_stop_is_the_money_and_never_more(money, side, entry, distance, p):
    stop = entry * (1 - side * distance)
    units = units_for_loss(money, side, entry, stop, p)
    assert loss_at_stop(units, side, entry, stop, p) <= money * (1 + 1e-9)
    more = units * (1 + 1e-6) + 1e-9  # it is the largest such size, unless the minimum alone is more than the money
    assert loss_at_stop(more, side, entry, stop, p) > money * (1 - 1e-9)


@pytest.mark.parametrize("stop", [100.0, 101.0, math.nan])
def test_a_stop_on_the_wrong_side_sizes_nothing(stop):
    assert units_for_loss(100.0, 1, 100.0, stop, FREE) == 0.0


@pytest.mark.parametrize("money", [0.0, -1.0, math.nan, 0.5])
def test_no_money_sizes_nothing(money):
    assert units_for_loss(money, 1, 100.0, 95.0, CostTerms(0.0, 0.0, 1.0, 0.0)) == 0.0


def test_the_cap_wins_over_the_loss():
    assert stop_units(200.0, 500.0, 1, 100.0, 95.0, 0.0, FREE) == 5.0
    assert stop_units(20.0, 500.0, 1, 100.0, 95.0, 0.0, FREE) == 4.0


@pytest.mark.parametrize("arguments", [(200.0, 0.0, 1, 100.0, 95.0), (200.0, 500.0, 1, 0.0, 95.0)])
def test_no_account_or_price_sizes_nothing_in_mode_stop(arguments):
    assert stop_units(*arguments, 0.0, FREE) == 0.0


def test_mode_stop_rounds_down_to_lots_and_expects_the_slipped_entry():
    p = CostTerms(0.0, 0.0, 0.0, 0.01)  # entry 101, exit 94.05: 6.95 a unit
    assert stop_units(69.4, 1e9, 1, 100.0, 95.0, 0.0, p) == pytest.approx(69.4 / 6.95)
    assert stop_units(69.4, 1e9, 1, 100.0, 95.0, 1.0, p) == 9.0
