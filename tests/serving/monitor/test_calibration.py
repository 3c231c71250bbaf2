"""Thresholds from a walk-forward: quiet streams stay quiet at the stated rate, faults raise the right alert."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import binom

from core.errors import DataError
from serving.monitor import calibration as calibrations
from serving.monitor.alerts import alerts_of, run_panel
from serving.monitor.calibration import calibrate, onsets
from serving.monitor.paths import fit_series, simulate


@pytest.fixture(scope="module")
def quiet(make_observations):
    reference = make_observations(600)
    return reference, calibrate(reference)


@pytest.fixture
def live(make_observations):
    return make_observations(200, seed=7, start="2021-01-04")


def from_row(values, change, row=100):
    return np.concatenate([values[:row], change(values[row:])])


def changed(live, change, subject=1):
    features = live.features.copy()
    features[:, :, subject] = from_row(features[:, :, subject], change)
    return replace(live, features=features)


@pytest.mark.parametrize(
    ("kind", "change"),
    [
        ("mean", lambda values: values + 2.5),
        ("mean", lambda values: 100.0 * values + 100.0),
        ("spread", lambda values: 4.0 * values),
        ("repeated", lambda values: np.repeat(values[:1], len(values), axis=0)),
    ],
)
def test_a_fault_of_an_input_raises_its_alert_with_its_session(quiet, live, kind, change):
    reference, calibration = quiet
    panel = run_panel(reference, changed(live, change), calibration)
    alerts = alerts_of(panel, reference, 130)
    found = {alert.check.partition(" over")[0]: alert for alert in alerts}
    assert f"{kind} of input1" in found
    alert = found[f"{kind} of input1"]
    assert alert.statistic > alert.threshold
    assert alert.every == calibration.every
    first = panel.live.sessions.get_loc(alert.first_evidence)
    assert abs(first - 100) <= 8


def test_larger_errors_raise_their_alert(quiet, live):
    reference, calibration = quiet
    wild = replace(live, outcome=from_row(live.outcome, lambda values: 3.0 * values))
    names = [alert.check for alert in alerts_of(run_panel(reference, wild, calibration), reference, 140)]
    assert any(name.startswith("squared error") for name in names)


def test_an_outcome_that_comes_a_session_late_raises_the_shift_with_its_session(make_observations, monkeypatch):
    """With predictions of some skill, a correlation of 0.5: of a small one no statistic finds this."""
    monkeypatch.setattr(calibrations, "STREAMS", 20)
    parts = [make_observations(600), make_observations(200, seed=7, start="2021-01-04")]
    reference, live = (replace(part, outcome=part.outcome + 5.0 * part.prediction) for part in parts)
    late = replace(live, outcome=from_row(live.outcome, lambda values: np.roll(values, 1, axis=0)))
    panel = run_panel(reference, late, calibrate(reference))
    [alert] = [alert for alert in alerts_of(panel, reference, 170) if alert.check.startswith("session shift")]
    assert abs(panel.live.sessions.get_loc(alert.first_evidence) - 100) <= 15
    assert not any(alert.check.startswith("session shift") for alert in alerts_of(panel, reference, 99))


def test_intervals_that_became_narrow_raise_their_alert(make_observations, live, monkeypatch):
    monkeypatch.setattr(calibrations, "STREAMS", 20)
    reference = make_observations(600)
    for part, width in ((reference, 1.645), (live, 1.645)):
        part.covered[:] = np.abs(part.outcome - part.prediction) <= width * part.sigma
    live.covered[100:] = np.abs(live.outcome - live.prediction)[100:] <= 0.5 * live.sigma[100:]
    calibration = calibrate(reference)
    panel = run_panel(reference, live, calibration)
    [alert] = [alert for alert in alerts_of(panel, reference, 140) if alert.check.startswith("coverage")]
    assert abs(panel.live.sessions.get_loc(alert.first_evidence) - 100) <= 8
    names = [check.kind for check in calibration.checks]
    centre = calibration.centre[names.index("coverage")]
    assert centre == pytest.approx(0.6745 * (0.9 * 0.1 / 20) ** 0.5, abs=0.03)  # median of a folded normal mean


def test_the_windows_of_the_first_sessions_reach_back(quiet, live):
    reference, calibration = quiet
    panel = run_panel(reference, live.take(np.arange(1)), calibration)
    assert np.isfinite(panel.scores).all()


@pytest.mark.slow
@pytest.mark.parametrize("memory", [0.0, 0.9])
def test_the_rate_of_false_alarms_is_the_stated_one(make_observations, memory):
    """A test of 99.9 %: 24 streams of 400 sessions with references of their own."""
    every = 200
    began = sessions = 0
    for seed in range(24):
        whole = make_observations(1000, seed=100 + seed, memory=memory)
        reference, live = whole.take(np.arange(600)), whole.take(np.arange(600, 1000))
        panel = run_panel(reference, live, calibrate(reference, every, seed))
        began += len(onsets(panel.worst > 1.0))
        sessions += len(live)
    low, high = binom.interval(0.999, sessions, 1 / every)
    assert low <= began <= high


def test_the_same_walk_forward_gives_the_same_thresholds(make_observations, monkeypatch):
    monkeypatch.setattr(calibrations, "STREAMS", 10)
    reference = make_observations(300)
    assert (calibrate(reference).thresholds() == calibrate(reference).thresholds()).all()


def test_more_false_alarms_are_accepted_at_a_lower_limit(make_observations, monkeypatch):
    monkeypatch.setattr(calibrations, "STREAMS", 20)
    reference = make_observations(300)
    assert calibrate(reference, 50).limit < calibrate(reference, 1000).limit


def test_a_short_walk_forward_is_one_line(make_observations):
    with pytest.raises(DataError, match="has 100 sessions with an outcome; thresholds need 250"):
        calibrate(make_observations(100))


def test_alarms_that_follow_each_other_are_one():
    alarms = np.zeros(300, dtype=bool)
    alarms[[10, 11, 40, 99, 200]] = True
    assert onsets(alarms).tolist() == [10, 200]


def test_new_paths_have_the_memory_and_the_spread_of_the_recorded_ones():
    rng = np.random.default_rng(4)
    values = np.zeros((3000, 2))
    shocks = rng.normal(size=(3000, 2)) @ np.array([[1.0, 0.6], [0.0, 0.8]])
    for row in range(1, 3000):
        values[row] = np.array([0.9, 0.3]) * values[row - 1] + shocks[row]
    model = fit_series(values[None])
    assert np.allclose(model.coefficients.sum(axis=0)[0], [0.9, 0.3], atol=0.05)
    paths = simulate(model, 20, 1000, rng)
    assert np.allclose(paths.std(axis=(0, 1)), values.std(axis=0), rtol=0.1)
    assert np.corrcoef(paths.reshape(-1, 2).T)[0, 1] == pytest.approx(np.corrcoef(values.T)[0, 1], abs=0.08)
    lagged = np.corrcoef(paths[:, 1:, 0].ravel(), paths[:, :-1, 0].ravel())[0, 1]
    assert lagged == pytest.approx(0.9, abs=0.03)
