"""The two measures of :mod:`risk.overfitting`, told what a sample knows."""

import numpy as np
import pytest
from scipy.stats import norm

from risk import overfitting
from risk.measures.base import Sample
from risk.measures.minimum_track_record_length import MinimumTrackRecordLength
from risk.measures.probabilistic_sharpe import ProbabilisticSharpe

RETURNS = np.random.default_rng(4).normal(0.0006, 0.01, 800)
SAMPLE = Sample(RETURNS, periods_per_year=252.0, risk_free=0.03)
ABOVE = RETURNS - (1.03 ** (1 / 252) - 1)


def test_they_see_returns_above_the_risk_free_rate():
    assert ProbabilisticSharpe().of(SAMPLE).value == overfitting.probabilistic_sharpe(ABOVE).value
    expected = overfitting.minimum_track_record_length(ABOVE).value
    assert MinimumTrackRecordLength().of(SAMPLE).value == expected


def test_an_annual_benchmark_is_taken_to_one_session():
    daily = 0.5 / 252**0.5
    measured = ProbabilisticSharpe(benchmark=0.5).of(SAMPLE)
    assert measured.value == pytest.approx(overfitting.probabilistic_sharpe(ABOVE, daily).value, rel=1e-12)
    assert measured.name == "probabilistic_sharpe_above_0.5"
    length = MinimumTrackRecordLength(benchmark=0.5).of(SAMPLE).value
    assert length == pytest.approx(overfitting.minimum_track_record_length(ABOVE, daily).value, rel=1e-12)


def test_a_record_of_the_minimum_length_is_believed_at_the_level():
    # By definition: with as many returns of these moments, the probability is 1 - alpha.
    length = MinimumTrackRecordLength(alpha=0.1).of(SAMPLE).value
    z = norm.ppf(ProbabilisticSharpe().of(SAMPLE).value)
    assert z * ((length - 1) / (len(RETURNS) - 1)) ** 0.5 == pytest.approx(norm.ppf(0.9), rel=1e-9)


def test_all_lost_in_a_session_is_still_a_return():
    ruined = Sample([*RETURNS, -1.0], periods_per_year=252.0, risk_free=0.03)
    assert 0 < ProbabilisticSharpe().of(ruined).value < 1


def test_other_parameters_have_other_names():
    assert MinimumTrackRecordLength().name == "minimum_track_record_length"
    stricter = MinimumTrackRecordLength(benchmark=0.5, alpha=0.01)
    assert stricter.name == "minimum_track_record_length_above_0.5_at_99"
