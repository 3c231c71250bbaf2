"""Exposure, turnover and cost drag by hand."""

import numpy as np
import pytest

from core.errors import ConfigError, DataError
from risk.measures.average_exposure import AverageExposure, average_exposure
from risk.measures.base import Sample
from risk.measures.cost_drag import CostDrag, cost_drag
from risk.measures.turnover import Turnover, turnover


def test_by_hand():
    assert average_exposure([0.0, 1.5, 0.3]).value == pytest.approx(0.6, rel=1e-15)
    # In and out of half the account once in a quarter of 63 sessions: four times in and out of a half a year.
    assert turnover([0.5, 0.5] + [0.0] * 61, 252).value == pytest.approx(4.0, rel=1e-15)
    assert cost_drag([0.001] + [0.0] * 62, 252).value == pytest.approx(0.004, rel=1e-15)


def test_what_is_earned_lowers_the_drag():
    assert cost_drag([0.002, -0.003], 250).value == pytest.approx(-0.125, rel=1e-12)


def test_the_drag_is_about_what_costs_take_from_the_yearly_return():
    gross = np.random.default_rng(0).normal(0.0004, 0.01, 2520)
    costs = np.full(2520, 0.0001)
    lost = np.prod(1 + gross) ** 0.1 - np.prod(1 + gross - costs) ** 0.1
    assert cost_drag(costs, 252).value == pytest.approx(lost, rel=0.15)


@pytest.mark.parametrize(
    ("measure", "reason"),
    [
        (AverageExposure(), "needs the exposure of each session"),
        (Turnover(), "needs the value traded in each session"),
        (CostDrag(), "needs the costs of each session"),
    ],
)
def test_what_they_need(measure, reason):
    assert measure.of(Sample([0.01, 0.02], periods_per_year=252)).reason == reason


def test_no_sessions():
    for estimate in (average_exposure([]), turnover([], 252), cost_drag([], 252)):
        assert estimate.reason == "needs 1 or more returns, has 0"


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: average_exposure([-0.1]), DataError, "exposure cannot be below 0"),
        (lambda: turnover([0.1, -0.1], 252), DataError, r"traded cannot be below 0.*row 1"),
        (lambda: turnover([np.inf], 252), DataError, "traded must be finite"),
        (lambda: cost_drag([np.nan], 252), DataError, "costs must be finite"),
        (lambda: turnover([0.1], 0), ConfigError, "periods_per_year is 0"),
        (lambda: cost_drag([0.1], -1), ConfigError, "periods_per_year is -1"),
    ],
)
def test_what_cannot_be_is_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()
