"""Permutation importance: what matters is found, what does not is not, and the definition holds."""

import numpy as np
import pytest

from core.types import read_only
from signals.evaluation.permutation_importance import permutation_importance
from signals.models.base import Samples
from signals.models.ensemble import Ensemble
from signals.models.lstm import Lstm
from signals.models.ridge import Ridge

NAMES = ("matters", "does not", "a little")


def samples_of(seed=0, rows=300):
    rng = np.random.default_rng(seed)
    X = rng.normal(0, 1, (rows, 3))
    y = X[:, 0] + 0.3 * X[:, 2] + rng.normal(0, 0.1, rows)
    return Samples(read_only(X), read_only(y), read_only(np.zeros(rows), np.intp), read_only(np.roll(y, 1)))


SAMPLES = samples_of()
TRAIN = np.arange(150)
STOP = np.arange(150, 200)
BLOCK = np.arange(200, 300)


def importance(model, rows=BLOCK, seed=5):
    fitted = model.fit(SAMPLES, TRAIN, STOP, 1)
    return permutation_importance(model, fitted, SAMPLES, rows, SAMPLES.y[rows], NAMES, seed)


def test_what_matters_is_found():
    [result] = importance(Ridge(alpha=1e-6)).values()
    # Permuting a column of a linear model adds twice its squared weight times the column's variance to the error.
    expected = 2 * np.array([1, 0, 0.09]) * SAMPLES.X[BLOCK].var(axis=0) / SAMPLES.y[BLOCK].var()
    np.testing.assert_allclose([result[name] for name in NAMES], expected, atol=0.25 * expected.max())
    assert abs(result["does not"]) < 0.01


def test_the_definition_with_its_own_permutations():
    model = Ridge()
    fitted = model.fit(SAMPLES, TRAIN, STOP, 1)
    base = np.mean((fitted.predict(SAMPLES, BLOCK) - SAMPLES.y[BLOCK]) ** 2)
    rng = np.random.default_rng(5)
    for column, name in enumerate(NAMES):
        X = np.array(SAMPLES.X)
        X[BLOCK, column] = X[rng.permutation(BLOCK), column]
        moved = Samples(X, SAMPLES.y, SAMPLES.first)
        worse = np.mean((fitted.predict(moved, BLOCK) - SAMPLES.y[BLOCK]) ** 2)
        expected = (worse - base) / np.var(SAMPLES.y[BLOCK])
        assert importance(model)["model"][name] == pytest.approx(expected, rel=1e-9)


def test_an_ensembles_members_are_measured_on_the_same_permutations():
    model = Ensemble.parse({"members": {"ridge": {"weight": 0.5}, "persistence": {"weight": 0.5}}})
    result = importance(model)
    assert set(result) == {"model", "ridge", "persistence"}
    assert result["ridge"] == pytest.approx(importance(Ridge())["model"], rel=1e-9)
    assert set(result["persistence"].values()) == {0.0}  # it looks at no feature
    assert result["model"]["matters"] > 0.1


def test_a_model_of_windows_is_measured_with_its_windows():
    model = Lstm(
        hidden=8, layers=1, dropout=0.0, sequence=3, epochs=40, patience=40, batch=64, chunk=16, learning_rate=0.02
    )
    [result] = importance(model).values()
    assert result["matters"] > 10 * abs(result["does not"])


def test_many_rows_are_thinned_and_few_cells_at_a_time_change_nothing(monkeypatch):
    from signals.evaluation import permutation_importance as module

    full = importance(Ridge())
    monkeypatch.setattr(module, "MAX_CELLS", 1)
    assert importance(Ridge()) == full
    monkeypatch.setattr(module, "MOST_ROWS", 50)
    assert importance(Ridge()) == importance(Ridge(), rows=BLOCK[::2])


def test_it_is_deterministic_and_silent_where_there_is_nothing_to_explain():
    assert importance(Ridge(), seed=1) == importance(Ridge(), seed=1) != importance(Ridge(), seed=2)
    model = Ridge()
    fitted = model.fit(SAMPLES, TRAIN, STOP, 1)
    assert permutation_importance(model, fitted, SAMPLES, BLOCK, np.ones(len(BLOCK)), NAMES, 1) == {}
    none = np.arange(0)
    assert permutation_importance(model, fitted, SAMPLES, none, SAMPLES.y[none], NAMES, 1) == {}
