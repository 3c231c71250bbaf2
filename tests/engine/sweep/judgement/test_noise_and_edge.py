"""The verdict where the truth is known: markets of noise, and one with an edge in it."""

from pathlib import Path
from runpy import run_path
from statistics import mean

import pytest

from engine.pipeline import Options
from engine.sweep.run import sweep_and_save

ROOT = Path(__file__).parents[4]
benchmark = run_path(str(ROOT / "benchmarks" / "noise_sweeps.py"))
config_of = benchmark["config_of"]
survey = benchmark["survey"]
WIDE = {"model.fast": [2, 5, 10, 30], "model.slow": [40, 80, 160, 320], "strategy.side": ["both", "long", "short"]}


@pytest.mark.slow
def test_noise_looks_like_noise():
    """With 8 markets the mean of PBO has a standard error of about 0.07, and at most one in twenty passes a test."""
    results = survey(8, first=100)
    assert 0.25 < mean(result.pbo.pbo for result in results) < 0.75
    assert sum(result.deflated.value >= 0.95 for result in results) <= 2
    assert sum(result.cash.consistent <= 0.05 for result in results) <= 3
    # The best of the trials does look good: that is why the tests are needed.
    assert mean(result.sharpe * result.per_year**0.5 for result in results) > 0.3


@pytest.mark.slow
def test_a_sweep_of_noise_says_so(tmp_path):
    swept = sweep_and_save(config_of(tmp_path, seed=3), Options(out=tmp_path / "runs", cache=False, quiet=True))
    verdict = swept.numbers["verdict"]
    assert verdict["headline"] == "no evidence of skill"
    tests = {test["name"]: test["passed"] for test in verdict["tests"]}
    assert tests["deflated Sharpe ratio"] is False
    assert tests["leak battery"] is None  # not worth the time


@pytest.mark.slow
def test_a_planted_edge_is_found(tmp_path):
    config = config_of(tmp_path, seed=1, edge=0.008, space=WIDE)
    swept = sweep_and_save(config, Options(out=tmp_path / "runs", cache=False, quiet=True))
    verdict = swept.numbers["verdict"]
    assert all(test["passed"] for test in verdict["tests"]), verdict["tests"]
    assert verdict["headline"].startswith("evidence of skill")
    assert swept.numbers["selection"]["measures"]["sharpe"]["value"] > 1
