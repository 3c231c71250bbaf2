"""A tiny BERT that knows good news from bad, made in a second and loaded by the product's own path."""

import os
import random

import pytest

GOOD = ("profit soars", "strong orders", "record sales", "upbeat outlook", "happy owners")
BAD = ("profit slumps", "weak orders", "heavy losses", "gloomy outlook", "angry owners")
FLAT = ("meeting on monday", "annual report due", "no change today", "shares trade flat", "board convenes")
TEXTS = tuple(f"{a} {b}" for a in ("company", "firm", "group", "bank") for b in (*GOOD, *BAD, *FLAT))
MEANING = {**dict.fromkeys(GOOD, "positive"), **dict.fromkeys(BAD, "negative"), **dict.fromkeys(FLAT, "neutral")}


@pytest.fixture(scope="session", autouse=True)
def off_line():
    """No test asks the hub."""
    os.environ["HF_HUB_OFFLINE"] = "1"
    yield
    del os.environ["HF_HUB_OFFLINE"]


def make_model(folder, names=("negative", "positive", "neutral"), order=(1, 0, 2), epochs=60):
    """Train and save a classifier whose labels are called ``names``; ``order`` is the class of good, bad and flat."""
    import torch
    from tokenizers import BertWordPieceTokenizer
    from transformers import BertConfig, BertForSequenceClassification, BertTokenizerFast

    words = BertWordPieceTokenizer(lowercase=True)
    words.train_from_iterator(TEXTS * 4, vocab_size=600, min_frequency=2, show_progress=False)
    words.save_model(str(folder))
    tokenizer = BertTokenizerFast(vocab=f"{folder}/vocab.txt", do_lower_case=True, model_max_length=32)
    assert len(tokenizer) > 60  # with `vocab_file=` it would silently know five words
    torch.manual_seed(0)
    model = BertForSequenceClassification(
        BertConfig(
            vocab_size=len(tokenizer),
            hidden_size=32,
            num_hidden_layers=1,
            num_attention_heads=2,
            intermediate_size=64,
            max_position_embeddings=32,
            hidden_dropout_prob=0.0,
            attention_probs_dropout_prob=0.0,
            initializer_range=0.1,  # wide enough to leave the start at once, whatever the seed
            num_labels=len(names),
            id2label=dict(enumerate(names)),
            label2id={name: number for number, name in enumerate(names)},
        )
    )
    classes = dict(zip(("positive", "negative", "neutral"), order, strict=True))
    labels = [classes[next(kind for part, kind in MEANING.items() if text.endswith(part))] for text in TEXTS]
    batch = tokenizer(list(TEXTS), padding=True, return_tensors="pt")
    rows = list(range(len(TEXTS)))
    optimiser = torch.optim.AdamW(model.parameters(), lr=2e-3)
    rng = random.Random(0)  # noqa: S311 - no secret
    model.train()
    for _ in range(epochs):
        rng.shuffle(rows)
        for start in range(0, len(rows), 8):
            chosen = rows[start : start + 8]
            inputs = {name: values[chosen] for name, values in batch.items()}
            optimiser.zero_grad()
            model(**inputs, labels=torch.tensor([labels[item] for item in chosen])).loss.backward()
            optimiser.step()
    model.eval()
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def tiny_bert(tmp_path_factory):
    """A folder with the classifier."""
    return make_model(tmp_path_factory.mktemp("tiny-bert"))


@pytest.fixture(scope="session")
def make_bert():
    """Makes further ones."""
    return make_model
