"""The recursion of an LSTM network: against PyTorch, compiled against plain, and no dependence on the other rows."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from signals import compiled_kernels, kernels
from signals.lstm_recursion import LIMIT, LstmWeights, lstm_outputs, tanh

ROWS = 60


def network_of(seed, features, hidden, layers):
    import torch
    from torch import nn

    torch.manual_seed(seed)
    lstm = nn.LSTM(features, hidden, layers, batch_first=True)
    return nn.ModuleDict({"lstm": lstm, "head": nn.Linear(hidden, 1)})


def weights_of(network):
    return LstmWeights.of({name: weight.numpy() for name, weight in network.state_dict().items()})


def features_of(seed, features, scale=2.0):
    return np.random.default_rng(seed).normal(0, scale, (ROWS, features)).astype(np.float32)


def outputs(function, X, starts, sequence, weights):
    out = np.empty(len(starts), dtype=np.float32)
    function(X, np.array(starts, dtype=np.intp), sequence, weights.gates, weights.biases, weights.head, out)
    return out


def test_tanh():
    x = np.linspace(-12, 12, 100_001).astype(np.float32)
    np.testing.assert_allclose(tanh(x), np.tanh(x.astype(np.float64)), rtol=5e-7)
    assert tanh(np.float32(-1e30)) == tanh(-LIMIT)
    assert tanh(x).dtype == np.float32


networks = st.tuples(st.integers(0, 99), st.integers(1, 5), st.integers(1, 9), st.integers(1, 3))


@given(networks, st.integers(1, 12))
def test_it_is_pytorchs_network(shape, sequence):
    import torch

    network = network_of(*shape)
    X = features_of(shape[0], shape[1])
    starts = np.arange(ROWS - sequence + 1)
    with torch.inference_mode():
        states, _ = network["lstm"](torch.tensor(np.stack([X[start : start + sequence] for start in starts])))
        expected = network["head"](states[:, -1])[:, 0].numpy()
    np.testing.assert_allclose(outputs(lstm_outputs, X, starts, sequence, weights_of(network)), expected, atol=2e-6)


@given(networks, st.integers(1, 12), st.lists(st.integers(0, ROWS - 12), min_size=1, max_size=9))
def test_compiled_code_has_the_bits_of_the_plain_one_whatever_the_other_rows(shape, sequence, starts):
    weights = weights_of(network_of(*shape))
    X = features_of(shape[0], shape[1], scale=5.0)
    plain = outputs(lstm_outputs, X, starts, sequence, weights)
    assert outputs(compiled_kernels.lstm_outputs, X, starts, sequence, weights).tobytes() == plain.tobytes()
    alone = [outputs(lstm_outputs, X, [start], sequence, weights)[0] for start in starts]
    assert np.array(alone).tobytes() == plain.tobytes()


@pytest.mark.processor
def test_the_bits_are_those_of_any_processor():
    """Worked out with two units by hand-written constants; nothing but single additions, products and quotients."""
    grid = np.linspace(-0.5, 0.5, 8 * 5, dtype=np.float32).reshape(5, 8)
    weights = LstmWeights(grid, np.full((1, 8), 0.25, np.float32), np.array([1.5, -0.75, 0.125], np.float32))
    X = np.linspace(-1, 1, 12, dtype=np.float32).reshape(4, 3)
    expected = np.array([by_hand(weights, X, start) for start in range(3)], dtype=np.float32)
    assert outputs(lstm_outputs, X, range(3), 2, weights).tobytes() == expected.tobytes()


def by_hand(weights, X, start):
    """The network one number at a time."""
    one = np.float32(0.5)
    state = [np.float32(0), np.float32(0)]
    cell = list(state)
    for row in (start, start + 1):
        inputs = [*X[row], *state]
        total = [np.float32(0.25)] * 8
        for source, value in enumerate(inputs):
            total = [sum_ + value * weights.gates[source, column] for column, sum_ in enumerate(total)]
        enter, forget, leave = ([one + one * tanh(one * total[first + unit]) for unit in (0, 1)] for first in (0, 2, 6))
        cell = [forget[unit] * cell[unit] + enter[unit] * tanh(total[4 + unit]) for unit in (0, 1)]
        state = [leave[unit] * tanh(cell[unit]) for unit in (0, 1)]
    return weights.head[2] + state[0] * weights.head[0] + state[1] * weights.head[1]


def test_the_network_is_compiled_after_some_windows(monkeypatch):
    weights = weights_of(network_of(0, 2, 3, 1))
    X = features_of(0, 2)
    starts = np.arange(4)
    monkeypatch.setattr(kernels.LSTM, "_rows", 0)
    plain = kernels.lstm_outputs(X, starts, 5, weights)
    monkeypatch.setattr(kernels, "ROWS_BEFORE_COMPILING", kernels.LSTM._rows)
    assert kernels.lstm_outputs(X, starts, 5, weights).tobytes() == plain.tobytes()
    assert kernels.LSTM.after(0) is compiled_kernels.lstm_outputs
