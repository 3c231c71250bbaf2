"""The exam against its parts worked out by hand, scores against simulated truth, and accounts that lie still."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import ConfigError, DataError
from risk.measure_set import MeasuresSpec
from risk.measures._garch import law_quantile, law_shortfall
from risk.var.rolling_forecasts import forecasts
from risk.var.tests import acerbi_szekely, basel_zone, christoffersen, kupiec
from risk.var.var_backtest import VarBacktestSpec, _joint_loss, run_var_backtest

RETURNS = np.random.default_rng(6).standard_t(4, 900) * 0.01
LEVELS = (0.95, 0.99)
EXAM = run_var_backtest(RETURNS, VarBacktestSpec(), LEVELS, seed=3)


def walk(n, seed, scale=0.01):
    return np.random.default_rng(seed).normal(0.0, scale, n)


def result_of(exam, method, level):
    return next(item for item in exam.results if (item.method, item.level) == (method, level))


def test_there_is_a_paper_for_each_method_and_level():
    names = [(item.method, item.level) for item in EXAM.results]
    assert names == [(method, level) for level in LEVELS for method in VarBacktestSpec().methods]


@pytest.mark.parametrize("method", VarBacktestSpec().methods)
@pytest.mark.parametrize("level", LEVELS)
def test_a_paper_is_its_tests_on_its_forecasts(method, level):
    series = forecasts(RETURNS, 250, [level], [method])
    v = series.var[method, level]
    e = series.es[method, level]
    usable = (np.arange(900) >= 250) & (v < 0) & (e <= v)  # Cornish-Fisher's transform folds back on some days
    assert usable.sum() == 650 or method == "cornish_fisher"
    r = RETURNS[usable]
    v = v[usable]
    e = e[usable]
    hits = r < v
    got = result_of(EXAM, method, level)
    count = kupiec(hits, level)
    chain = christoffersen(hits, level)
    sizes = acerbi_szekely(r, v, e, level, seed=3)
    assert (got.n, got.hits, got.expected) == (len(r), hits.sum(), pytest.approx(len(r) * (1 - level)))
    assert (got.kupiec.statistic, got.kupiec.p_value) == (count.statistic, count.p_value)
    assert (got.independence, got.coverage) == (chain.independence, chain.conditional_coverage)
    assert (got.z1, got.z2) == (sizes.z1, sizes.z2)
    assert (got.mean_var, got.mean_es) == pytest.approx((v.mean(), e.mean()))
    if level == 0.99:
        assert got.basel == basel_zone(hits[-250:]).zone
    else:
        assert (got.basel, got.basel_reason) == (None, "the zones are for 99 %")


def test_the_scores_written_out_day_by_day():
    series = forecasts(RETURNS, 250, [0.95], ["gaussian"])
    level = 0.95
    share = 0.05
    tick = []
    joint = []
    for r, v, e in zip(RETURNS, series.var["gaussian", level], series.es["gaussian", level], strict=True):
        if np.isnan(v):
            continue
        tick.append((1 - share) * (v - r) if r < v else share * (r - v))
        joint.append(-(v - r) * (r <= v) / (share * e) + v / e + np.log(-e) - 1)
    got = result_of(EXAM, "gaussian", level)
    assert got.tick_loss == pytest.approx(np.mean(tick))
    assert got.fz_loss == pytest.approx(np.mean(joint))


@pytest.mark.parametrize("level", [0.95, 0.99])
def test_the_joint_loss_is_least_for_the_true_forecasts(level):
    share = 1 - level
    z = walk(400_000, 1, 1.0)
    var = law_quantile(share, None)
    es = law_shortfall(share, None)

    def loss(v, e):
        v = np.full(len(z), v)
        e = np.full(len(z), e)
        return _joint_loss(z, v, e, z < v, share)

    best = loss(var, es)
    assert all(
        loss(a * var, b * es) > best for a, b in ((0.8, 1), (1.2, 1), (1, 0.85), (1, 1.2), (0.9, 0.9), (1.1, 1.1))
    )
    # The mean of hit x (VaR - return) is share x (VaR - ES), so that the first two terms are 1 together.
    assert best == pytest.approx(np.log(-es), abs=0.01)


def test_a_right_model_passes_and_a_wrong_one_is_told_why():
    quiet_then_wild = np.concatenate([walk(400, 2, 0.005), walk(100, 3, 0.03), walk(400, 4, 0.005), walk(100, 5, 0.03)])
    bad = result_of(run_var_backtest(quiet_then_wild, VarBacktestSpec(), [0.95]), "historical", 0.95)
    assert "hits cluster" in bad.verdict
    passed = [
        item.verdict == "passes"
        for seed in range(20)
        for item in run_var_backtest(
            walk(1500, seed), VarBacktestSpec(methods=("gaussian",), window=1000), [0.95]
        ).results
    ]
    assert np.mean(passed) >= 0.7  # three tests at 5 %, and a window that is estimated


def test_too_many_and_too_few_hits_are_told_apart():
    calm = walk(500, 7)
    wild = walk(500, 8, 0.03)
    rising = result_of(
        run_var_backtest(np.concatenate([calm, wild]), VarBacktestSpec(window=500), [0.95]), "gaussian", 0.95
    )
    falling = result_of(
        run_var_backtest(np.concatenate([wild, calm]), VarBacktestSpec(window=500), [0.95]), "gaussian", 0.95
    )
    assert rising.verdict.startswith("too many hits")
    assert "shortfall too small" in rising.verdict
    assert falling.verdict.startswith("too few hits")


@pytest.mark.parametrize(
    ("spec", "returns", "reason"),
    [
        (VarBacktestSpec(methods=()), RETURNS, "measures.exam.methods is empty"),
        (VarBacktestSpec(), RETURNS[:499], "needs 500 or more returns, 250 of them after the window; has 499"),
        (VarBacktestSpec(), [], "needs 500 or more returns, 250 of them after the window; has 0"),
        (VarBacktestSpec(), np.zeros(600), "there was never a risk of loss to forecast"),
        (VarBacktestSpec(methods=("garch_t",)), np.zeros(600), "there was never a risk of loss to forecast"),
    ],
)
def test_without_an_exam_there_is_a_reason(spec, returns, reason):
    exam = run_var_backtest(returns, spec, LEVELS)
    assert (exam.results, exam.reason) == ((), reason)
    assert exam.dump() == {"window": spec.window, "reason": reason, "papers": []}


def test_just_enough_sessions_make_an_exam():
    assert run_var_backtest(RETURNS[:500], VarBacktestSpec(), LEVELS).results[0].n == 250


def test_days_on_which_nothing_could_be_lost_are_left_out_and_told():
    # In cash for 400 sessions: the windows that end within have a value at risk of 0.
    returns = np.concatenate([walk(600, 9), np.zeros(400), walk(400, 10)])
    exam = run_var_backtest(returns, VarBacktestSpec(), LEVELS)
    for item in exam.results:
        series = forecasts(returns, 250, [item.level], [item.method])
        key = (item.method, item.level)
        flat = series.var[key][250:] >= 0
        inconsistent = series.es[key][250:] > series.var[key][250:]
        assert item.n == 1150 - (flat | inconsistent).sum()
        assert flat.sum() > 140 or item.method == "ewma"
        assert any(f"no loss on {flat.sum()} days, which are left out" in text for text in item.flags) == flat.any()
        assert all(np.isfinite([item.tick_loss, item.fz_loss, item.z2.statistic]))


def test_a_day_in_cash_is_no_hit():
    returns = np.concatenate([walk(300, 11), np.zeros(200)])
    item = result_of(run_var_backtest(returns, VarBacktestSpec(), [0.95]), "ewma", 0.95)
    assert item.hits == int((returns[250:] < forecasts(returns, 250, [0.95], ["ewma"]).var["ewma", 0.95][250:]).sum())
    assert item.n == 250


def test_few_days_left_have_no_zone():
    returns = np.concatenate([walk(150, 12), np.zeros(400)])
    item = result_of(run_var_backtest(returns, VarBacktestSpec(), [0.99]), "historical", 0.99)
    assert item.n < 250
    assert (item.basel, item.basel_reason) == (None, f"needs 250 sessions, has {item.n}")


def test_the_dump_is_json_without_nan():
    text = json.dumps(EXAM.dump(), allow_nan=False)
    first = json.loads(text)["papers"][0]
    assert set(first["kupiec"]) == set(first["z1"]) == {"statistic", "p_value", "reason"}
    assert first["verdict"]


def test_the_seed_moves_simulated_p_values_only():
    other = run_var_backtest(RETURNS, VarBacktestSpec(), LEVELS, seed=4)
    for one, two in zip(EXAM.results, other.results, strict=True):
        assert one.z2.statistic == two.z2.statistic
        assert one.z2.p_value == pytest.approx(two.z2.p_value, abs=0.05)
        assert (one.kupiec, one.coverage) == (two.kupiec, two.coverage)


@given(
    st.lists(st.sampled_from([0.0, 0.0, 1e-12, -1e-12, -1e-300, 0.01, -0.02, 0.9, -1.0]), min_size=500, max_size=520)
)
@settings(max_examples=25)
def test_wild_returns_give_an_exam_without_nan(returns):
    json.dumps(run_var_backtest(returns, VarBacktestSpec(), LEVELS).dump(), allow_nan=False)


@pytest.mark.parametrize(
    ("returns", "levels", "error", "message"),
    [
        (np.append(RETURNS, np.nan), LEVELS, DataError, "returns must be finite"),
        (RETURNS, [95], ConfigError, "level is 95"),
        (RETURNS, [0.999], ConfigError, "a window of 250 returns has none in the tail at 0.999; take 1000 or more"),
    ],
)
def test_bad_input_is_refused(returns, levels, error, message):
    with pytest.raises(error, match=message):
        run_var_backtest(returns, VarBacktestSpec(), levels)


@pytest.mark.parametrize(
    ("block", "message"),
    [
        ({"window": 20}, "greater than or equal to 100"),
        ({"methods": ["magic"]}, "Input should be 'historical'"),
        ({"windw": 250}, "windw"),
    ],
)
def test_a_block_that_cannot_be_is_refused(block, message):
    with pytest.raises(ValueError, match=message):
        VarBacktestSpec.parse(block)


def test_a_window_too_short_for_a_level_is_refused_with_the_config():
    with pytest.raises(ValueError, match=r"1000"):
        MeasuresSpec.parse({"var_levels": [0.999], "exam": {"window": 250}})
