"""A text classifier by Hugging Face's transformers: FinBERT by name, or a model in a local folder."""

import os
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any, ClassVar, Literal, Self, TypeAlias

import numpy as np
from pydantic import PositiveInt, model_validator
from pydantic_core import PydanticCustomError

from core.digests import digest, tree_digest
from core.errors import ModelError, install_hint
from core.types import Vector

from .base import Scorer

Meaning: TypeAlias = Literal["positive", "negative", "neutral"]
SIGNS = {"positive": 1.0, "negative": -1.0, "neutral": 0.0}
MEANINGS: Mapping[str, Meaning] = {
    "positive": "positive",
    "bullish": "positive",
    "negative": "negative",
    "bearish": "negative",
    "neutral": "neutral",
}
"""What the labels of the usual models mean, in lower case."""
FILES = ("*.json", "*.txt", "*.model", "*.safetensors", "pytorch_model*.bin")
LENGTHS = (16, 32, 64, 128, 256, 512)
"""Tokens to which texts are padded: the next of these, or the model's own limit."""
OTHER_WAYS = "download it elsewhere and give its `folder`, or take `scorer: {kind: vader}`"


class Transformers(Scorer):
    """P(positive) - P(negative) by a sequence classifier, through ``pipeline("text-classification")``.

    Labels are told apart by their names, whatever their order. The model was trained on text of its own time: a
    backtest over years before that time meets a model that has read their future, which no dating of news can mend.

    References
    ----------
    Araci, D. (2019), FinBERT: Financial sentiment analysis with pre-trained language models, arXiv:1908.10063.

    Examples
    --------
    >>> Transformers().model
    'ProsusAI/finbert'
    """

    single_precision: ClassVar[bool] = True

    model: str = "ProsusAI/finbert"
    """The model's name on the hub; it is fetched once and kept by huggingface_hub."""
    folder: str | None = None
    """A local folder with the model instead, as `save_pretrained` writes it; a relative path is read from the file that
    states it."""
    labels: dict[str, Meaning] | None = None
    """What the model's labels mean, where their names do not say it: {LABEL_0: negative, LABEL_1: positive}."""
    batch: PositiveInt = 32
    """Texts at a time."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where it runs; auto: on a CUDA device where there is one."""

    @model_validator(mode="after")
    def _labels_mean_something(self) -> Self:
        if self.labels is not None and not {"positive", "negative"} <= set(self.labels.values()):
            context = {"path": ["labels"]}
            raise PydanticCustomError("labels", "must name a label for positive and one for negative", context)
        return self

    @property
    def notes(self) -> tuple[str, ...]:
        """The look-ahead that nothing here can take away."""
        name = Path(self.folder).name if self.folder else self.model
        return (f"text is scored by {name}, which was trained on text of its own time: before that, it is look-ahead",)

    def digest(self) -> str:
        """By the content of the model's files, the labels' meaning, the batch and the libraries."""
        versions = {name: _version(name) for name in ("transformers", "tokenizers", "torch")}
        return digest([self.kind, _content(self._model_folder()), self.labels, self.batch, versions])

    def score(self, texts: Sequence[str]) -> Vector:
        """(K,) probabilities that it is good news, less those that it is bad.

        Longer texts are cut off where the model's positions end. Every batch has one of a few shapes, filled up with
        its last text: the last digits of an answer depend on the shape, and so never on the texts that stand beside it.
        """
        classify = _pipeline(str(self._model_folder()), self.device)
        signs = self._signs()
        scores = np.empty(len(texts))
        for length, rows in _by_length(classify.tokenizer, texts).items():
            filled = [*rows, *(rows[-1:] * (-len(rows) % self.batch))]
            answers = classify(
                [texts[row] for row in filled],
                batch_size=self.batch,
                truncation=True,
                padding="max_length",
                max_length=length,
                top_k=None,
            )
            for row, answer in zip(rows, answers, strict=False):
                scores[row] = sum(signs[item["label"]] * item["score"] for item in answer)
        return np.clip(scores, -1.0, 1.0)

    def _model_folder(self) -> Path:
        if self.folder is None:
            return _fetched(self.model)
        folder = Path(self.folder).expanduser()
        if not folder.is_dir():
            raise ModelError(f"scorer.folder: {folder} is no folder; give one that `save_pretrained` wrote")
        return folder

    def _signs(self) -> dict[str, float]:
        """The sign of each of the model's labels."""
        names = _pipeline(str(self._model_folder()), self.device).model.config.id2label.values()
        meanings: Mapping[str, str] = self.labels or {name: MEANINGS.get(name.lower(), "") for name in names}
        unknown = [name for name in names if meanings.get(name, "") not in SIGNS]
        if unknown:
            raise ModelError(
                f"scorer: the model's labels are {', '.join(names)}; nothing says what {', '.join(unknown)} mean: "
                "state it, for example labels: {LABEL_0: negative, LABEL_1: neutral, LABEL_2: positive}"
            )
        return {name: SIGNS[meanings[name]] for name in names}


def _by_length(tokenizer: Any, texts: Sequence[str]) -> dict[int, list[int]]:
    """The numbers of the texts by the length to which they are padded."""
    limit = min(int(tokenizer.model_max_length), LENGTHS[-1])
    allowed = [*(length for length in LENGTHS if length < limit), limit]
    by_length: dict[int, list[int]] = {}
    for row, tokens in enumerate(tokenizer(list(texts), truncation=True, max_length=limit)["input_ids"]):
        by_length.setdefault(next(length for length in allowed if length >= len(tokens)), []).append(row)
    return by_length


@cache
def _content(folder: Path) -> str:
    return tree_digest((path for path in folder.rglob("*") if path.is_file()), folder)


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""


def _imported() -> Any:
    try:
        import transformers
    except ImportError as error:
        raise ModelError(
            f"scorer transformers: the library is not installed ({error}); {install_hint('text')}, or take "
            "`scorer: {kind: vader}`"
        ) from error
    return transformers


@cache
def _fetched(name: str) -> Path:
    """The folder in which the hub's library keeps a model; fetched now if it is not there."""
    _imported()
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    try:
        return Path(snapshot_download(name, allow_patterns=list(FILES)))
    except HFValidationError as error:
        raise ModelError(f"scorer.model: {name!r} is no name of a model on the hub; {OTHER_WAYS}") from error
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError) as error:
        reason = str(error).strip().splitlines()[0]
        raise ModelError(f"scorer.model: {name} cannot be fetched from the hub ({reason}); {OTHER_WAYS}") from error


@cache
def _pipeline(folder: str, device: str) -> Any:
    """The pipeline of a folder, checked: a classifier, with a tokenizer that has a vocabulary."""
    transformers = _imported()
    import torch

    if device == "cuda" and not torch.cuda.is_available():
        raise ModelError("scorer.device: is cuda, but there is no CUDA device; take auto or cpu")
    device_name = "cuda" if device != "cpu" and torch.cuda.is_available() else "cpu"
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    transformers.utils.logging.disable_progress_bar()
    try:
        config = transformers.AutoConfig.from_pretrained(folder)
        _require_classifier(folder, config.architectures or [])
        tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
        return transformers.pipeline("text-classification", model=folder, tokenizer=tokenizer, device=device_name)
    except ModelError:
        raise
    except Exception as error:  # whatever a damaged or half-empty folder makes of it
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise ModelError(f"scorer: {folder} cannot be loaded as a text classifier ({reason})") from error


def _require_classifier(folder: str, architectures: Sequence[str]) -> None:
    if not any("SequenceClassification" in name for name in architectures):
        names = ", ".join(architectures) or "not stated"
        raise ModelError(f"scorer: {folder} holds no text classifier (its architecture: {names})")
