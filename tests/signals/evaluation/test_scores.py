"""Scores against scikit-learn, scipy and cases worked by hand."""

import warnings
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signals.evaluation.scores import SCORES, ForecastSample, score

NAN = np.nan


def sample_of(label, prediction, mean=0.001, p_up=NAN, up_share=0.55, strength=False):
    label = np.array(label, dtype=float)
    prediction = np.array(prediction, dtype=float)
    mean, p_up, up_share = (
        np.broadcast_to(np.asarray(item, dtype=float), label.shape) for item in (mean, p_up, up_share)
    )
    return ForecastSample(label, prediction, mean, p_up, up_share, strength)


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10**6), count=st.integers(2, 80), digits=st.integers(1, 6))
def test_against_scikit_learn_and_scipy(seed, count, digits):
    from scipy.stats import spearmanr
    from sklearn import metrics

    rng = np.random.default_rng(seed)
    label, prediction = (np.round(rng.normal(0, 0.1, count), digits).clip(-0.9) for _ in range(2))
    p_up = rng.random(count)
    result = score(sample_of(label, prediction, p_up=p_up))
    close = 100.0
    assert result.n == count
    assert result.mse == pytest.approx(metrics.mean_squared_error(label, prediction), rel=1e-12, abs=1e-15)
    assert result.mae == pytest.approx(metrics.mean_absolute_error(label, prediction), rel=1e-12, abs=1e-15)
    implied = close * (1 + prediction)
    actual = close * (1 + label)
    assert result.mape == pytest.approx(metrics.mean_absolute_percentage_error(actual, implied), rel=1e-9, abs=1e-12)
    assert result.brier == pytest.approx(metrics.brier_score_loss(label > 0, p_up, labels=[False, True]), rel=1e-12)
    if np.ptp(label) > 0:
        assert result.r2 == pytest.approx(metrics.r2_score(label, prediction), rel=1e-9, abs=1e-9)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # scipy's, where one side is constant
        ic = spearmanr(prediction, label).statistic
    assert result.ic == (None if np.isnan(ic) else pytest.approx(ic, rel=1e-9, abs=1e-12))


def test_by_hand():
    result = score(sample_of([0.1, -0.1, 0.2], [0.1, 0.1, 0.0], mean=0.1, p_up=[0.5, 0.5, 1.0], up_share=0.5))
    assert result.mse == pytest.approx((0.04 + 0.04) / 3)
    assert result.mae == pytest.approx(0.4 / 3)
    assert result.r2_mean == pytest.approx(1 - 0.08 / 0.05)  # the mean's errors: 0, 0.2, 0.1
    assert result.mape == pytest.approx((0.2 / 0.9 + 0.2 / 1.2) / 3)
    assert result.hit_rate == pytest.approx(1 / 3)
    assert result.brier == pytest.approx((0.25 + 0.25 + 0) / 3)
    assert result.brier_skill == pytest.approx(1 - 0.5 / 0.75)


def test_a_zero_on_either_side_is_never_a_hit():
    assert score(sample_of([0.1, 0.0, 0.0, -0.1], [0.0, 0.1, 0.0, -0.1])).hit_rate == 0.25


@pytest.mark.parametrize(
    ("sample", "name", "reason"),
    [
        (sample_of([0.1, 0.1], [0.1, 0.2]), "r2", "the labels do not vary"),
        (sample_of([0.1, 0.2], [0.1, 0.2], mean=NAN), "r2_mean", "there is no training mean"),
        (sample_of([0.1, 0.1], [0.1, 0.2], mean=0.1), "r2_mean", "the training mean has no error"),
        (sample_of([0.1, 0.2], [0.0, 0.0]), "hit_rate", "every prediction is 0, which has no sign"),
        (sample_of([0.1, 0.2], [0.3, 0.3]), "ic", "the predictions or the labels do not vary"),
        (sample_of([0.1], [0.3]), "ic", "the predictions or the labels do not vary"),
        (sample_of([0.1, 0.2], [0.3, 0.3]), "brier", "the confidence is no probability"),
        (sample_of([0.1, 0.2], [0.3, 0.3]), "brier_skill", "the confidence is no probability"),
        (sample_of([0.1, 0.2], [0.3, 0.3], p_up=0.5, up_share=NAN), "brier_skill", "there is no training up-share"),
        (sample_of([0.1, 0.2], [0.3, 0.3], p_up=0.5, up_share=1), "brier_skill", "the training up-share has no error"),
        (sample_of([0.1, 0.2], [1, 2], strength=True), "mse", "a signed strength, not an expected return"),
    ],
)
def test_what_is_undefined_is_none_with_a_reason(sample, name, reason):
    result = score(sample)
    assert getattr(result, name) is None
    assert reason in result.reasons[name]


def test_a_strength_has_a_direction_but_no_error():
    result = score(sample_of([0.1, -0.2, 0.3], [5, -7, 1], strength=True))
    assert result.hit_rate == 1
    assert result.ic == pytest.approx(0.5)
    assert all(getattr(result, name) is None for name in ("mse", "mae", "r2", "r2_mean", "mape"))


def test_no_rows_no_scores():
    empty = score(sample_of([], []))
    assert empty.n == 0
    assert set(empty.reasons) == set(SCORES)


def test_every_score_is_a_field_and_is_given_or_excused():
    for sample in (sample_of([0.1, -0.2], [0.1, 0.2], p_up=0.5), replace(sample_of([0.1], [0.0]), strength=True)):
        dumped = score(sample).dump()
        assert set(dumped) == {"n", "reasons", *SCORES}
        assert {name for name in SCORES if dumped[name] is None} == set(dumped["reasons"])
