"""The key figures against their textbook definitions, on ten kinds of series."""

import math

import numpy as np
import pandas as pd
import pytest
import textbook

from engine.pages.report.returns.key_figures import Series, Terms, against, groups
from engine.pages.report.returns.key_formulas import kelly
from risk.periods import calendar

RNG = np.random.default_rng(7)
DAYS = pd.bdate_range("2012-01-02", periods=1000)
NOISE = RNG.normal(0.0004, 0.01, 1000)
WITHOUT_2014 = DAYS[DAYS.year != 2014]
KINDS = {
    "ordinary": (DAYS, NOISE),
    "short": (DAYS[:25], NOISE[:25]),
    "59 days": (DAYS[:59], NOISE[:59] + 0.004),
    "flat": (DAYS[:300], np.zeros(300)),
    "gains only": (DAYS[:300], np.abs(NOISE[:300])),
    "losses only": (DAYS[:300], -np.abs(NOISE[:300])),
    "weekly": (pd.date_range("2008-01-04", periods=500, freq="7D"), NOISE[:500] * 2),
    "monthly": (pd.date_range("1990-01-31", periods=150, freq="BME"), NOISE[:150] * 4),
    "with a hole": (WITHOUT_2014, NOISE[: len(WITHOUT_2014)]),
    "low exposure": (DAYS, np.where(RNG.random(1000) < 0.97, 0.0, NOISE * 0.02)),
    "every day": (pd.date_range("2019-01-01", periods=800), NOISE[:800]),
    "quarterly": (pd.date_range("1960-03-31", periods=120, freq="QE"), NOISE[:120] * 7),
}


@pytest.mark.parametrize("risk_free", [0.0, 0.03])
@pytest.mark.parametrize("kind", KINDS)
def test_every_figure_is_that_of_its_definition(kind, risk_free):
    days, returns = KINDS[kind]
    year = calendar(pd.DatetimeIndex(days))
    terms = Terms(risk_free, year.periods_per_year, year.period)
    rows = [row for group in groups([Series.of(pd.Series(returns, index=days), terms)], terms) for row in group]
    values = textbook.key_figures(
        list(days.to_pydatetime()), returns.tolist(), year.periods_per_year, year.period, risk_free
    )
    assert sorted(label for label, _ in rows) == sorted(values)
    wrong = {
        label: (cells[0], values[label]) for label, cells in rows if not textbook.is_printed(cells[0], values[label])
    }
    assert wrong == {}


@pytest.mark.parametrize("risk_free", [0.0, 0.03])
@pytest.mark.parametrize("kind", ["ordinary", "short", "weekly", "low exposure", "losses only"])
def test_figures_against_the_benchmark(kind, risk_free):
    days, returns = KINDS[kind]
    market = RNG.normal(0.0003, 0.012, len(days)) + 0.5 * returns
    terms = Terms(risk_free, 252.0, "day")
    pair = (Series.of(pd.Series(values, index=days), terms) for values in (returns, market))
    rows = {label.partition(" (")[0]: cells[0] for label, cells in against(*pair)}
    values = textbook.against(returns.tolist(), market.tolist(), 252.0, risk_free)
    names = {"Beta": "beta", "Alpha": "alpha", "Correlation": "correlation", "R²": "r_squared"}
    for label, name in {**names, "Treynor ratio": "treynor"}.items():
        assert textbook.is_printed(rows[label], values[name]), label
    assert len(rows) == 5


def figures(returns, days=None, period="day"):
    terms = Terms(0.0, 252.0, period)
    index = pd.bdate_range("2020-01-01", periods=len(returns)) if days is None else days
    series = Series.of(pd.Series(returns, index=index, dtype=float), terms)
    return {label: cells[0] for group in groups([series], terms) for label, cells in group}


def test_an_account_that_never_traded_has_no_ratio_and_no_ruin():
    rows = figures(np.zeros(300))
    undefined = ("Sharpe", "Recovery factor", "Kelly criterion", "Gain / pain", "Payoff ratio (daily returns)")
    assert {rows[label] for label in undefined} == {"n/a"}
    assert "Risk of ruin" not in rows
    assert rows["Winning days"] == rows["Cumulative return"] == "0 %"


def test_a_loser_has_a_negative_recovery_factor():
    assert figures([0.0, -0.5, 0.25] * 10)["Recovery factor"].startswith("-")
    assert figures([0.25, -0.2, 0.0])["Recovery factor"] == "0"
    assert figures([0.5, -0.2, 0.0])["Recovery factor"] == "1.000"  # + 20 % after a fall of 20 %


def test_the_kelly_multiple_is_where_growth_is_largest():
    rng = np.random.default_rng(2)
    returns = rng.normal(0.0009, 0.007, 500)
    best = kelly(returns)
    grid = np.linspace(best - 1.0, best + 1.0, 2001)
    growth = np.log1p(grid[:, None] * returns).sum(axis=1)
    assert grid[growth.argmax()] == pytest.approx(best, abs=2e-3)
    assert best == pytest.approx(returns.mean() / (returns**2).mean(), rel=0.1)  # for small returns
    assert math.isnan(kelly(np.abs(returns)))
    assert math.isnan(kelly(-np.abs(returns)))


def test_less_than_a_year_is_not_taken_for_one():
    rows = figures([0.01, -0.002] * 30)
    assert (rows["Expected yearly"], rows["CAGR"], rows["Ulcer performance index"]) == ("n/a", "n/a", "n/a")
    assert rows["Expected monthly"] == f"{100 * ((1.01 * 0.998) ** (21 / 2) - 1):.3f} %"


def test_months_are_compounded_for_gain_to_pain():
    days = pd.DatetimeIndex(["2020-01-30", "2020-01-31", "2020-02-03", "2020-03-02"])
    rows = figures([0.1, 0.1, -0.05, 0.02], days)
    assert rows["Gain / pain (months)"] == f"{(0.21 - 0.05 + 0.02) / 0.05:.3f}"
    assert rows["Gain / pain"] == f"{0.17 / 0.05:.3f}"


def test_labels_name_the_period_of_the_returns():
    rows = figures([0.01, -0.01] * 60, pd.date_range("2015-01-02", periods=120, freq="7D"), "week")
    assert {"Best week", "Weekly VaR 95 % (Gaussian)", "Expected weekly", "Winning weeks"} <= set(rows)
    assert not any(word in label.lower() for label in rows for word in ("day", "daily"))


def test_years_with_a_hole_are_those_of_the_calendar():
    days = WITHOUT_2014
    returns = np.full(len(days), 0.0005)
    rows = figures(returns, days)
    since = days > days[-1] - pd.DateOffset(years=3)
    assert rows["Last 3 years (ann.)"] == f"{100 * (1.0005 ** since.sum() ** 1.0) ** (1 / 3) - 100:.3f} %"
