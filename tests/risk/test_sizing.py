import ast
import inspect

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from risk import sizing
from risk.sizing import lot_floor, risk_money, rule_units
from risk.spec import RiskSpec

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
    ("wanted", "lot", "expected"),
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
def test_lots_by_hand(wanted, lot, expected):
    assert lot_floor(wanted, lot) == expected


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
    whole = rule_units(confidence, account, price, base, cap, 1.0)
    free = rule_units(confidence, account, price, base, cap, 0.0)
    assert whole == int(whole)
    assert whole <= free
    assert free - whole <= max(1.0, free * 1e-12)


@given(units, lots)
def test_lots_are_whole_and_not_above_the_input(wanted, lot):
    found = lot_floor(wanted, lot)
    assert 0.0 <= found <= wanted
    if lot and wanted / lot < 2**53:
        assert found == round(found / lot) * lot
        assert (round(found / lot) + 1) * lot > wanted
        assert lot_floor(found, lot) == found


@given(st.integers(1, 10**9), st.floats(1e-6, 1e4))
def test_a_whole_number_of_lots_stays(count, lot):
    assert lot_floor(count * lot, lot) == count * lot


def test_the_rule_uses_only_what_compiles_to_the_same_bits():
    tree = ast.parse(inspect.getsource(sizing))
    bodies = [node for item in tree.body if isinstance(item, ast.FunctionDef) for node in ast.walk(item)]
    called = {node.func.id for node in bodies if isinstance(node, ast.Call)}
    assert called == {"min", "int", "lot_floor", "risk_money"}
    assert not [node for node in bodies if isinstance(node, ast.Pow | ast.Attribute | ast.Subscript)]


def test_defaults_are_the_two_and_five_percent_rule():
    assert RiskSpec().dump() == {"base": 0.02, "cap": 0.05, "mode": "notional", "cap_at": "signal"}


def test_a_base_above_the_cap_is_legal():
    assert RiskSpec.parse({"base": 0.95, "cap": 0.05}).base == 0.95


@pytest.mark.parametrize("field", ["base", "cap"])
@pytest.mark.parametrize(
    ("given", "message"),
    [
        (2, "above 0 and at most 1; for 2 % write 0.02"),
        (2.5, "above 0 and at most 1; for 2.5 % write 0.025"),
        (250, "above 0 and at most 1"),
        (0, "above 0 and at most 1"),
        (-0.02, "above 0 and at most 1"),
        ("0.02", "valid number"),
        (True, "valid number"),
    ],
)
def test_shares_that_cannot_be_are_refused(field, given, message):
    with pytest.raises(ValidationError, match=message):
        RiskSpec.parse({field: given})


def test_other_modes_are_refused():
    with pytest.raises(ValidationError, match="should be 'notional'"):
        RiskSpec.parse({"mode": "kelly"})
