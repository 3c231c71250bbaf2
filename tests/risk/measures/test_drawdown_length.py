"""Length, recovery and mean depth of drawdowns, against hand-worked and brute-force ones."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import DataError
from risk.measures.average_drawdown import average_drawdown
from risk.measures.longest_drawdown import longest_drawdown
from risk.measures.max_drawdown import max_drawdown
from risk.measures.recovery_time import recovery_time


def exact(*values):
    """Returns as powers of two make them: wealth comes back to its peak without rounding."""
    path = np.array([1.0, *values])
    return path[1:] / path[:-1] - 1.0


def by_loop(returns):
    """Every drawdown as (depth, sessions below the peak, sessions from the valley or None), counted one by one."""
    wealth = 1.0
    peak = 1.0
    begun = -1
    low = 1.0
    at = -1
    drawdowns = []
    for row, simple_return in enumerate(returns):
        wealth *= 1 + simple_return
        if wealth >= peak:
            if begun >= 0:
                drawdowns.append((low / peak - 1, row - begun, row - at))
            peak = wealth
            begun = -1
        elif begun < 0:
            begun = row
            low = wealth
            at = row
        elif wealth < low:
            low = wealth
            at = row
    if begun >= 0:
        drawdowns.append((low / peak - 1, len(returns) - begun, None))
    return drawdowns


def test_by_hand():
    # Down 1 to 0.5 and back: one session below, one from the valley. Then 2 to 0.5, 0.25, 1, 2: three and two.
    returns = exact(0.5, 1, 2, 0.5, 0.25, 1, 2, 4)
    assert average_drawdown(returns).value == (-0.5 - 0.875) / 2
    assert longest_drawdown(returns).value == 3.0
    assert recovery_time(returns).value == 2.0


def test_a_drawdown_that_is_not_over_counts_to_the_end_and_says_so():
    estimate = longest_drawdown(exact(2, 1, 1, 1))
    assert (estimate.value, estimate.flags) == (3.0, ("not recovered by the end",))
    assert recovery_time(exact(2, 1, 1, 1)).reason == "the maximum drawdown was not recovered by the end"


def test_a_recovered_one_is_not_flagged_because_another_is_open():
    estimate = longest_drawdown(exact(0.5, 0.5, 0.5, 1, 0.5))
    assert (estimate.value, estimate.flags) == (3.0, ())
    assert recovery_time(exact(0.25, 0.5, 1, 0.5)).value == 2.0


def test_gains_alone_have_no_drawdown():
    assert average_drawdown([0.1, 0.0, 0.2]).value == 0.0
    assert longest_drawdown([0.1, 0.0, 0.2]).value == 0.0
    assert recovery_time([0.1, 0.0, 0.2]).reason == "there is no drawdown to recover from"


def test_a_ruin_is_never_recovered():
    assert average_drawdown([0.1, -1.0, 0.5]).value == -1.0
    assert longest_drawdown([0.1, -1.0, 0.5]).flags == ("not recovered by the end",)


@pytest.mark.parametrize("measure", [average_drawdown, longest_drawdown, recovery_time])
def test_what_cannot_be_measured(measure):
    assert measure([]).reason == "needs 1 or more returns, has 0"
    assert measure([-0.5, 1e200, 1e200, -0.5]).reason == "the returns are too large to compute with"
    with pytest.raises(DataError, match="returns must be finite"):
        measure([0.1, np.nan])


@given(st.lists(st.sampled_from([-0.75, -0.5, 0.0, 1.0, 3.0]), min_size=1, max_size=40))
def test_against_a_loop(returns):
    # Powers of two: the wealth is exact, and so is the session that reaches the peak again.
    falls = by_loop(returns)
    assert average_drawdown(returns).value == pytest.approx(np.mean([fall[0] for fall in falls]) if falls else 0.0)
    assert longest_drawdown(returns).value == max((fall[1] for fall in falls), default=0)
    deepest = min(falls, key=lambda fall: fall[0], default=(0.0, 0, None))
    assert max_drawdown(returns).value == deepest[0]
    assert recovery_time(returns).value == deepest[2]
