"""Every statistic of the panel against the values of its window, computed one by one."""

import numpy as np
import pytest

from serving.monitor.channels import scale_of
from serving.monitor.statistics import WINDOWS, first_of, panel_of, statistics_of


@pytest.fixture(scope="module")
def parts(make_observations):
    reference = make_observations(400, symbols=2)
    live = make_observations(100, symbols=2, seed=1)
    scale = scale_of(reference)
    table = statistics_of(live, scale)
    names = [(check.kind, check.subject, check.window) for check in panel_of(reference.names)]
    return reference, live, {name: table[:, place] for place, name in enumerate(names)}


@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize("row", [70, 99])
def test_inputs_by_hand(parts, window, row):
    reference, live, table = parts
    base = reference.features[:, :, 1].ravel()
    values = live.features[row + 1 - window : row + 1, :, 1].ravel()
    standard = (values - base.mean()) / base.std()
    edges = np.quantile(base, np.arange(1, 10) / 10)
    expected, shares = (
        np.bincount((part[:, None] > edges).sum(axis=1), minlength=10) / len(part) for part in (base, values)
    )
    floor = 0.5 / len(values)
    psi = sum((p - q) * np.log((p + floor) / (q + floor)) for p, q in zip(shares, expected, strict=True))
    assert table["mean", "input1", window][row] == pytest.approx(abs(standard.mean()))
    assert table["spread", "input1", window][row] == pytest.approx(abs(np.log(standard.var())))
    assert table["psi", "input1", window][row] == pytest.approx(psi)
    assert table["ks", "input1", window][row] == pytest.approx(np.abs(np.cumsum(shares - expected)).max())
    assert table["repeated", "input1", window][row] == 0.0


@pytest.mark.parametrize("window", WINDOWS)
def test_errors_by_hand(parts, window):
    reference, live, table = parts
    rows = slice(100 - window, 100)
    error = (live.outcome - live.prediction)[rows] / live.sigma[rows]
    wrong = np.sign(live.prediction[rows]) != np.sign(live.outcome[rows])
    standard = (live.prediction[rows] - reference.prediction.mean()) / reference.prediction.std()
    outcome = (live.outcome / live.sigma)[rows]
    product = np.clip(standard, -3, 3) * np.clip(outcome, -3, 3)
    assert table["bias", "error", window][-1] == pytest.approx(abs(error.mean()))
    assert table["squared error", "error", window][-1] == pytest.approx((error**2).mean())
    assert table["misses", "error", window][-1] == pytest.approx(wrong.mean())
    assert table["disagreement", "error", window][-1] == pytest.approx(-product.mean())
    assert table["overconfidence", "error", window][-1] == pytest.approx(0.54 - (1 - wrong.mean()))
    assert table["volatility", "error", window][-1] == pytest.approx(0.0, abs=1e-12)
    standard, outcome = (
        np.clip(values, -3, 3)
        for values in (
            (live.prediction - reference.prediction.mean()) / reference.prediction.std(),
            live.outcome / 0.01,
        )
    )
    sessions = range(100 - window, 100)
    late = [standard[row - 1] * outcome[row] - standard[row] * outcome[row] for row in sessions]
    early = [standard[row] * outcome[row - 1] - standard[row] * outcome[row] for row in sessions]
    expected = max(np.mean(late), np.mean(early))
    assert table["session shift", "error", window][-1] == pytest.approx(expected)


@pytest.mark.parametrize("window", WINDOWS)
def test_coverage_by_hand(make_observations, window):
    reference, live = make_observations(400, symbols=2), make_observations(100, symbols=2, seed=1)
    for part, width in ((reference, 1.2), (live, 0.5)):
        part.covered[:] = np.abs(part.outcome - part.prediction) <= width * part.sigma
    table = statistics_of(live, scale_of(reference))
    checks = panel_of(reference.names, intervals=True)
    assert table.shape[1] == len(checks) == len(panel_of(reference.names)) + len(WINDOWS)
    place = [(check.kind, check.window) for check in checks].index(("coverage", window))
    expected = abs(live.covered[-window:].mean() - reference.covered.mean())
    assert table[-1, place] == pytest.approx(expected)


def test_before_a_window_is_full_there_is_no_value(parts):
    _, _, table = parts
    for (_, _, window), values in table.items():
        assert np.isnan(values[: window - 1]).all()
        assert np.isfinite(values[window - 1 :]).all()


def test_unknown_outcomes_are_left_out(make_observations):
    reference = make_observations(300)
    live = make_observations(60, seed=2)
    table = statistics_of(live, scale_of(reference))
    live.outcome[-5:] = np.nan
    later = statistics_of(live, scale_of(reference))
    names = [check.kind for check in panel_of(reference.names)]
    place = names.index("squared error")
    error = ((live.outcome - live.prediction) / live.sigma)[40:55]
    assert later[-1, place] == pytest.approx((error**2).mean())
    assert later[-1, names.index("psi")] == table[-1, names.index("psi")]


def test_the_first_session_of_a_shift():
    rng = np.random.default_rng(3)
    values = rng.normal(size=100)
    values[70:] += 2.0
    assert abs(first_of(values) - 70) <= 2


def test_two_values_have_the_shares_that_they_have(make_observations):
    reference, live = make_observations(400), make_observations(100, seed=5)
    for part in (reference, live):
        part.features[:, :, 2] = (part.features[:, :, 2] > 0.5).astype(float)
    table = statistics_of(live, scale_of(reference))
    names = [(check.kind, check.subject, check.window) for check in panel_of(reference.names)]
    assert table[-1, names.index(("psi", "input2", 60))] < 0.2
