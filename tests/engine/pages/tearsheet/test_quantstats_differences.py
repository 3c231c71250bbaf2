"""quantstats' figures beside ours: which there are, how far apart, and why."""

import numpy as np
import pandas as pd
import pytest

from engine.pages.tearsheet.quantstats_differences import FIGURES, LEVELLED, Annualisation, compare, quantstats_figure
from engine.pages.tearsheet.write import _load, _quiet
from risk.measure_set import MeasuresSpec, further, headline
from risk.measures.base import Sample

DAYS = pd.bdate_range("2015-01-01", periods=1200)
RNG = np.random.default_rng(9)
MARKET = pd.Series(RNG.normal(0.0004, 0.01, len(DAYS)), index=DAYS)
OWN = pd.Series(np.where(RNG.random(len(DAYS)) < 0.3, 0.0, 0.3 * MARKET + RNG.normal(0, 0.004, len(DAYS))), index=DAYS)
TRADES = RNG.normal(1.0, 10.0, 50)


@pytest.fixture(scope="module")
def stats():
    with _quiet():
        return _load().stats


def compared(stats, per_year=252.0, risk_free=0.0, days=1200):
    own, market = OWN[:days], MARKET[:days]
    told = {"benchmark": market.to_numpy(), "trades": TRADES, "risk_free": risk_free}
    sample = Sample(own.to_numpy(), periods_per_year=per_year, **told)
    spec = MeasuresSpec.parse({"var_methods": ["gaussian"]})
    measures = (*headline(sample, spec), *(item for items in further(sample, spec).values() for item in items))
    terms = Annualisation(risk_free, round(per_year))
    with _quiet():
        return {item.name: item for item in compare(measures, (own, market), terms, per_year, stats)}


def test_every_figure_of_theirs_is_met(stats):
    assert len(compared(stats)) == len(FIGURES) + 4 + 1  # two levels of two tail measures, and the tail ratio
    assert set(LEVELLED) == {"value_at_risk", "expected_shortfall", "tail_ratio"}


def test_what_should_agree_agrees(stats):
    found = compared(stats)
    reasoned = {
        "Hit rate",
        "Win rate",
        "Profit factor",
        "Information ratio",
        "Ulcer index",
        "Probabilistic Sharpe ratio",
    }
    for name, item in found.items():
        if name not in reasoned and not name.startswith(("Value", "Expected")):
            assert (item.differs, item.why, item.ours) == (False, "", item.quantstats), name


@pytest.mark.parametrize("per_year", [252.0, 260.0, 52.18])
@pytest.mark.parametrize("risk_free", [0.0, 0.03])
def test_no_difference_is_without_a_reason(stats, per_year, risk_free):
    for name, item in compared(stats, per_year, risk_free).items():
        assert item.differs == (item.ours != item.quantstats)
        assert bool(item.why) == item.differs, name


def test_a_year_of_a_broken_number_of_sessions_is_a_reason(stats):
    found = compared(stats, 52.18)
    assert found["Sharpe"].why == "quantstats takes 52 sessions a year, a whole number"
    factor = 1 - (52.18 / 52) ** 0.5
    assert float(found["Sharpe"].difference) == pytest.approx(float(found["Sharpe"].quantstats) * factor, rel=1e-3)


def test_alpha_above_a_risk_free_rate_is_another(stats):
    plain, above = compared(stats)["Alpha"], compared(stats, risk_free=0.03)["Alpha"]
    assert not plain.differs
    assert "those above the risk-free rate" in above.why


def test_what_we_do_not_give_has_our_reason(stats):
    growth = compared(stats, days=100)["CAGR"]
    assert (growth.ours, growth.difference, growth.differs) == ("n/a", "n/a", True)
    assert growth.why == "ours has no value: shorter than one year: 100 of 252 returns"


@pytest.mark.parametrize("name", ["value_at_risk_95_ewma", "sqn", "information_ratio_at_equal_volatility", "turnover"])
def test_measures_that_it_does_not_have(name):
    assert quantstats_figure(name) is None


KINDS = {
    "flat": np.zeros(300),
    "gains only": np.abs(OWN.to_numpy()[:300]),
    "losses only": -np.abs(OWN.to_numpy()[:300]),
    "hardly invested": np.where(RNG.random(300) < 0.97, 0.0, 0.001 * RNG.normal(size=300)),
    "short": OWN.to_numpy()[:25],
    "less than a year": OWN.to_numpy()[:59],
}


@pytest.mark.parametrize("kind", KINDS)
def test_no_difference_of_an_odd_series_is_without_a_reason(stats, kind):
    returns = KINDS[kind]
    market = MARKET[: len(returns)]
    own = pd.Series(returns, index=market.index)
    sample = Sample(returns, periods_per_year=252.0, benchmark=market.to_numpy(), trades=TRADES)
    spec = MeasuresSpec.parse({"var_methods": ["gaussian"]})
    measures = (*headline(sample, spec), *(item for items in further(sample, spec).values() for item in items))
    with _quiet():
        found = list(compare(measures, (own, market), Annualisation(0.0, 252), 252.0, stats))
    assert {item.name: (item.ours, item.quantstats) for item in found if item.differs != bool(item.why)} == {}
