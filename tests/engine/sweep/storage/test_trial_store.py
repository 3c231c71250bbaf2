"""The store of finished trials whose points do not follow from their numbers."""

import numpy as np
import pytest

from core.errors import StoreError
from engine.sweep.storage.journal import Journal
from engine.sweep.storage.sweep_folder import CHUNKS
from engine.sweep.storage.trial_store import TrialStore
from engine.sweep.trials.trial_scores import unmeasured_scores

TRIAL = np.array([0])
POINT = {"risk.base": 0.01, "model.slow": 8}
"""Its keys are in the order of the space; the journal sorts them."""


@pytest.fixture
def journal(tmp_path):
    """A journal, opened again, of which one trial is finished."""
    (tmp_path / CHUNKS).mkdir()
    scores = unmeasured_scores(TRIAL, "failed", ["reason"], ("final_value",), (4, 9))
    TrialStore(tmp_path, Journal(tmp_path)).put(scores, TRIAL, POINT)
    return Journal(tmp_path)


def test_a_point_keeps_the_order_of_its_keys_and_the_journal_its_entries(tmp_path, journal):
    store = TrialStore(tmp_path, journal)
    assert store.point(0) == POINT
    assert store.get(TRIAL, POINT).status.tolist() == ["failed"]
    assert list(store.point(0)) == ["risk.base", "model.slow"]
    assert list(journal.entries[-1]["points"]) == ["model.slow", "risk.base"]


def test_another_point_under_the_same_number_is_refused(tmp_path, journal):
    with pytest.raises(StoreError, match="trial 0 was another point; remove"):
        TrialStore(tmp_path, journal).get(TRIAL, {**POINT, "model.slow": 12})
