"""Common weeks, correlations and the equal-risk blend against numpy and pandas from the daily returns."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from run_folders import make_run

from core.errors import DataError
from engine.review.blend import common_weeks, equal_risk
from engine.review.collection import collect


@pytest.fixture
def rows(tmp_path):
    make_run(tmp_path, "long", seed=1, sessions=500)
    make_run(tmp_path, "later", seed=2, sessions=400, start="2020-06-01", deviation=0.02)
    make_run(tmp_path, "wild", seed=3, sessions=450, deviation=0.005)
    return [item.row for item in collect([tmp_path]).rows]


def weekly(row):
    returns = pd.read_parquet(Path(row.folder) / "returns.parquet")["strategy"]
    return (1 + returns).cumprod().resample("W-SUN").last()


def test_returns_are_those_of_the_weeks_that_all_cover(rows):
    common = common_weeks(rows)
    table = pd.concat([weekly(row) for row in rows], axis=1, join="inner").to_numpy()
    assert np.allclose(common.returns[1:], table[1:] / table[:-1] - 1, rtol=1e-10)
    assert np.allclose(common.correlation, np.corrcoef(common.returns.T))


def test_the_blend_by_hand(rows):
    common = common_weeks(rows)
    blend = equal_risk(common)
    deviations = common.returns.std(axis=0, ddof=1)
    weights = 1 / deviations / (1 / deviations).sum()
    path = common.returns @ weights
    assert np.allclose(blend.weights, weights)
    assert np.ptp(blend.weights * deviations) < 1e-12
    assert blend.sharpe == pytest.approx(path.mean() / path.std(ddof=1) * 52**0.5)
    assert blend.wealth[-1] == pytest.approx(np.prod(1 + path))
    drawdowns = pd.Series(blend.wealth) / pd.Series(blend.wealth).cummax() - 1
    assert blend.max_drawdown == pytest.approx(drawdowns.min())
    covariance = np.cov(common.returns.T)
    assert np.allclose(blend.risk_shares, weights * (covariance @ weights) / (weights @ covariance @ weights))
    assert blend.risk_shares.sum() == pytest.approx(1.0)
    rest = weights[1:] / weights[1:].sum()
    others = common.returns[:, 1:] @ rest
    assert blend.sharpe_without[0] == pytest.approx(others.mean() / others.std(ddof=1) * 52**0.5)


def test_runs_that_do_not_overlap_are_one_line(tmp_path):
    make_run(tmp_path, "old", start="1999-01-04")
    make_run(tmp_path, "new", start="2020-01-06")
    with pytest.raises(DataError, match="0 weeks in common"):
        common_weeks([item.row for item in collect([tmp_path]).rows])


def test_a_run_without_risk_cannot_be_blended(tmp_path):
    make_run(tmp_path, "flat", sessions=200, returns=np.zeros(200))
    make_run(tmp_path, "walk", seed=1, sessions=200)
    with pytest.raises(DataError, match="flat do not vary"):
        equal_risk(common_weeks([item.row for item in collect([tmp_path]).rows]))
