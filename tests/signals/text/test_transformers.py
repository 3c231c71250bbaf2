"""The transformers scorer through the real pipeline on a model that the fixture builds, and everything it refuses."""

import json
import shutil
import sys

import numpy as np
import pytest
from pydantic import ValidationError

from core.errors import ModelError
from signals.text import transformers as module
from signals.text.transformers import Transformers

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")
GOOD, BAD, FLAT = "company profit soars", "bank heavy losses", "group board convenes"


def scorer(folder, **more):
    return Transformers(folder=str(folder), **more)


@pytest.mark.slow
def test_good_news_are_above_0_bad_ones_below_and_others_between(tiny_bert):
    good, bad, flat = scorer(tiny_bert).score([GOOD, BAD, FLAT])
    assert good > 0.5
    assert bad < -0.5
    assert abs(flat) < 0.3


def test_a_score_is_the_difference_of_two_probabilities(tiny_bert):
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    model, tokenizer = (item.from_pretrained(tiny_bert) for item in (AutoModelForSequenceClassification, AutoTokenizer))
    with torch.inference_mode():
        p = torch.softmax(model.eval()(**tokenizer(GOOD, return_tensors="pt")).logits, dim=1)[0]
    expected = float(p[model.config.label2id["positive"]] - p[model.config.label2id["negative"]])
    assert scorer(tiny_bert).score([GOOD])[0] == pytest.approx(expected, abs=2e-6)


@pytest.mark.slow
def test_labels_count_by_their_names_whatever_their_order_and_case(tiny_bert, make_bert, tmp_path):
    other = make_bert(tmp_path, names=("Neutral", "BULLISH", "Bearish"), order=(1, 2, 0))
    np.testing.assert_array_equal(np.sign(scorer(other).score([GOOD, BAD])), [1, -1])


def test_a_text_has_its_score_whatever_stands_beside_it(tiny_bert):
    texts = [GOOD, BAD, FLAT, "firm upbeat outlook", "x " * 20 + "profit"]
    for batch in (1, 3, 32):
        together = scorer(tiny_bert, batch=batch).score(texts)
        assert together.tolist() == [scorer(tiny_bert, batch=batch).score([text])[0] for text in texts]
        assert scorer(tiny_bert, batch=batch).score(texts[::-1]).tolist() == together[::-1].tolist()
        np.testing.assert_allclose(together, scorer(tiny_bert).score(texts), atol=1e-6)


def test_texts_longer_than_the_model_are_cut_off(tiny_bert):
    long = f"{GOOD} " * 200
    assert -1 <= scorer(tiny_bert).score([long])[0] <= 1


def relabelled(tiny_bert, tmp_path, names):
    folder = shutil.copytree(tiny_bert, tmp_path / "relabelled")
    config = json.loads((folder / "config.json").read_text())
    config["id2label"] = {str(number): name for number, name in enumerate(names)}
    config["label2id"] = {name: number for number, name in enumerate(names)}
    (folder / "config.json").write_text(json.dumps(config))
    return folder


def test_labels_without_a_meaning_are_refused_until_it_is_stated(tiny_bert, tmp_path):
    folder = relabelled(tiny_bert, tmp_path, ("LABEL_0", "LABEL_1", "LABEL_2"))
    with pytest.raises(ModelError, match="nothing says what LABEL_0, LABEL_1, LABEL_2 mean: state it"):
        scorer(folder).score([GOOD])
    with_labels = scorer(folder, labels={"LABEL_0": "negative", "LABEL_1": "positive", "LABEL_2": "neutral"})
    assert with_labels.score([GOOD]).tolist() == scorer(tiny_bert).score([GOOD]).tolist()
    with pytest.raises(ModelError, match="nothing says what LABEL_2 mean"):
        scorer(folder, labels={"LABEL_0": "negative", "LABEL_1": "positive"}).score([GOOD])
    with pytest.raises(ValidationError, match="must name a label for positive and one for negative"):
        scorer(folder, labels={"LABEL_0": "neutral"})


def test_the_digest_is_that_of_the_content(tiny_bert, tmp_path):
    same = shutil.copytree(tiny_bert, tmp_path / "same")
    other = relabelled(tiny_bert, tmp_path, ("positive", "negative", "neutral"))
    assert scorer(same).digest() == scorer(tiny_bert).digest() != scorer(other).digest()
    assert scorer(tiny_bert, device="cpu").digest() == scorer(tiny_bert).digest()


def test_a_folder_that_is_none(tmp_path):
    with pytest.raises(ModelError, match=r"scorer.folder: .*gone is no folder"):
        scorer(tmp_path / "gone").score([GOOD])


def test_a_model_that_is_no_classifier(tiny_bert, tmp_path):
    folder = shutil.copytree(tiny_bert, tmp_path / "masked")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "architectures": ["BertForMaskedLM"]}))
    with pytest.raises(ModelError, match=r"holds no text classifier \(its architecture: BertForMaskedLM\)"):
        scorer(folder).score([GOOD])


@pytest.mark.parametrize("content", ["{", "{}", "[]"])
def test_a_folder_with_a_damaged_config_is_one_line(tmp_path, content):
    (tmp_path / "config.json").write_text(content)
    with pytest.raises(ModelError, match=r"cannot be loaded|holds no text classifier") as caught:
        scorer(tmp_path).score([GOOD])
    assert "\n" not in caught.value.line


def test_an_empty_folder_is_one_line(tmp_path):
    with pytest.raises(ModelError, match="cannot be loaded as a text classifier"):
        scorer(tmp_path).score([GOOD])


def test_weights_that_are_cut_off_are_one_line(tiny_bert, tmp_path):
    folder = shutil.copytree(tiny_bert, tmp_path / "cut")
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:100])
    with pytest.raises(ModelError, match="cannot be loaded as a text classifier"):
        scorer(folder).score([GOOD])


def test_a_hub_that_cannot_be_reached_names_both_ways_out():
    with pytest.raises(
        ModelError, match=r"ProsusAI/finbert cannot be fetched .*`folder`, or take `scorer: .kind: vader.`"
    ):
        Transformers().score([GOOD])
    with pytest.raises(ModelError, match="is no name of a model on the hub"):
        Transformers(model="a/b/c/d").digest()


def test_a_missing_library_says_what_to_install(monkeypatch, tiny_bert):
    module._pipeline.cache_clear()
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(ModelError, match=r"not installed .*run `make install` in .*kind: vader"):
        scorer(tiny_bert).score([GOOD])
    module._pipeline.cache_clear()


def test_a_device_that_is_not_there(tiny_bert):
    import torch

    if not torch.cuda.is_available():
        with pytest.raises(ModelError, match="there is no CUDA device"):
            scorer(tiny_bert, device="cuda").score([GOOD])


def test_the_look_ahead_of_the_model_itself_is_said():
    assert "finbert, which was trained on text of its own time" in Transformers().notes[0]
