"""Scoring headlines by a model of FinBERT's size: batched, one by one, and from the cache.

Run from the project's root: ``python benchmarks/text.py``. The model has FinBERT's shape (BERT base: 12 layers of 768)
and random weights, for what is measured is time; it goes through the scorer that a config names. One thread.
"""

import argparse
import os
import random
import tempfile
from pathlib import Path
from statistics import median
from time import perf_counter

os.environ.update(OMP_NUM_THREADS="1", GOMP_SPINCOUNT="0", OMP_WAIT_POLICY="PASSIVE", HF_HUB_OFFLINE="1")

import numpy as np
import torch
import transformers
from rich.console import Console
from rich.table import Table
from tokenizers import BertWordPieceTokenizer
from transformers import BertConfig, BertForSequenceClassification, BertTokenizerFast

from signals.text._score_cache import scored
from signals.text.transformers import Transformers

WORDS = ("profit", "loss", "margin", "outlook", "strong", "weak", "orders", "sales", "costs", "rise", "fall", "board")


def build(folder: Path) -> None:
    """A classifier of FinBERT's shape."""
    words = BertWordPieceTokenizer(lowercase=True)
    words.train_from_iterator([" ".join(WORDS)] * 10, vocab_size=600, min_frequency=1, show_progress=False)
    words.save_model(str(folder))
    tokenizer = BertTokenizerFast(vocab=f"{folder}/vocab.txt", do_lower_case=True, model_max_length=512)
    torch.manual_seed(0)
    names = {0: "positive", 1: "negative", 2: "neutral"}
    config = BertConfig(vocab_size=30522, num_labels=3, id2label=names, label2id={v: k for k, v in names.items()})
    BertForSequenceClassification(config).eval().save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--texts", type=int, default=96)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    torch.set_num_threads(1)
    rng = random.Random(0)  # noqa: S311 - no secret
    texts = sorted({" ".join(rng.choices(WORDS, k=rng.randint(6, 14))) for _ in range(options.texts)})
    with tempfile.TemporaryDirectory() as place:
        build(Path(place))
        os.environ["BACKTRADER_ML_CACHE"] = f"{place}/cache"
        ways = {"one by one": 1, "batches of 8": 8, "batches of 32": 32}
        scorers = {name: Transformers(folder=place, batch=batch) for name, batch in ways.items()}
        expected = scored(scorers["batches of 32"], texts)
        assert all(np.allclose(scorer.score(texts[:16]), expected[:16], atol=1e-5) for scorer in scorers.values())
        seconds: dict[str, list[float]] = {name: [] for name in (*ways, "kept")}
        for _ in range(options.rounds):
            for name, scorer in scorers.items():
                start = perf_counter()
                scorer.score(texts)
                seconds[name].append(perf_counter() - start)
            start = perf_counter()
            scored(scorers["batches of 32"], texts)
            seconds["kept"].append(perf_counter() - start)
    table = Table(title=f"transformers {transformers.__version__}, torch {torch.__version__}, one thread", box=None)
    for head in ("way", "texts a second", "times one by one", "lowest to highest"):
        table.add_column(head, justify="left" if head == "way" else "right")
    for name, found in seconds.items():
        ratios = [one / own for one, own in zip(seconds["one by one"], found, strict=True)]
        rate = len(texts) / median(found)
        table.add_row(name, f"{rate:.1f}", f"{median(ratios):.2f}", f"{min(ratios):.2f} to {max(ratios):.2f}")
    Console(width=100).print(table)


if __name__ == "__main__":
    main()
