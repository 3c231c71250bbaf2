"""Drawdowns against hand-worked and brute-force ones."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.results.drawdowns import stretches, under_water
from risk.measures.longest_drawdown import longest_drawdown


def series(*returns):
    return pd.Series(returns, index=pd.bdate_range("2024-01-01", periods=len(returns)), dtype=float)


def test_a_first_loss_counts_from_a_wealth_of_one():
    assert under_water(series(-0.5, 1.0, -0.2)).tolist() == pytest.approx([-0.5, 0.0, -0.2])


def test_stretches_by_hand():
    found = stretches(series(0.1, -0.5, 0.0, 1.0, 0.1, -0.1))
    assert found["start"].tolist() == [pd.Timestamp("2024-01-02"), pd.Timestamp("2024-01-08")]
    assert found["valley"].tolist() == [pd.Timestamp("2024-01-02"), pd.Timestamp("2024-01-08")]
    assert found["end"].iloc[0] == pd.Timestamp("2024-01-04")
    assert pd.isna(found["end"].iloc[1])
    assert found["depth"].tolist() == pytest.approx([-0.5, -0.1])
    assert found["sessions"].tolist() == [2, 1]  # the third return is at the peak again; one below it so far


def test_no_loss_has_no_stretch_but_all_columns():
    found = stretches(series(0.1, 0.0))
    assert found.empty
    assert list(found.columns) == ["start", "valley", "end", "depth", "sessions"]


@given(st.lists(st.sampled_from([-0.03, -0.01, 0.0, 0.01, 0.02]), min_size=1, max_size=60))
def test_under_water_against_a_loop(returns):
    wealth, high, expected = 1.0, 1.0, []
    for each in returns:
        wealth *= 1 + each
        high = max(high, wealth)
        expected.append(wealth / high - 1)
    water = under_water(series(*returns))
    np.testing.assert_allclose(water, expected, atol=1e-12)
    below = int((water < 0).sum())
    found = stretches(series(*returns))
    assert len(found) <= below
    assert found["depth"].min() == water.min() if below else found.empty


@given(st.lists(st.sampled_from([-0.03, -0.01, 0.0, 0.01, 0.02]), min_size=1, max_size=60))
def test_sessions_below_the_peak_are_counted_on_every_page_and_in_every_measure(returns):
    wealth, peak, below, lengths = 1.0, 1.0, 0, []
    for each in returns:  # a counter that runs below the peak, and is kept when the peak is reached again
        wealth *= 1 + each
        if wealth < peak:
            below += 1
        else:
            lengths += [below] * (below > 0)
            peak, below = wealth, 0
    lengths += [below] * (below > 0)
    assert stretches(series(*returns))["sessions"].tolist() == lengths
    assert longest_drawdown(returns).value == max(lengths, default=0)
