import math

import pytest
from pydantic import ValidationError

from risk.costs import BrokerSpec


def test_defaults():
    assert BrokerSpec().dump() == {
        "cash": 10_000.0,
        "commission": 0.001,
        "slippage": 0.0005,
        "slip_out": True,
        "lot": 0.0,
        "short_interest": 0.03,
    }


@pytest.mark.parametrize("name", ["commission", "slippage", "short_interest"])
@pytest.mark.parametrize(
    ("given", "message"),
    [
        (5, "at least 0 and below 1; for 5 % write 0.05"),
        (1, "at least 0 and below 1"),
        (-0.001, "at least 0 and below 1$"),
    ],
)
def test_rates_that_cannot_be_are_refused(name, given, message):
    with pytest.raises(ValidationError) as caught:
        BrokerSpec.parse({name: given})
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
