"""GARCH(1,1) against arch's own filter, an optimiser of another kind, known parameters and integrals."""

import math
import warnings
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, optimize, stats

from core.errors import ConfigError, DataError
from risk.measures._garch import MIN_RETURNS, Garch, conditional_sigma, fit_garch, law_quantile, law_shortfall

TRUE = Garch(mean=0.0004, omega=2e-6, alpha=0.1, beta=0.88)
LAWS = ("normal", "t")


def path(n, seed, nu=None):
    """Returns of the model ``TRUE``, and the deviations that they were drawn with."""
    shocks = np.random.default_rng(seed).standard_normal(n)
    if nu:
        shocks = np.random.default_rng(seed).standard_t(nu, n) * math.sqrt((nu - 2) / nu)
    returns = np.empty(n)
    sigma = np.empty(n)
    variance = TRUE.omega / (1 - TRUE.alpha - TRUE.beta)
    for row, shock in enumerate(shocks):
        sigma[row] = math.sqrt(variance)
        returns[row] = TRUE.mean + sigma[row] * shock
        variance = TRUE.omega + TRUE.alpha * (returns[row] - TRUE.mean) ** 2 + TRUE.beta * variance
    return returns, sigma


DAYS, SIGMA = path(2000, 3)


def arch_fit(returns, law):
    from arch import arch_model

    with warnings.catch_warnings():
        return arch_model(100 * returns, dist=law, rescale=False).fit(disp="off", show_warning=False)


@pytest.mark.parametrize("law", LAWS)
def test_for_daily_returns_the_parameters_are_archs_of_the_returns_in_percent(law):
    model = fit_garch(DAYS, law)
    reference = arch_fit(DAYS, law).params
    assert model.mean == pytest.approx(reference["mu"] / 100, rel=1e-12)
    assert model.omega == pytest.approx(reference["omega"] / 1e4, rel=1e-12)
    assert (model.alpha, model.beta) == (reference["alpha[1]"], reference["beta[1]"])
    assert model.nu == (reference["nu"] if law == "t" else None)


@pytest.mark.parametrize("law", LAWS)
def test_the_deviations_are_archs_once_the_start_has_faded(law):
    fitted = arch_fit(DAYS, law)
    sigma = conditional_sigma(DAYS, fit_garch(DAYS, law))
    assert sigma[:-1] == pytest.approx(fitted.conditional_volatility / 100, rel=0.02)
    assert sigma[300:-1] == pytest.approx(fitted.conditional_volatility[300:] / 100, rel=1e-9)
    ahead = fitted.forecast(horizon=1).variance.to_numpy()[-1, 0]
    assert sigma[-1] == pytest.approx(math.sqrt(ahead) / 100, rel=1e-9)


def test_the_deviations_are_those_of_the_recursion_written_out():
    first = (DAYS[:75] - TRUE.mean) ** 2
    value = sum(0.94**row * square for row, square in enumerate(first)) / sum(0.94**row for row in range(75))
    square = value
    expected = []
    for following in (*DAYS, None):
        value = TRUE.omega + TRUE.alpha * square + TRUE.beta * value
        expected.append(math.sqrt(value))
        square = None if following is None else (following - TRUE.mean) ** 2
    assert conditional_sigma(DAYS, TRUE) == pytest.approx(expected, rel=1e-12)


def test_the_true_model_finds_the_deviations_that_the_path_was_drawn_with():
    assert conditional_sigma(DAYS, TRUE)[300:-1] == pytest.approx(SIGMA[300:], rel=1e-6)


def test_the_start_of_a_short_sample_is_what_there_is():
    assert conditional_sigma([0.03], Garch(0.01, 0.0, 0.0, 1.0)) == pytest.approx([0.02, 0.02])


@pytest.mark.parametrize("row", [75, 200, 1999])
def test_a_deviation_knows_nothing_of_its_own_day_or_later(row):
    changed = np.concatenate([DAYS[:row], np.random.default_rng(row).normal(0, 0.1, len(DAYS) - row)])
    np.testing.assert_array_equal(conditional_sigma(changed, TRUE)[: row + 1], conditional_sigma(DAYS, TRUE)[: row + 1])


@pytest.mark.parametrize(("law", "nu"), [("normal", None), ("t", 6)])
def test_another_optimiser_finds_no_likelier_model(law, nu):
    returns, _ = path(2000, 3, nu)

    def loss(parameters):
        mean, log_omega, a, b, log_nu = parameters
        alpha = 1 / (1 + math.exp(-a))
        beta = 1 / (1 + math.exp(-b))
        if alpha + beta >= 1:
            return math.inf
        sigma = conditional_sigma(returns, Garch(mean / 100, math.exp(log_omega), alpha, beta))[:-1]
        tails = 2.01 + math.exp(log_nu)
        unit = stats.norm() if law == "normal" else stats.t(tails, scale=math.sqrt((tails - 2) / tails))
        return -float(np.sum(unit.logpdf((returns - mean / 100) / sigma) - np.log(sigma)))

    def logit(p):
        return math.log(p / (1 - p))

    fitted = fit_garch(returns, law)
    at = [
        100 * fitted.mean,
        math.log(fitted.omega),
        logit(fitted.alpha),
        logit(fitted.beta),
        math.log((fitted.nu or 20) - 2.01),
    ]
    start = [0.05, math.log(1e-5), logit(0.2), logit(0.7), 2.0]
    other = optimize.minimize(loss, start, method="Nelder-Mead", options={"maxiter": 1500, "maxfev": 1500})
    assert loss(at) < other.fun + 0.05


@pytest.mark.parametrize(("law", "nu"), [("normal", None), ("t", 6)])
def test_a_long_path_gives_its_parameters_back(law, nu):
    returns, _ = path(20_000, 8, nu)
    model = fit_garch(returns, law)
    assert model.mean == pytest.approx(TRUE.mean, abs=2e-4)
    assert model.omega == pytest.approx(TRUE.omega, rel=0.3)
    assert model.alpha == pytest.approx(TRUE.alpha, abs=0.02)
    assert model.beta == pytest.approx(TRUE.beta, abs=0.02)
    assert (model.nu is None) if nu is None else model.nu == pytest.approx(nu, rel=0.15)


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("factor", [1e-4, 0.003, 0.1, 8.0])
def test_a_tenth_of_the_stake_has_a_tenth_of_the_deviation(law, factor):
    # arch alone, on returns x 100, stops early without a word at a tenth, and breaks off at a hundredth.
    returns = np.clip(DAYS, -0.1, None)
    one = fit_garch(returns, law)
    other = fit_garch(factor * returns, law)
    assert other.alpha == pytest.approx(one.alpha, rel=5e-3)
    assert other.beta == pytest.approx(one.beta, rel=5e-3)
    scaled = conditional_sigma(factor * returns, other)
    assert scaled == pytest.approx(factor * conditional_sigma(returns, one), rel=5e-3)


@pytest.mark.parametrize("nu", [None, 2.1, 3.0, 5.5, 30.0, 400.0])
@pytest.mark.parametrize("p", [0.001, 0.01, 0.05, 0.3])
def test_quantile_and_shortfall_are_those_of_a_law_of_variance_one(p, nu):
    unit = stats.norm() if nu is None else stats.t(nu, scale=math.sqrt((nu - 2) / nu))
    assert law_quantile(p, nu) == pytest.approx(unit.ppf(p), rel=1e-12)
    area, _ = integrate.quad(lambda x: x * unit.pdf(x), -math.inf, unit.ppf(p), epsabs=1e-13)
    assert law_shortfall(p, nu) == pytest.approx(area / p, rel=1e-6)


def test_many_degrees_of_freedom_are_the_normal_law():
    assert law_quantile(0.01, 1e7) == pytest.approx(law_quantile(0.01, None), rel=1e-5)
    assert law_shortfall(0.01, 1e7) == pytest.approx(law_shortfall(0.01, None), rel=1e-5)


@given(
    st.lists(st.sampled_from([0.0, 0.0, 1e-9, -1e-4, 0.01, -0.02, 0.5, -1.0, 30.0, 1e200]), min_size=250, max_size=300),
    st.sampled_from(LAWS),
)
@settings(max_examples=25)
def test_wild_returns_give_a_model_or_are_refused(returns, law):
    try:
        model = fit_garch(returns, law)
    except DataError:
        return
    assert model.omega >= 0
    assert min(model.alpha, model.beta) >= 0
    assert model.alpha + model.beta <= 1 + 1e-6
    assert (model.nu or 3) > 2


@pytest.mark.parametrize(
    ("returns", "message"),
    [
        (DAYS[: MIN_RETURNS - 1], "a GARCH model needs 250 or more returns, has 249"),
        (np.full(300, 0.01), "a GARCH model needs returns that vary"),
        (np.append(DAYS, np.nan), "returns must be finite"),
        (np.append(DAYS, 1e200), "the returns are too large to compute with"),
    ],
)
def test_what_cannot_be_fitted_is_refused(returns, message):
    with pytest.raises(DataError, match=message):
        fit_garch(returns)


def test_an_optimiser_that_gives_up_is_no_model(monkeypatch):
    gone = SimpleNamespace(
        convergence_flag=4,
        params=np.zeros(4),
        optimization_result=SimpleNamespace(message="Inequality constraints incompatible"),
    )
    monkeypatch.setattr("arch.arch_model", lambda *_, **__: SimpleNamespace(fit=lambda **_: gone))
    with pytest.raises(DataError, match="the GARCH fit did not converge: Inequality constraints incompatible"):
        fit_garch(DAYS)


def test_a_law_that_is_not_known_is_refused():
    with pytest.raises(ConfigError, match="law is 'cauchy'; known: normal, t"):
        fit_garch(DAYS, "cauchy")


def test_nothing_to_filter_is_refused():
    with pytest.raises(DataError, match="needs one or more returns to start from"):
        conditional_sigma([], TRUE)


def test_a_fit_leaves_the_warning_filters_alone():
    before = list(warnings.filters)
    fit_garch(DAYS)
    assert warnings.filters == before
