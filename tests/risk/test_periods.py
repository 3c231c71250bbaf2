"""Annual rates per period."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from risk.periods import period_rate
from risk.returns import excess


@given(st.floats(-0.9, 10.0), st.floats(1.0, 366.0))
def test_the_rate_of_a_period_compounds_to_the_annual_one(annual, periods):
    assert math.log1p(period_rate(annual, periods)) * periods == pytest.approx(math.log1p(annual), abs=1e-9)


def test_a_rate_of_zero_is_zero_in_any_period():
    assert period_rate(0.0, 252.0) == 0.0


def test_excess_returns_are_above_the_rate_of_a_period():
    assert excess(0.01, 252.0, 0.03) == 0.01 - (1.03 ** (1.0 / 252.0) - 1.0)
