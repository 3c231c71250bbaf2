"""Pictures of returns, and the returns of calendar periods that they show."""

import numpy as np
import pandas as pd
import pytest

from engine.pages.period_returns import compounded, monthly_table, yearly
from engine.pages.return_charts import draw_distribution, draw_quantiles, draw_worst, draw_yearly, log_ticks
from engine.pages.rolling_figures import rolling_beta


def test_the_yearly_bars_stand_at_their_ticks():
    years = pd.DataFrame({"strategy": [0.1, -0.2, 0.3], "benchmark": [0.2, 0.1, -0.1]}, index=[2001, 2002, 2003])
    axis = draw_yearly(years).axes[0]
    ticks = dict(zip([label.get_text() for label in axis.get_xticklabels()], axis.get_xticks(), strict=True))
    assert list(ticks) == ["2001", "2002", "2003"]
    for bars, side, column in zip(axis.containers, (-1, 1), years, strict=True):
        for bar, (year, value) in zip(bars, years[column].items(), strict=True):
            assert bar.get_height() == value
            centre = bar.get_x() + bar.get_width() / 2
            assert 0 < side * (centre - ticks[str(year)]) < 0.5


def test_many_years_keep_every_bar_and_readable_ticks():
    years = pd.DataFrame({"a": np.ones(60), "b": np.ones(60)}, index=range(1960, 2020))
    axis = draw_yearly(years).axes[0]
    assert len(axis.patches) == 120
    assert len(axis.get_xticks()) <= 12


def test_periods_are_compounded_once_each_also_when_they_end_on_a_weekend():
    index = pd.bdate_range("2023-09-01", "2023-12-29")  # September and December end on a Saturday and a Sunday
    returns = pd.Series(0.01, index=index)
    months = compounded(returns, "ME")
    assert months.tolist() == pytest.approx([1.01**n - 1 for n in (21, 22, 22, 21)])
    axis = draw_quantiles(returns, "day").axes[0]
    names = [label.get_text() for label in axis.get_xticklabels()]
    assert names == ["Daily (86)", "Weekly (18)", "Monthly (4)", "Quarterly (2)", "Yearly (1)"]


def test_months_outside_the_run_are_empty_not_zero():
    returns = pd.Series([0.1, 0.0], index=pd.to_datetime(["2023-11-30", "2024-02-01"]))
    found = monthly_table(returns)
    assert found.loc[2023, 11] == pytest.approx(0.1)
    assert found.loc[2024, 2] == 0.0
    assert int(found.isna().sum().sum()) == 22


def test_the_rolling_beta_begins_with_the_first_full_window():
    rng = np.random.default_rng(1)
    benchmark = pd.Series(rng.normal(size=50), index=pd.bdate_range("2024-01-01", periods=50))
    found = rolling_beta(0.3 * benchmark, benchmark, 20)
    assert len(found) == 31
    assert found.to_numpy() == pytest.approx(0.3)


def test_the_distribution_is_of_shares():
    sample = pd.Series([0.0, 0.01, 0.02, 0.03])
    axis = draw_distribution({"a": sample, "b": sample}).axes[0]
    outline = next(patch for patch in axis.patches if patch.get_label() == "a")
    assert outline.get_data().values.sum() == pytest.approx(1.0)


@pytest.mark.parametrize(("low", "high"), [(0.95, 1.2), (0.5, 80.0), (1e-9, 2.0)])
def test_log_ticks_lie_inside(low, high):
    ticks = log_ticks(low, high)
    assert 2 <= len(ticks) <= 25
    assert all(low <= tick <= high for tick in ticks)


def test_years_are_compounded():
    days = pd.bdate_range("2020-06-01", "2022-03-01")
    returns = pd.Series(np.random.default_rng(1).normal(0, 0.01, len(days)), index=days)
    for year, found in yearly(returns.to_frame("x"))["x"].items():
        assert found == pytest.approx((1 + returns[returns.index.year == year]).prod() - 1, rel=1e-12)


def test_the_deepest_drawdowns_are_shaded_not_the_longest():
    returns = pd.Series([-0.3, 0.5, *[-0.001] * 50, 0.2], index=pd.bdate_range("2024-01-01", periods=53))
    spans = draw_worst(returns, count=1).axes[0].patches
    assert len(spans) == 1
    from matplotlib import dates

    assert dates.num2date(spans[0].get_x()).strftime("%F") == "2024-01-01"
