"""Every scorer plug-in is held to the rules of its family; one that needs a model of its own is scored elsewhere."""

import inspect
import json

import numpy as np
import pytest

from core.plugins import kinds, load
from signals.text.base import Scorer

PACKAGE = "signals.text"
ALL = [pytest.param(load(PACKAGE, kind)(), id=kind) for kind in kinds(PACKAGE)]
AT_HAND = [item for item in ALL if item.id != "transformers"]
every_scorer = pytest.mark.parametrize("scorer", ALL)
at_hand = pytest.mark.parametrize("scorer", AT_HAND)
TEXTS = ["a great success", "a terrible failure", "the meeting is on Monday", "ни слова", "1,234.5 %", "x" * 3000]


@every_scorer
def test_its_docstring_is_a_sentence_and_has_an_example(scorer: Scorer):
    docstring = inspect.getdoc(type(scorer))
    assert docstring.partition("\n")[0].endswith("."), "the first line of its docstring is no sentence"
    assert "Examples" in docstring, "its docstring has no section Examples"


@every_scorer
def test_what_it_dumps_reads_back(scorer: Scorer):
    values = json.loads(json.dumps(scorer.dump()))
    assert values.pop("kind") == scorer.kind
    assert type(scorer).parse(values) == scorer


@at_hand
def test_scores_lie_between_minus_1_and_1_and_tell_good_from_bad(scorer: Scorer):
    scores = scorer.score(TEXTS)
    assert scores.shape == (len(TEXTS),)
    assert scores.dtype == np.float64
    assert (np.abs(scores) <= 1).all()
    assert scores[0] > scores[1]


@at_hand
def test_a_score_is_the_texts_own(scorer: Scorer):
    assert scorer.score(TEXTS[::-1]).tolist() == scorer.score(TEXTS)[::-1].tolist()
    assert [scorer.score([text])[0] for text in TEXTS] == scorer.score(TEXTS).tolist()


@at_hand
def test_the_digest_stays_and_notes_are_lines(scorer: Scorer):
    assert scorer.digest() == scorer.digest()
    assert all("\n" not in note for note in scorer.notes)
