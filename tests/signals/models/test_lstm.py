"""The LSTM: windows against brute force, when it stops, which weights it keeps, and what it refuses."""

import copy
import logging
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from torch import nn

from core.errors import ModelError
from core.types import read_only
from signals.models._lstm_network import Adam
from signals.models.base import Samples
from signals.models.lstm import Lstm

SMALL = {"hidden": 4, "sequence": 6, "epochs": 3, "batch": 32}
ROWS = (90, 70)
FIRST = np.repeat([0, 90], ROWS)
TRAIN = np.r_[0:60, 90:130]
STOP = np.r_[60:75, 130:140]


def samples_of(seed=0, scale=0.01, shift=0.0):
    rng = np.random.default_rng(seed)
    X = rng.uniform(0, 1, (160, 3))
    y = scale * (X[:, 0] - 0.5 + rng.normal(0, 0.3, 160)) + shift
    return Samples(read_only(X), read_only(y), read_only(FIRST, np.intp))


SAMPLES = samples_of()


def fit(samples=SAMPLES, seed=3, train=TRAIN, stop=STOP, on_progress=lambda step: None, **changes):
    return Lstm.parse({**SMALL, **changes}).fit(samples, train, stop, seed, on_progress)


def answer(fitted, window, hidden=4, layers=2):
    """One window through PyTorch's network, back in the labels' units."""
    lstm = nn.LSTM(window.shape[1], hidden, layers, batch_first=True)
    network = nn.ModuleDict({"lstm": lstm, "head": nn.Linear(hidden, 1)})
    network.load_state_dict({name: torch.tensor(weight) for name, weight in fitted.weights.items()})
    with torch.inference_mode():
        output, _ = network["lstm"](torch.tensor(window[None].astype(np.float32)))
        raw = network["head"](output[:, -1])[0, 0].item()
    return raw * fitted.scale + fitted.centre


def test_every_row_is_answered_from_its_own_window_and_no_other_symbols_rows():
    fitted = fit()
    result = fitted.predict(SAMPLES, np.arange(160))
    for row in range(160):
        if row - FIRST[row] < 5:
            assert np.isnan(result[row])
        else:
            assert result[row] == pytest.approx(answer(fitted, SAMPLES.X[row - 5 : row + 1]), rel=1e-5, abs=1e-8)


def test_the_network_learns_from_complete_windows_only():
    """The first rows of each symbol have no window: their labels must not matter."""
    y = np.array(SAMPLES.y)
    y[[0, 1, 4, 90, 94]] = 123.0
    assert_same(fit(Samples(SAMPLES.X, y, SAMPLES.first)), fit())
    y[5] = 123.0
    with pytest.raises(AssertionError):
        assert_same(fit(Samples(SAMPLES.X, y, SAMPLES.first)), fit())


def assert_same(left, right):
    rows = np.arange(5, 90)
    assert left.predict(SAMPLES, rows).tobytes() == right.predict(SAMPLES, rows).tobytes()


def test_labels_are_standardised_by_the_training_rows():
    fitted = fit()
    complete = TRAIN[TRAIN - FIRST[TRAIN] >= 5]
    assert fitted.centre == pytest.approx(SAMPLES.y[complete].mean())
    assert fitted.scale == pytest.approx(SAMPLES.y[complete].std())
    rows = np.arange(140, 160)
    moved = fit(samples_of(scale=10.0, shift=50.0)).predict(SAMPLES, rows)
    np.testing.assert_allclose((moved - 50) / 1000, fitted.predict(SAMPLES, rows), rtol=1e-3, atol=1e-6)


def test_the_best_epoch_is_kept_and_patience_ends_the_training():
    fitted = fit(epochs=200, patience=2, learning_rate=0.05)
    losses = np.array(fitted.details["stop_losses"])
    best = int(np.argmin(losses))
    assert fitted.details["best_epoch"] == best + 1
    assert fitted.details["epochs"] == len(losses) == best + 3 < 200
    error = (fitted.predict(SAMPLES, STOP) - SAMPLES.y[STOP]) / fitted.scale
    assert np.mean(error**2) == pytest.approx(losses[best], rel=1e-5)  # PyTorch computed the loss
    assert losses[best] < losses[-1]


def test_every_epoch_is_reported_and_logged(caplog):
    steps = []
    with caplog.at_level(logging.DEBUG, logger="signals.models"):
        losses = fit(on_progress=steps.append).details["stop_losses"]
    assert [(step.task, step.done, step.total) for step in steps] == [("lstm", epoch, 3) for epoch in (1, 2, 3)]
    assert steps[-1].note == f"epoch 3, val loss {losses[-1]:.4f}"
    assert caplog.messages[0] == f"lstm: epoch 1 of 3: loss on the stop rows {losses[0]:.6f}"


def test_training_that_stops_early_ends_its_progress():
    steps = []
    fit(on_progress=steps.append, epochs=200, patience=2, learning_rate=0.05)
    assert steps[-1].done == steps[-1].total == 200
    assert all(step.done < 200 for step in steps[:-1])


def test_its_steps_are_those_of_pytorchs_optimiser_bit_for_bit():
    torch.manual_seed(1)
    network = nn.ModuleDict({"lstm": nn.LSTM(3, 5, 2, batch_first=True), "head": nn.Linear(5, 1)})
    theirs = copy.deepcopy(network)
    ours, optimiser = Adam(network, 0.01), torch.optim.Adam(theirs.parameters(), lr=0.01)
    for _ in range(20):
        windows = torch.randn(7, 4, 3)
        ours.step((network["head"](network["lstm"](windows)[0]) ** 2).mean())
        optimiser.zero_grad()
        (theirs["head"](theirs["lstm"](windows)[0]) ** 2).mean().backward()
        optimiser.step()
        for one, other in zip(network.parameters(), theirs.parameters(), strict=True):
            assert torch.equal(one, other)


TRAINED = """
import sys
import torch
from test_lstm import fit
fit()
print("torch._dynamo" in sys.modules)
torch.optim.Adam([torch.zeros(1, requires_grad=True)])
print("torch._dynamo" in sys.modules)
"""


@pytest.mark.slow
def test_training_imports_no_compiler_of_graphs():
    folders = os.pathsep.join(filter(None, [str(Path(__file__).parent), *sys.path]))
    environment = {**os.environ, "PYTHONPATH": folders}
    done = subprocess.run([sys.executable, "-c", TRAINED], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "True"]  # did PyTorch's class import none either, ours could go


def test_one_layer_without_dropout_is_fine():
    assert np.isfinite(fit(layers=1, dropout=0.0).predict(SAMPLES, np.arange(140, 160))).all()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"layers": 1}, "is 0.2, but one layer has nothing to drop between layers; set it to 0, or layers to 2"),
        ({"dropout": 1.0}, "must be at least 0 and below 1"),
        ({"sequence": 0}, "greater than 0"),
        ({"epochs": 0}, "greater than 0"),
        ({"learning_rate": 0.0}, "greater than 0"),
    ],
)
def test_what_cannot_be_right_cannot_be_built(changes, message):
    with pytest.raises(ValidationError, match=message):
        Lstm.parse(changes)


def test_a_sequence_longer_than_the_training_rows_names_both_numbers():
    with pytest.raises(ModelError, match=r"sequence is 61, but at the training rows .* more than 60 rows"):
        fit(sequence=61)


def test_a_sequence_longer_than_the_stop_rows_have_behind_them_is_refused():
    with pytest.raises(ModelError, match=r"sequence is 60, but at the stop rows .* more than 50 rows"):
        fit(sequence=60, stop=np.arange(130, 140))


def test_a_training_that_explodes_says_what_to_do():
    y = np.array(SAMPLES.y)
    y[STOP] = np.inf
    with pytest.raises(ModelError, match=r"the error on the stop rows became inf; lower learning_rate"):
        fit(Samples(SAMPLES.X, y, SAMPLES.first))
