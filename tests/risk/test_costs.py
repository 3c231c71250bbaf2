import math

import pytest
from pydantic import ValidationError

from risk.costs import BrokerSpec, CostTerms, VolumeShare, commission, idle_cash, impact_fraction


def test_defaults():
    assert BrokerSpec().dump() == {
        "cash": 10_000.0,
        "commission": 0.001,
        "commission_per_unit": 0.0,
        "commission_minimum": 0.0,
        "slippage": 0.0005,
        "slip_out": True,
        "impact": None,
        "lot": 0.0,
        "short_interest": 0.03,
        "cash_interest": 0.0,
        "delisting": "close_at_last",
    }


@pytest.mark.parametrize("name", ["commission", "slippage", "short_interest", "cash_interest"])
@pytest.mark.parametrize(
    ("value", "message"),
    [
        (5, "at least 0 and below 1; for 5 % write 0.05"),
        (1, "at least 0 and below 1"),
        (-0.001, "at least 0 and below 1$"),
    ],
)
def test_rates_that_cannot_be_are_refused(name, value, message):
    with pytest.raises(ValidationError) as caught:
        BrokerSpec.parse({name: value})
    (error,) = caught.value.errors()
    assert error["loc"] == (name,)
    with pytest.raises(ValueError, match=message):
        raise ValueError(error["msg"])


@pytest.mark.parametrize("cash", [0, -1.0])
def test_cash_must_be_above_zero(cash):
    with pytest.raises(ValidationError, match=r"cash\n +Input should be greater than 0"):
        BrokerSpec.parse({"cash": cash})


@pytest.mark.parametrize("cash", [math.inf, math.nan])
def test_cash_must_be_finite(cash):
    with pytest.raises(ValidationError, match=r"cash\n +Input should be a finite number"):
        BrokerSpec(cash=cash)


def test_lots_are_not_negative():
    with pytest.raises(ValidationError, match=r"lot\n +Input should be greater than or equal to 0"):
        BrokerSpec.parse({"lot": -1})


def test_unknown_keys_are_refused():
    with pytest.raises(ValidationError, match=r"comission\n +Extra inputs are not permitted"):
        BrokerSpec.parse({"comission": 0.001})


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"commission_per_unit": -1}, "greater than or equal to 0"),
        ({"commission_minimum": -1}, "greater than or equal to 0"),
        ({"impact": {"kind": "square_root"}}, "Input should be 'volume_share'"),
        ({"impact": {"limit": 25}}, "for 25 % write 0.25"),
        ({"impact": {"limit": 0}}, "above 0 and at most 1"),
        ({"impact": {"coefficient": -0.1}}, "greater than or equal to 0"),
    ],
)
def test_costs_that_cannot_be_are_refused(values, message):
    with pytest.raises(ValidationError, match=message):
        BrokerSpec.parse(values)


@pytest.mark.parametrize(
    ("units", "price", "terms", "paid"),
    [
        (10.0, 50.0, (0.001, 0.0, 0.0), 0.5),
        (-10.0, 50.0, (0.001, 0.0, 0.0), 0.5),
        (10.0, 50.0, (0.001, 0.01, 0.0), 0.6),
        (10.0, 50.0, (0.001, 0.01, 1.0), 1.0),
        (0.0, 50.0, (0.001, 0.01, 1.0), 0.0),
    ],
)
def test_commission_by_hand(units, price, terms, paid):
    assert commission(units, price, CostTerms(*terms, 0.0)) == pytest.approx(paid)


@pytest.mark.parametrize(
    ("units", "volume", "moved"),
    [(10.0, 100.0, 0.001), (-10.0, 100.0, 0.001), (200.0, 100.0, 0.1), (1.0, 0.0, 0.1), (0.0, 100.0, 0.0)],
)
def test_impact_by_hand(units, volume, moved):
    assert impact_fraction(units, volume, VolumeShare(coefficient=0.1)) == pytest.approx(moved)


def test_the_proceeds_of_shorts_lie_not_idle():
    assert (idle_cash(1_000.0, 300.0), idle_cash(-5.0, 0.0)) == (700.0, 0.0)
