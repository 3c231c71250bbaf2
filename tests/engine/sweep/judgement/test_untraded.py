"""A sweep of an account whose idle cash earns interest: nothing of its verdict comes from it."""

import numpy as np
import pytest

from core.errors import ConfigError
from engine.pipeline import Options
from engine.sweep.judgement.overfitting_tests import _net_sums
from engine.sweep.judgement.untraded import or_untraded, untraded
from engine.sweep.run import sweep_and_save
from engine.sweep.trials.plan import plan_sweep
from risk.overfitting import BlockSums

SPACE = {"model.fast": [2, 3], "strategy.side": ["both", "long"]}
RATE = 0.05
EDGES = [0, 10, 30, 45, 60]


def swept(config_of, folder, **broker):
    config = config_of({"space": SPACE}, broker=broker)
    return sweep_and_save(config, Options(out=folder, cache=False, quiet=True)).numbers


@pytest.mark.slow
def test_the_tests_are_those_of_the_same_sweep_without_interest(config_of, tmp_path):
    plain, paid = swept(config_of, tmp_path), swept(config_of, tmp_path, cash_interest=RATE)
    assert paid["winners"][0]["point"] == plain["winners"][0]["point"]
    for key in ("sharpe", "probabilistic_sharpe"):
        # What is invested earns no interest: 5 % of about 2 % of the account, of a volatility of half a per cent.
        assert paid["luck"][key]["value"] == pytest.approx(plain["luck"][key]["value"], abs=0.25)
    for benchmark in ("cash", "benchmark"):
        p_values = [numbers["luck"]["superior_ability"][benchmark]["consistent"] for numbers in (plain, paid)]
        assert p_values[1] == pytest.approx(p_values[0], abs=0.2)
    for name, value in plain["stress"].items():
        assert paid["stress"][name] == pytest.approx(value, abs=0.005)


def test_untraded_is_the_interest_by_calendar_day(config_of):
    sweep_plan = plan_sweep(config_of({"space": SPACE}, broker={"cash_interest": RATE}))
    days = sweep_plan.span.sessions
    start = sweep_plan.span.start.tz_localize(None).normalize()
    steps = np.diff([start.to_datetime64(), *days.to_numpy()]) / np.timedelta64(1, "D")
    assert untraded(sweep_plan) == pytest.approx(steps * RATE / 365)
    returns = np.full(len(days), 0.01)
    returns[:3] = np.nan
    assert or_untraded(returns, sweep_plan)[:4] == pytest.approx([*(steps[:3] * RATE / 365), 0.01])


def test_sums_less_a_rate_are_the_sums_of_the_returns_less_it():
    returns = np.random.default_rng(0).normal(0, 0.01, (60, 3))
    found = _net_sums(BlockSums.of(returns, EDGES), 0.0002)
    expected = BlockSums.of(returns - 0.0002, EDGES)
    np.testing.assert_allclose(found.total, expected.total, rtol=0, atol=1e-15)
    np.testing.assert_allclose(found.squares, expected.squares, rtol=1e-12)


@pytest.mark.parametrize(
    ("space", "text"),
    [
        ({"broker.cash_interest": [0.0, 0.05]}, "cannot be tried: trials are compared with what cash earns"),
        ({"broker": [{"cash_interest": 0.05}, {}]}, "broker.cash_interest is 0.05 in a trial, 0 in the config"),
    ],
)
def test_the_interest_on_cash_is_no_setting_to_try(config_of, space, text):
    with pytest.raises(ConfigError, match=text):
        config_of({"space": space})
