"""Sessions in a year, holes, the period of a return; annual rates per period; warnings on ratios."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from risk.periods import adjective, calendar, period_rate, periods_per_year
from risk.returns import excess, hardly_vary, warnings_of


@given(st.floats(-0.9, 10.0), st.floats(1.0, 366.0))
def test_the_rate_of_a_period_compounds_to_the_annual_one(annual, periods):
    assert math.log1p(period_rate(annual, periods)) * periods == pytest.approx(math.log1p(annual), abs=1e-9)


def test_a_rate_of_zero_is_zero_in_any_period():
    assert period_rate(0.0, 252.0) == 0.0


def test_excess_returns_are_above_the_rate_of_a_period():
    assert excess(0.01, 252.0, 0.03) == 0.01 - (1.03 ** (1.0 / 252.0) - 1.0)


WEEKDAYS = pd.bdate_range("2015-01-01", "2019-12-31")


def closed_up(days, hole):
    """The days after a hole, moved to its beginning by whole weeks: the same series without it."""
    first, last = hole
    kept = days[(days < first) | (days > last)]
    step = (kept[kept > last][0] - kept[kept < first][-1]).days
    moved = (step - 1) // 7 * 7
    return kept.where(kept < first, kept - pd.Timedelta(days=moved))


@pytest.mark.parametrize("last", ["2016-06-17", "2017-05-05", "2019-03-01"])
@pytest.mark.parametrize(
    "days", [WEEKDAYS, pd.date_range("2015-01-02", "2019-12-27", freq="7D"), pd.date_range("2015-01-01", "2019-12-31")]
)
def test_a_hole_is_no_part_of_a_year(days, last):
    hole = "2016-03-05", last
    with_hole = days[(days < hole[0]) | (days > hole[1])]
    found = calendar(with_hole)
    assert found.periods_per_year == pytest.approx(periods_per_year(closed_up(days, hole)), rel=2e-3)
    assert [(f"{a:%F}" < hole[0], f"{b:%F}" > hole[1]) for a, b in found.holes] == [(True, True)]
    assert found.with_holes < found.periods_per_year or last == "2016-06-17"


def test_a_year_without_bars_by_hand():
    days = WEEKDAYS[WEEKDAYS.year != 2017]
    found = calendar(days)
    assert found.periods_per_year == 260.0
    assert found.with_holes == pytest.approx((len(days) - 1) / (days[-1] - days[0]).days * 365.25)
    assert found.holes == ((pd.Timestamp("2016-12-30"), pd.Timestamp("2018-01-01")),)
    assert calendar(days, 252.0).periods_per_year == 252.0
    assert calendar(days, 252.0).holes == found.holes


@pytest.mark.parametrize("closed", ["2019-04-27/2019-05-06", "2001-09-11/2001-09-16", "2008-09-29/2008-10-05"])
def test_a_week_of_holidays_is_no_hole(closed):
    first, last = closed.split("/")
    days = pd.bdate_range(pd.Timestamp(first) - pd.Timedelta(days=400), pd.Timestamp(last) + pd.Timedelta(days=400))
    assert calendar(days[(days < first) | (days > last)]).holes == ()


@pytest.mark.parametrize("count", [*range(2, 30), 198, 199, 200, 201, 230, 259, 260])
@pytest.mark.parametrize("start", ["2020-01-06", "2020-01-08", "2020-01-10"])
def test_weekdays_of_less_than_a_year_have_one_number(count, start):
    assert periods_per_year(pd.bdate_range(start, periods=count)) == 252.0


@pytest.mark.parametrize(
    ("days", "period"),
    [
        (WEEKDAYS[:7], "day"),
        (WEEKDAYS, "day"),
        (pd.date_range("2020-01-01", periods=9), "day"),
        (pd.date_range("2020-01-03", periods=9, freq="7D"), "week"),
        (pd.date_range("2020-01-01", periods=30, freq="BME"), "month"),
        (pd.date_range("2020-01-01", periods=30, freq="ME"), "month"),
        (pd.date_range("2020-01-01", periods=9, freq="BQE"), "quarter"),
        (pd.date_range("2000-01-01", periods=9, freq="BYE"), "year"),
        (pd.date_range("2020-01-01", periods=30, freq="3D"), "session"),
        (WEEKDAYS[:1], "session"),
    ],
)
def test_the_period_of_a_return_is_the_usual_step(days, period):
    found = calendar(pd.DatetimeIndex(days))
    assert found.period == period
    assert adjective(period) == {"day": "daily", "session": "session"}.get(period, f"{period}ly")


def test_returns_hardly_vary_where_their_annual_ratio_is_impossible():
    rng = np.random.default_rng(0)
    noise = rng.normal(0.0, 0.01, 252)
    noise = (noise - noise.mean()) / noise.std(ddof=1) * 0.01
    edge = 15.0 * 0.01 / math.sqrt(252.0)
    assert not hardly_vary(noise + 0.999 * edge, 252.0)
    assert hardly_vary(noise + 1.001 * edge, 252.0)
    assert hardly_vary(noise - 1.001 * edge, 252.0)
    assert warnings_of(noise[:30], 252.0) == ()
    assert warnings_of(noise[:29], 252.0) == ("fewer than 30 returns",)
