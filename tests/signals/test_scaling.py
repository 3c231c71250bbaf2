"""Scalers against scikit-learn's, fitted on the training rows only."""

import numpy as np
import pytest
from sklearn.preprocessing import MinMaxScaler, RobustScaler, StandardScaler

from signals.scaling import Scaler

X = np.random.default_rng(0).normal(3, 2, (50, 4))
TRAIN = np.arange(10, 30)
SKLEARN_SCALERS = {"minmax": MinMaxScaler, "standard": StandardScaler, "robust": RobustScaler}


@pytest.mark.parametrize("name", SKLEARN_SCALERS)
def test_each_scaler_is_scikit_learns(name):
    expected = SKLEARN_SCALERS[name]().fit(X[TRAIN]).transform(X)
    np.testing.assert_allclose(Scaler.fit(name, X, TRAIN).apply(X), expected, rtol=1e-12, atol=1e-12)


def test_none_changes_nothing():
    np.testing.assert_array_equal(Scaler.fit("none", X, TRAIN).apply(X), X)


@pytest.mark.parametrize("name", [*SKLEARN_SCALERS, "none"])
def test_rows_outside_the_training_rows_do_not_matter(name):
    other = X.copy()
    other[np.setdiff1d(np.arange(50), TRAIN)] = 1e9
    ours = Scaler.fit(name, X, TRAIN)
    changed = Scaler.fit(name, other, TRAIN)
    assert ours.center.tobytes() == changed.center.tobytes()
    assert ours.scale.tobytes() == changed.scale.tobytes()


@pytest.mark.parametrize("name", [*SKLEARN_SCALERS, "none"])
def test_a_constant_column_is_not_blown_up(name):
    flat = X.copy()
    flat[TRAIN, 1] = 0.1
    scaler = Scaler.fit(name, flat, TRAIN)
    assert scaler.scale[1] == 1
    assert np.isfinite(scaler.apply(flat)).all()


def test_nothing_is_clipped_and_nothing_can_be_written_to():
    scaler = Scaler.fit("minmax", X, TRAIN)
    scaled = scaler.apply(X)
    assert scaled.min() < 0
    assert scaled.max() > 1
    with pytest.raises(ValueError, match="read-only"):
        scaled[0, 0] = 1
