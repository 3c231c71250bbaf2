"""The tests of value at risk against published tables, another library, likelihoods written out, and simulation."""

from itertools import pairwise

import numpy as np
import pytest
import vartests
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from core.errors import ConfigError, DataError
from risk.measures._garch import law_quantile, law_shortfall
from risk.var.tests import acerbi_szekely, basel_zone, christoffersen, kupiec

hit_lists = st.lists(st.booleans(), min_size=2, max_size=300)
levels = st.floats(0.51, 0.999)


def hits(count, n):
    return np.arange(n) < count


def rejection_share(test, samples, alpha=0.05):
    return np.mean([test(sample) <= alpha for sample in samples])


@pytest.mark.parametrize(
    ("n", "level", "minimum", "maximum"),
    [
        (255, 0.99, 1, 6),  # N < 7; the table counts N = 0 in, though its likelihood ratio is 5.1
        (510, 0.99, 2, 10),  # 1 < N < 11
        (1000, 0.99, 5, 16),  # 4 < N < 17
        (255, 0.95, 7, 20),  # 6 < N < 21
        (1000, 0.95, 38, 64),  # 37 < N < 65
    ],
)
def test_the_regions_of_kupiecs_table(n, level, minimum, maximum):
    accepted = [count for count in range(n // 5) if kupiec(hits(count, n), level).p_value > 0.05]
    assert (accepted[0], accepted[-1], len(accepted)) == (minimum, maximum, maximum - minimum + 1)


@given(hit_lists, levels)
def test_kupiec_is_vartests(exceedances, level):
    reference = vartests.kupiec_test(np.array(exceedances, dtype=int), risk_conf_level=level)
    ours = kupiec(exceedances, level)
    assert ours.statistic == pytest.approx(reference["statistic"], rel=1e-9, abs=1e-9)
    assert ours.p_value == pytest.approx(reference["p-value"], rel=1e-6, abs=1e-9)
    assert (ours.n, ours.hits, ours.expected) == (
        len(exceedances),
        sum(exceedances),
        pytest.approx(len(exceedances) * (1 - level)),
    )


@pytest.mark.parametrize(("count", "log_ratio"), [(0, 100 * np.log(0.99)), (100, 100 * np.log(0.01))])
def test_no_hit_and_nothing_but_hits_are_finite(count, log_ratio):
    assert kupiec(hits(count, 100), 0.99).statistic == pytest.approx(-2 * log_ratio)


def test_a_single_day_can_be_counted_but_has_no_next_one():
    assert kupiec([True], 0.95).statistic == pytest.approx(-2 * np.log(0.05))
    chain = christoffersen([True], 0.95)
    assert (chain.statistic, chain.p_value, chain.independence.reason) == (None, None, "needs 2 or more days, has 1")


def chain_likelihoods(exceedances):
    """Log-likelihoods of a Markov chain and of one probability, term by term over the steps."""
    steps = list(pairwise(exceedances))
    after = {state: [b for a, b in steps if a == state] for state in (False, True)}
    chances = {state: np.mean(values) if values else 0.5 for state, values in after.items()}
    overall = np.mean([b for _, b in steps])
    chain = sum(stats.bernoulli.logpmf(b, chances[a]) for a, b in steps)
    single = sum(stats.bernoulli.logpmf(b, overall) for _, b in steps)
    return chain, single


@given(hit_lists, levels)
def test_christoffersen_is_its_likelihoods_written_out(exceedances, level):
    chain, single = chain_likelihoods(exceedances)
    ours = christoffersen(exceedances, level)
    assert ours.independence.statistic == pytest.approx(2 * (chain - single), rel=1e-7, abs=1e-9)
    both = ours.independence.statistic + kupiec(exceedances, level).statistic
    assert ours.conditional_coverage.statistic == pytest.approx(both, rel=1e-12)
    assert ours.conditional_coverage.p_value == pytest.approx(np.exp(-both / 2), rel=1e-9)  # chi-squared, two degrees
    assert (ours.statistic, ours.p_value) == (both, ours.conditional_coverage.p_value)


def test_christoffersen_by_hand():
    # 0 0 1 1 0 0 0 0: 4 steps from none to none, 1 to a hit, 1 from hit to hit, 1 back
    exceedances = christoffersen([0, 0, 1, 1, 0, 0, 0, 0], 0.75).independence
    chain = 4 * np.log(0.8) + np.log(0.2) + 2 * np.log(0.5)
    single = 5 * np.log(5 / 7) + 2 * np.log(2 / 7)
    assert exceedances.statistic == pytest.approx(2 * (chain - single))


def test_the_basel_table():
    zones = [basel_zone(hits(count, 250)) for count in range(13)]
    assert [zone.zone for zone in zones] == ["green"] * 5 + ["yellow"] * 5 + ["red"] * 3
    percent = [round(100 * zone.cumulative, 2) for zone in zones[:11]]
    assert percent == [8.11, 28.58, 54.32, 75.81, 89.22, 95.88, 98.63, 99.60, 99.89, 99.97, 99.99]
    assert (zones[4].hits, zones[4].n) == (4, 250)


RETURNS = np.array([-0.05, 0.01, -0.02, 0.03, -0.03, 0.0, 0.01, 0.02])
VAR = np.full(8, -0.02)
ES = np.array([-0.04, -0.03, -0.03, -0.03, -0.03, -0.03, -0.03, -0.03])


def test_acerbi_szekely_by_hand():
    # Hits are -0.05 and -0.03 (-0.02 is not below -0.02); over their shortfalls they are 1.25 and 1.
    exceedances = acerbi_szekely(RETURNS, VAR, ES, 0.75)
    assert exceedances.z1.statistic == pytest.approx(1 - 2.25 / 2)
    assert exceedances.z2.statistic == pytest.approx(1 - 2.25 / (8 * 0.25))


def test_without_a_hit_there_is_no_size_to_judge():
    exceedances = acerbi_szekely(np.zeros(8), VAR, ES, 0.75)
    assert (exceedances.z1.statistic, exceedances.z1.p_value, exceedances.z1.reason) == (None, None, "there is no hit")
    assert exceedances.z2.statistic == 1.0
    assert exceedances.z2.p_value > 0.9


def test_a_seed_gives_the_same_p_values_and_another_one_close_ones():
    first, again, other = (acerbi_szekely(RETURNS, VAR, ES, 0.75, seed=seed) for seed in (1, 1, 2))
    assert first == again
    assert first.z2.p_value == pytest.approx(other.z2.p_value, abs=0.05)


def test_the_papers_rule_of_thumb_for_250_days():
    # A normal model at 97.5 % that is right: Z2 falls below -0.70 about one time in twenty.
    quantile = law_quantile(0.025, None)
    shortfall = law_shortfall(0.025, None)
    draws = np.random.default_rng(4).standard_normal((20_000, 250))
    z2 = 1 - np.where(draws < quantile, draws / shortfall, 0).sum(axis=1) / (250 * 0.025)
    critical = np.quantile(z2, 0.05)
    assert critical == pytest.approx(-0.70, abs=0.03)
    # The simulated p-value of that statistic is 5 %: a sample with just that sum of losses.
    returns = np.zeros(250)
    returns[:10] = shortfall * (1 - critical) * 250 * 0.025 / 10
    exceedances = acerbi_szekely(returns, np.full(250, quantile), np.full(250, shortfall), 0.975, reps=20_000)
    assert exceedances.z2.statistic == pytest.approx(critical)
    assert exceedances.z2.p_value == pytest.approx(0.05, abs=0.01)


def test_innovations_of_the_normal_law_are_the_default():
    drawn = np.random.default_rng(1).standard_normal(200_000)
    simulated = acerbi_szekely(RETURNS, VAR, ES, 0.75, innovations=drawn, reps=20_000)
    assert simulated.z2.p_value == pytest.approx(
        acerbi_szekely(RETURNS, VAR, ES, 0.75, reps=20_000).z2.p_value, abs=0.015
    )


def test_fatter_innovations_forgive_more():
    fat = np.random.default_rng(2).standard_t(3, 200_000)
    returns = np.where(np.arange(250) < 3, -0.09, 0.01)
    var = np.full(250, -0.02)
    es = np.full(250, -0.04)
    thin_p = acerbi_szekely(returns, var, es, 0.99).z1.p_value
    assert acerbi_szekely(returns, var, es, 0.99, innovations=fat).z1.p_value > 3 * thin_p


# --- size and power ---------------------------------------------------------------------------------------------------


def sample(seed, *, n=500, nu=None, garch=False):
    """Returns, and the deviations they were drawn with: of one size, or of a GARCH."""
    random = np.random.default_rng(seed)
    shocks = random.standard_normal(n) if nu is None else random.standard_t(nu, n) * np.sqrt((nu - 2) / nu)
    sigma = np.ones(n)
    if garch:
        for row in range(1, n):
            sigma[row] = np.sqrt(0.02 + (0.1 * shocks[row - 1] ** 2 + 0.88) * sigma[row - 1] ** 2)
    return 0.01 * sigma * shocks, 0.01 * sigma


def rejection_rates(level, trials, scale=1.0, *, knows_sigma=True, law=None, **more):
    """How often each test rejects, at 5 %, a model of this law whose deviation is ``scale`` times the true one."""
    quantile = law_quantile(1 - level, law)
    shortfall = law_shortfall(1 - level, law)
    tail = None if law is None else np.random.default_rng(9).standard_t(law, 20_000)
    p_values = []
    for seed in range(trials):
        returns, sigma = sample(seed, **more)
        sigmas = scale * (sigma if knows_sigma else np.full(len(returns), 0.01))
        var = quantile * sigmas
        es = shortfall * sigmas
        chain = christoffersen(returns < var, level)
        sizes = acerbi_szekely(returns, var, es, level, reps=400, seed=seed, innovations=tail)
        count = kupiec(returns < var, level)
        p_values.append([count.p_value, chain.independence.p_value, chain.p_value, sizes.z1.p_value, sizes.z2.p_value])
    names = ("kupiec", "independence", "coverage", "z1", "z2")
    shares = (np.array(p_values, dtype=float) <= 0.05).mean(axis=0)
    return dict(zip(names, shares.tolist(), strict=True))


@pytest.mark.slow
@pytest.mark.parametrize(
    "right",
    [
        {"level": 0.95, "n": 1000},
        {"level": 0.95, "n": 1000, "garch": True},
        {"level": 0.975, "n": 1000, "nu": 5, "law": 5},  # innovations given
        {"level": 0.99, "n": 500},
    ],
)
def test_a_right_model_is_rejected_at_about_five_per_cent(right):
    # 400 samples: three standard errors are 3.3 points; chi-squared is an approximation for a handful of hits.
    exceedances = rejection_rates(trials=400, **right)
    assert all(0.005 <= share <= 0.09 for share in exceedances.values()), exceedances


def test_an_understated_deviation_is_caught_by_number_and_by_size_but_not_by_order():
    exceedances = rejection_rates(0.95, 100, scale=0.8, n=1000)
    assert min(exceedances[name] for name in ("kupiec", "coverage", "z1", "z2")) >= 0.95, exceedances
    assert exceedances["independence"] <= 0.15


def test_an_overstated_deviation_is_caught_by_number_only():
    exceedances = rejection_rates(0.95, 100, scale=1.25, n=1000)
    assert exceedances["kupiec"] >= 0.95
    assert exceedances["z2"] == 0.0  # one-sided: too large a shortfall is no fault there


def test_clusters_are_caught_by_order():
    exceedances = rejection_rates(0.95, 100, garch=True, knows_sigma=False, n=3000)
    assert exceedances["independence"] >= 0.75, exceedances
    assert exceedances["coverage"] >= 0.85, exceedances


def test_too_thin_a_tail_is_caught_by_size_where_the_number_says_little():
    exceedances = rejection_rates(0.99, 100, nu=3, n=1000)
    assert exceedances["z1"] >= 0.9, exceedances
    assert exceedances["kupiec"] <= 0.4, exceedances


# --- bad input --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("test", [kupiec, christoffersen, basel_zone])
@pytest.mark.parametrize(
    ("given_hits", "message"),
    [
        ([], r"exceedances must be one row of true and false; given: shape \(0,\)"),
        ([[True, False]], r"given: shape \(1, 2\) of bool"),
        (["yes"], "exceedances must be one row of true and false"),
        ([0, 1, 2], r"exceedances must be true or false: row 2 is 2; give returns < value at risk"),
        ([0.0, np.nan], "exceedances must be true or false: row 1 is nan"),
        ([-0.02, 0.01], "exceedances must be true or false: row 0 is -0.02"),
    ],
)
def test_hits_that_are_none_are_refused(test, given_hits, message):
    with pytest.raises(DataError, match=message):
        test(given_hits, 0.95)


@pytest.mark.parametrize("level", [0.05, 95, 1.0, 0.5, float("nan")])
def test_an_impossible_level_is_refused(level):
    for test in (kupiec, christoffersen, basel_zone):
        with pytest.raises(ConfigError, match="level is"):
            test([True, False], level)
    with pytest.raises(ConfigError, match="level is"):
        acerbi_szekely(RETURNS, VAR, ES, level)


@pytest.mark.parametrize(
    ("returns", "var", "es", "message"),
    [
        (RETURNS[1:], VAR, ES, r"returns, var and es have shapes \(7,\), \(8,\), \(8,\); they must be equal rows"),
        ([], [], [], "they must be equal rows"),
        (RETURNS, np.append(VAR[1:], np.nan), ES, "var must be finite: row 7 is nan; leave out days without"),
        (np.append(RETURNS[1:], np.inf), VAR, ES, "returns must be finite: row 7 is inf"),
        (RETURNS, -VAR, ES, "var must be below 0 and es at most var: row 0 has var 0.02, es -0.04"),
        (RETURNS, np.zeros(8), ES, "row 0 has var 0, es -0.04"),
        (RETURNS, VAR, np.full(8, -0.01), "row 0 has var -0.02, es -0.01"),
    ],
)
def test_forecasts_that_cannot_be_are_refused(returns, var, es, message):
    with pytest.raises(DataError, match=message):
        acerbi_szekely(returns, var, es, 0.75)


@pytest.mark.parametrize("innovations", [[0.0], [np.nan, 1.0], np.zeros(50)])
def test_innovations_without_a_tail_are_refused(innovations):
    with pytest.raises(DataError, match="innovations must be finite, with some of them below their own quantile"):
        acerbi_szekely(RETURNS, VAR, ES, 0.75, innovations=innovations)
