"""Scores are made once for each text and model, survive on disk, and are made again where they are damaged."""

import logging

import numpy as np
import pytest

from core.caches import caching
from core.errors import ModelError
from signals.text import _score_cache
from signals.text._score_cache import scored
from signals.text.base import Scorer


class Counting(Scorer):
    """A scorer that remembers what it was asked; a text's score is its length over 100."""

    name: str = "one"
    """Part of its digest."""

    def digest(self):
        return f"counting-{self.name}"

    def score(self, texts):
        requests.append(list(texts))
        return np.array([len(text) / 100 for text in texts])


requests: list = []


@pytest.fixture(autouse=True)
def fresh(tmp_path, monkeypatch):
    requests.clear()
    monkeypatch.setenv("BACKTRADER_ML_CACHE", str(tmp_path))
    monkeypatch.setattr(_score_cache, "_scores_by_digest", {})
    return tmp_path


def forget():
    _score_cache._scores_by_digest.clear()


def test_each_text_is_scored_once(fresh):
    assert scored(Counting(), ["a", "bb", "a"]).tolist() == [0.01, 0.02, 0.01]
    assert scored(Counting(), ["bb", "ccc"]).tolist() == [0.02, 0.03]
    forget()
    assert scored(Counting(), ["ccc", "a"]).tolist() == [0.03, 0.01]
    assert requests == [["a", "bb"], ["ccc"]]
    assert scored(Counting(), []).shape == (0,)


def test_another_model_scores_for_itself(fresh):
    scored(Counting(), ["a"])
    scored(Counting(name="two"), ["a"])
    assert requests == [["a"], ["a"]]


@pytest.mark.parametrize(
    "damage", [lambda text: text.replace("0.02", "0.03"), lambda text: text[:-12], lambda text: "?\n" + text]
)
def test_damaged_lines_are_scored_again_and_told_once(fresh, caplog, damage):
    scored(Counting(), ["a", "bb"])
    [path] = fresh.glob("scores/*.txt")
    path.write_text(damage(path.read_text()))
    forget()
    with caplog.at_level(logging.WARNING):
        assert scored(Counting(), ["a", "bb"]).tolist() == [0.01, 0.02]
        scored(Counting(), ["a", "bb"])
    assert len([line for line in caplog.messages if "damaged" in line]) == 1
    forget()
    assert scored(Counting(), ["a", "bb"]).tolist() == [0.01, 0.02]
    assert len(requests) <= 2


def test_a_line_that_was_cut_off_does_not_swallow_the_next(fresh):
    scored(Counting(), ["a"])
    [path] = fresh.glob("scores/*.txt")
    path.write_bytes(path.read_bytes()[:-5])
    forget()
    scored(Counting(), ["bb"])
    forget()
    assert scored(Counting(), ["bb"]).tolist() == [0.02]
    assert requests == [["a"], ["bb"]]


def test_without_caches_nothing_is_written_or_read(fresh):
    with caching(used=False):
        scored(Counting(), ["a"])
    assert not (fresh / "scores").exists()


def test_a_cache_that_cannot_be_written_is_a_warning(fresh, caplog):
    (fresh / "scores").write_text("a file")
    with caplog.at_level(logging.WARNING):
        assert scored(Counting(), ["a"]).tolist() == [0.01]
    assert any("cannot be" in line for line in caplog.messages)


@pytest.mark.parametrize(("answer", "message"), [([2.0], "gave 2.0"), ([np.nan], "gave nan"), ([0.1, 0.2], "shape")])
def test_what_is_no_score_is_refused(fresh, monkeypatch, answer, message):
    monkeypatch.setattr(Counting, "score", lambda self, texts: np.array(answer))
    with pytest.raises(ModelError, match=message):
        scored(Counting(), ["a"])
