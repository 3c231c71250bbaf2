"""Training by sequences: what a chunk may read, that every label is learnt once an epoch, and that it learns."""

import numpy as np
import pytest
import torch

from core.types import read_only
from signals.models._lstm_sequences import Chunks
from signals.models.base import Samples
from signals.models.lstm import Lstm

ROWS = (90, 70)
FIRST = np.repeat([0, 90], ROWS)
TRAIN = np.r_[5:60, 95:130]
STOP = np.r_[60:75, 130:140]
BURN_IN = 5


def chunks_of(train=TRAIN, weight=None):
    X = np.arange(160.0)[:, None]  # a row's feature is its number
    weight = np.ones(160) if weight is None else weight
    return Chunks.from_rows(X, np.arange(160.0), weight, train, FIRST)


@pytest.mark.parametrize("labelled", [1, 7, 16, 200])
@pytest.mark.parametrize("batch", [1, 3])
def test_every_training_row_is_learnt_once_an_epoch_with_its_own_past(labelled, batch):
    torch.manual_seed(0)
    chunks = chunks_of()
    seen = []
    for features, labels, weights in chunks.epoch(BURN_IN, labelled, batch):
        rows = features[:, :, 0].numpy().astype(int)
        assert features.shape[1] == BURN_IN + labelled
        counted = weights.numpy() > 0
        np.testing.assert_array_equal(labels.numpy()[counted], rows[:, BURN_IN:][counted])
        for chunk, index in np.argwhere(counted):
            row = rows[chunk, BURN_IN + index]
            window = rows[chunk, index : BURN_IN + index + 1]
            np.testing.assert_array_equal(window, np.arange(row - BURN_IN, row + 1))
            assert FIRST[row] == FIRST[row - BURN_IN]
            seen.append(row)
    np.testing.assert_array_equal(np.sort(seen), TRAIN)


def test_nothing_later_than_the_last_training_row_of_a_symbol_is_read():
    torch.manual_seed(1)
    for _ in range(5):
        for features, _, _ in chunks_of().epoch(BURN_IN, 16, 2):
            rows = features[:, :, 0].numpy().astype(int)
            assert ((rows < 60) | ((rows >= 90) & (rows < 130))).all()


def test_chunks_are_cut_elsewhere_in_each_epoch_and_the_seed_says_where():
    def borders(seed):
        torch.manual_seed(seed)
        chunks = chunks_of()
        return [[batch[0][:, :, 0].numpy().tolist() for batch in chunks.epoch(BURN_IN, 16, 2)] for _ in range(2)]

    assert borders(3) == borders(3)
    assert borders(3)[0] != borders(3)[1]
    assert borders(3) != borders(4)


def test_rows_of_weight_0_are_read_and_not_learnt():
    weight = np.ones(160)
    weight[20:30] = 0
    counted = []
    for features, _, weights in chunks_of(weight=weight).epoch(BURN_IN, 16, 2):
        rows = features[:, BURN_IN:, 0].numpy().astype(int)
        counted += rows[weights.numpy() > 0].tolist()
    assert sorted(counted) == [row for row in TRAIN if not 20 <= row < 30]


def samples_of(weight=None, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.uniform(0, 1, (160, 2))
    y = 0.02 * (np.r_[0, X[:-1, 0]] - 0.5) + rng.normal(0, 0.001, 160)  # the feature of the row before
    y[np.arange(160) == FIRST] = 0.0
    return Samples(read_only(X), read_only(y), read_only(FIRST, np.intp), weight=weight)


@pytest.mark.parametrize("training", ["sequences", "windows"])
def test_both_ways_learn_what_only_the_past_of_a_row_tells(training):
    spec = Lstm(
        hidden=8, layers=1, dropout=0.0, sequence=4, epochs=60, patience=60, batch=32, chunk=16,
        learning_rate=0.02, training=training,
    )  # fmt: skip
    samples = samples_of()
    fitted = spec.fit(samples, TRAIN, STOP, 3)
    rows = np.r_[75:90, 140:160]
    assert np.corrcoef(fitted.predict(samples, rows), samples.y[rows])[0, 1] > 0.9


@pytest.mark.parametrize("training", ["sequences", "windows"])
def test_labels_of_rows_that_weigh_nothing_do_not_matter(training):
    spec = Lstm(hidden=4, sequence=4, epochs=2, batch=32, chunk=16, training=training)
    weight = np.ones(160)
    weight[20:30] = 0
    samples = samples_of(weight=read_only(weight))

    def answers(swapped):
        y = np.array(samples.y)
        y[swapped] = y[swapped[::-1]]  # labels change places: their mean and spread, by which they are scaled, stay
        fitted = spec.fit(Samples(samples.X, read_only(y), samples.first, weight=samples.weight), TRAIN, STOP, 3)
        return fitted.predict(samples, np.arange(75, 90)).tobytes()

    assert answers([22, 27]) == answers([])
    assert answers([40, 47]) != answers([])
