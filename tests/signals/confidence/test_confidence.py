"""The calibrator against scikit-learn, brute force over the weight, and its promises at the edges."""

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from signals.confidence.agreement import Agreement
from signals.confidence.base import Block, Predicted
from signals.confidence.calibrated import Calibrated, Platt
from signals.confidence.conformal import Conformal
from signals.confidence.constant import Always, Constant
from signals.models.base import Forecast
from signals.spec import SignalSpec

CALIBRATED = Calibrated()
START = pd.Timestamp("2020-01-01 21:00", tz="UTC")


def predicted_of(prediction, spread=None):
    prediction = np.array(prediction, dtype=float)
    return Predicted(Forecast(prediction), np.full(len(prediction), np.nan) if spread is None else np.array(spread))


def block_of(prediction, y, up_share=0.53, symbols=1, horizon=1, spread=None):
    """A block whose rows are all known, one a day and symbol."""
    count = len(y) // symbols
    days = pd.DatetimeIndex([START + pd.Timedelta(days=day) for day in range(count)]).as_unit("ns")
    times = pd.DatetimeIndex(np.tile(days, symbols), tz="UTC")
    known_at = times + pd.Timedelta(days=horizon)
    return Block(predicted_of(prediction, spread), np.array(y, dtype=float), times, known_at, up_share)


def confidence_of(fitted, prediction):
    return fitted.judge(predicted_of(prediction)).confidence


def planted(count, strength, seed=0):
    """Predictions that say something of the labels' signs."""
    rng = np.random.default_rng(seed)
    prediction = rng.normal(0, 0.01, count)
    return prediction, strength * prediction + rng.normal(0.002, 0.01, count)


def fit(prediction, y, up_share=0.53, spec=CALIBRATED, **shape):
    return spec.fit(block_of(prediction, y, up_share, **shape))


def sklearn_p_up(prediction, y):
    """Platt's regression by scikit-learn: its C = 1 is a ridge of 1 on the slope alone."""
    from sklearn.linear_model import LogisticRegression

    z = (prediction - prediction.mean()) / prediction.std()
    model = LogisticRegression(C=1.0, tol=1e-12, max_iter=10_000).fit(z[:, None], y > 0)
    return lambda values: model.predict_proba(((values - prediction.mean()) / prediction.std())[:, None])[:, 1]


def test_the_whole_recipe_against_scikit_learn_and_a_search_for_the_weight():
    prediction, y = planted(400, 0.3, seed=1)
    calibrator = fit(prediction, y)
    # With a horizon of one bar the label of row 199 is known at row 200: the first half is whole.
    trial = sklearn_p_up(prediction[:200], y[:200])(prediction[200:])
    up = y[200:] > 0
    weights = np.linspace(0, 1, 10_001)
    brier = [np.mean((weight * trial + (1 - weight) * 0.53 - up) ** 2) for weight in weights]
    assert 0 < calibrator.weight < 1
    assert calibrator.weight == pytest.approx(weights[np.argmin(brier)], abs=1e-4)
    expected = calibrator.weight * sklearn_p_up(prediction, y)(prediction) + (1 - calibrator.weight) * 0.53
    np.testing.assert_allclose(calibrator.p_up(prediction), expected, atol=1e-6)
    assert calibrator.rows == 400
    assert calibrator.reason == ""


def test_confidence_is_the_probability_of_the_predicted_sign():
    platt = Platt(up_share=0.6, weight=0.5, center=0.0, scale=1.0, intercept=0.0, slope=1.0)
    p_up = 0.5 / (1 + np.exp([-2.0, 2.0, 0.0])) + 0.5 * 0.6
    np.testing.assert_allclose(platt.p_up(np.array([2.0, -2.0, 0.0])), p_up, rtol=1e-14)
    np.testing.assert_allclose(confidence_of(platt, [2.0, -2.0, 0.0]), [p_up[0], 1 - p_up[1], 1 - p_up[2]], rtol=1e-14)


def test_no_opinion_gives_no_confidence():
    for fitted in (fit(*planted(200, 2.0)), fit(np.zeros(200), planted(200, 0)[1]), Always(0.7)):
        np.testing.assert_array_equal(np.isnan(confidence_of(fitted, [0.1, np.nan, -0.1])), [False, True, False])
        assert np.isnan(fitted.judge(predicted_of([np.nan])).p_up).all()


def test_rows_without_a_prediction_are_left_out():
    prediction, y = planted(300, 1.0)
    gaps = prediction.copy()
    gaps[[0, 10, 250]] = np.nan
    calibrator = fit(gaps, y)
    is_predicted = ~np.isnan(gaps)
    assert calibrator.rows == 297
    assert calibrator.center == pytest.approx(prediction[is_predicted].mean())


def test_the_halves_are_halves_in_time_for_several_symbols():
    """The same rows, stacked by symbol or interleaved in one, calibrate alike."""
    prediction, y = planted(400, 1.0)
    stacked = fit(np.r_[prediction[::2], prediction[1::2]], np.r_[y[::2], y[1::2]], symbols=2)
    single = fit(prediction, y)
    assert stacked.weight == pytest.approx(single.weight, rel=1e-9)
    assert stacked.slope == pytest.approx(single.slope, rel=1e-9)


def test_the_first_half_is_purged_of_labels_that_reach_into_the_second():
    prediction, y = planted(400, 0.3, seed=1)
    calibrator = fit(prediction, y, horizon=10)
    trial = sklearn_p_up(prediction[:191], y[:191])(prediction[200:])  # row 190 is known at row 200
    move = trial - 0.53
    assert calibrator.weight == pytest.approx(np.sum(move * ((y[200:] > 0) - 0.53)) / np.sum(move**2), abs=1e-5)


def test_noise_that_gains_nothing_has_no_weight():
    share = 0.579  # the plant's own share of labels above 0: the normal distribution at 0.2
    calibrators = [fit(*planted(300, 0.0, seed), up_share=share) for seed in range(40)]
    assert np.mean([fitted.weight == 0 for fitted in calibrators]) > 0.4
    none = next(fitted for fitted in calibrators if fitted.weight == 0)
    assert none.reason == "calibration gains nothing over the base rate on the second half of the block"
    np.testing.assert_array_equal(none.p_up(np.array([-1.0, 1.0])), share)


def test_a_relation_that_turns_round_has_no_weight():
    prediction, y = planted(400, 3.0)
    y[200:] = -y[200:]
    assert fit(prediction, y).weight == 0


@pytest.mark.parametrize(
    ("prediction", "y", "reason"),
    [
        (np.zeros(100), np.tile([0.1, -0.1], 50), "the prediction is constant in the first half"),
        (np.arange(100.0), np.full(100, 0.1), "all labels have one sign in the first half"),
        (np.arange(30.0), np.tile([0.1, -0.1], 15), "halves have 15 and 15 rows, fewer than 20"),
        (np.full(100, np.nan), np.tile([0.1, -0.1], 50), "halves have 0 and 0 rows"),
    ],
)
def test_a_block_that_cannot_be_calibrated_says_why(prediction, y, reason):
    calibrator = fit(prediction, y, up_share=0.55)
    assert calibrator.weight == 0
    assert reason in calibrator.reason
    np.testing.assert_array_equal(confidence_of(calibrator, [0.1, -0.1]), [0.55, 1 - 0.55])


def test_a_separable_block_stays_finite():
    prediction = np.tile([-1.0, 1.0], 100)
    calibrator = fit(prediction, prediction)
    assert calibrator.weight == pytest.approx(1, abs=0.05)
    assert 1 < calibrator.slope < 10


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    count=st.integers(60, 200),
    rare=st.floats(0.01, 0.99),
    tail=st.sampled_from([1.0, 5.0, 50.0]),
    strength=st.floats(-5, 5),
)
def test_the_fit_is_a_minimum_and_probabilities_are_probabilities(seed, count, rare, tail, strength):
    rng = np.random.default_rng(seed)
    prediction = rng.normal(0, 1, count) * np.where(rng.random(count) < 0.05, tail, 1)
    y = np.where(rng.random(count) < rare, 0.01, -0.01) + 0.02 * (strength * prediction > 3)
    calibrator = fit(prediction, y, up_share=rare)
    values = calibrator.p_up(np.array([-1e300, -1.0, 0.0, 1.0, 1e300]))
    assert ((values >= 0) & (values <= 1)).all()
    if calibrator.weight:
        z = (prediction - calibrator.center) / calibrator.scale
        up = y > 0
        p = 1 / (1 + np.exp(-(calibrator.intercept + calibrator.slope * z)))
        assert np.sum(p - up) == pytest.approx(0, abs=1e-8 * count)
        assert np.sum((p - up) * z) + calibrator.slope == pytest.approx(0, abs=1e-8 * count)


def test_constant_is_constant_and_no_probability():
    judged = fit(*planted(100, 1.0), spec=Constant(value=0.25)).judge(predicted_of([-1.0, 0.0, 1.0, np.nan]))
    np.testing.assert_array_equal(judged.confidence, [0.25, 0.25, 0.25, np.nan])
    assert np.isnan(judged.p_up).all()
    assert np.isnan(judged.half_width).all()
    assert Constant().value == 1.0


def test_dumps_are_json():
    for fitted in (fit(*planted(200, 2.0)), fit(np.zeros(200), planted(200, 0)[1]), Always(0.7)):
        assert json.loads(json.dumps(fitted.dump(), allow_nan=False)) == fitted.dump()
    assert Always(0.7).dump() == {"kind": "constant", "value": 0.7}


@pytest.mark.parametrize(
    ("values", "message"),
    [({"value": 0.0}, "must be above 0 and at most 1"), ({"value": 50.0}, "for 50 % write 0.5")],
)
def test_wrong_values_cannot_be_built(values, message):
    with pytest.raises(ValidationError, match=message):
        Constant.parse(values)


def volatile(count, seed=0):
    """Predictions of nothing, outcomes whose spread changes and is known."""
    rng = np.random.default_rng(seed)
    spread = 0.01 * np.exp(rng.normal(0, 0.5, count))
    return rng.normal(0, 0.001, count), rng.normal(0, 1, count) * spread, spread


def test_the_conformal_interval_against_crepes():
    from crepes import ConformalRegressor

    prediction, y, spread = volatile(150)
    fitted = Conformal(coverage=0.9).fit(block_of(prediction, y, spread=spread))
    oracle = ConformalRegressor().fit(y - prediction, sigmas=spread)
    new = np.array([0.01, -0.02])
    new_spread = np.array([0.01, 0.03])
    expected = oracle.predict_int(new, sigmas=new_spread, confidence=0.9)
    judged = fitted.judge(predicted_of(new, new_spread))
    np.testing.assert_allclose(new - judged.half_width, expected[:, 0], rtol=1e-12)
    np.testing.assert_allclose(new + judged.half_width, expected[:, 1], rtol=1e-12)


def test_the_conformal_probability_by_hand():
    y = np.linspace(-0.02, 0.02, 21)  # errors of -2, -1.8, ..., 2 in units of a spread of 1 %
    fitted = Conformal().fit(block_of(np.zeros(21), y, spread=np.full(21, 0.01)))
    judged = fitted.judge(predicted_of([0.0051, -0.0051, 0.5], np.full(3, 0.01)))
    # The outcome is above 0 where the error is above -0.51: 13 of the 21 errors, and half of the new one.
    np.testing.assert_allclose(judged.p_up, [13.5 / 22, 8.5 / 22, 21.5 / 22], rtol=1e-12)
    np.testing.assert_allclose(judged.confidence, [13.5 / 22, 13.5 / 22, 21.5 / 22], rtol=1e-12)


def test_conformal_intervals_cover_what_they_say_and_more_evenly_than_unscaled_ones():
    covered = []
    wild = []
    plain_wild = []
    for seed in range(60):
        prediction, y, spread = volatile(400, seed)
        fitted = Conformal(coverage=0.9).fit(block_of(prediction[:200], y[:200], spread=spread[:200]))
        half = fitted.judge(predicted_of(prediction[200:], spread[200:])).half_width
        error = np.abs(y[200:] - prediction[200:])
        calm = spread[200:] <= np.quantile(spread[200:], 0.8)
        covered.append(np.mean(error <= half))
        wild.append(np.mean((error <= half)[~calm]))
        plain_wild.append(np.mean(error[~calm] <= np.quantile(np.abs(y[:200] - prediction[:200]), 0.9)))
    assert np.mean(covered) == pytest.approx(0.9, abs=0.01)
    assert np.mean(wild) == pytest.approx(0.9, abs=0.02)
    assert np.mean(plain_wild) < 0.8


def test_a_block_too_short_for_the_coverage_has_no_end_of_its_interval():
    prediction, y, spread = volatile(30)
    fitted = Conformal(coverage=0.99).fit(block_of(prediction, y, spread=spread))
    assert np.isinf(fitted.judge(predicted_of([0.01], [0.01])).half_width).all()
    assert fitted.dump()["quantile"] is None


def test_without_a_volatility_the_base_rate_is_said():
    prediction, y, _ = volatile(100)
    fitted = Conformal().fit(block_of(prediction, y, up_share=0.55))
    judged = fitted.judge(predicted_of([0.01, -0.01], [0.01, 0.01]))
    np.testing.assert_array_equal(judged.p_up, [0.55, 0.55])
    assert "fewer than 20" in fitted.dump()["reason"]
    with_reason = Conformal().fit(block_of(prediction, y, up_share=0.55, spread=np.full(100, 0.01)))
    np.testing.assert_array_equal(with_reason.judge(predicted_of([0.01], [np.nan])).p_up, [0.55])


def test_agreement_by_hand():
    parts = {"a": np.array([1.0, 1, -1, 0]), "b": np.array([1.0, -1, -1, 1]), "c": np.array([1.0, -1, 1, -1])}
    weights = {"a": 0.5, "b": 0.3, "c": 0.2}
    prediction = np.array([1.0, 0.0, -0.6, 0.1])
    predicted = Predicted(Forecast(prediction, parts, weights), np.full(4, np.nan))
    calibrator = Agreement().fit(block_of([], []))
    np.testing.assert_allclose(calibrator.judge(predicted).confidence, [1.0, 0.0, 0.8, 0.3], atol=1e-15)
    assert np.isnan(calibrator.judge(predicted).p_up).all()


def test_agreement_needs_members():
    given = {"model": {"kind": "ridge"}, "features": [{"kind": "sma"}], "confidence": {"kind": "agreement"}}
    with pytest.raises(ValidationError, match="model ridge has no members that could agree: take kind calibrated"):
        SignalSpec.parse(given)
    SignalSpec.parse({**given, "model": {"kind": "ensemble"}})
