"""Ridge against scikit-learn and its closed form, persistence by hand."""

import numpy as np
import pytest

from core.errors import ModelError
from core.types import read_only
from signals.models.base import Samples
from signals.models.persistence import Persistence
from signals.models.ridge import Ridge

RNG = np.random.default_rng(0)
X = RNG.uniform(0, 1, (80, 3))
LAST = RNG.normal(0, 0.01, 80)
Y = X @ [0.02, -0.01, 0.0] + RNG.normal(0, 0.01, 80)
ROWS = np.arange(50)
STOP = np.arange(50, 60)
TEST = np.arange(60, 80)


def samples(weight=None):
    return Samples(read_only(X), read_only(Y), read_only(np.zeros(80), np.intp), read_only(LAST), weight)


@pytest.mark.parametrize("alpha", [1e-4, 0.01, 1.0])
def test_ridge_is_the_closed_form(alpha):
    centred = X[ROWS] - X[ROWS].mean(axis=0)
    level = Y[ROWS].mean()
    beta = np.linalg.solve(centred.T @ centred + alpha * len(ROWS) * np.eye(3), centred.T @ (Y[ROWS] - level))
    expected = level + (X[TEST] - X[ROWS].mean(axis=0)) @ beta
    fitted = Ridge(alpha=alpha).fit(samples(), ROWS, STOP, 1)
    np.testing.assert_allclose(fitted.predict(samples(), TEST), expected, rtol=1e-9)
    np.testing.assert_allclose(fitted.details["coefficients"], beta, rtol=1e-9)


def test_a_row_of_weight_two_counts_as_two_rows():
    weight = np.ones(80)
    weight[3] = 2
    twice = np.append(ROWS, 3)
    one = Ridge(alpha=1e-9).fit(samples(weight), ROWS, STOP, 1).predict(samples(), TEST)
    two = Ridge(alpha=1e-9).fit(samples(), twice, STOP, 1).predict(samples(), TEST)
    np.testing.assert_allclose(one, two, rtol=1e-6)


def test_a_prediction_is_the_same_bits_whatever_else_is_asked():
    fitted = Ridge().fit(samples(), ROWS, STOP, 1)
    full = fitted.predict(samples(), TEST)
    assert [fitted.predict(samples(), TEST[index : index + 1])[0] for index in range(len(TEST))] == full.tolist()


def test_persistence_repeats_the_latest_known_label():
    fitted = Persistence().fit(samples(), ROWS, STOP, 1)
    np.testing.assert_array_equal(fitted.predict(samples(), TEST), LAST[TEST])
    bare = Samples(read_only(X), read_only(Y), read_only(np.zeros(80), np.intp))
    with pytest.raises(ModelError, match="do not say which outcomes are known"):
        fitted.predict(bare, TEST)
