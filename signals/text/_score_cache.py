"""The cache of scores: each text is scored once by each model, in this process and, with a cache folder, in any."""

import hashlib
import logging
import math
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

import numpy as np
from filelock import FileLock

from core.caches import cache_folder, caches_used
from core.errors import ModelError
from core.types import Vector

from .base import Scorer

log = logging.getLogger(__name__)
_scores_by_digest: dict[str, dict[str, float]] = {}


def scored(scorer: Scorer, texts: Sequence[str]) -> Vector:
    """(K,) scores, from memory or the cache where they are, else computed and stored.

    Raises
    ------
    ModelError
        The scorer cannot be used, or gave something that is no score.
    """
    if not texts:
        return np.zeros(0)
    digest = scorer.digest()
    stored = _scores_by_digest.setdefault(digest, {})
    path = cache_folder() / "scores" / f"{digest}.txt" if caches_used() else None
    if path and not stored:
        stored.update(_read(path))
    missing = [text for text in dict.fromkeys(texts) if _key(text) not in stored]
    if missing:
        new_scores = dict(zip(map(_key, missing), _checked(scorer, missing), strict=True))
        stored.update(new_scores)
        if path:
            _append(path, new_scores)
    return np.array([stored[_key(text)] for text in texts])


def _checked(scorer: Scorer, texts: Sequence[str]) -> list[float]:
    scores = scorer.score(texts)
    wrong = np.flatnonzero(~(np.abs(scores) <= 1)) if scores.shape == (len(texts),) else np.zeros(1)
    if len(wrong):
        bad_value = scores[int(wrong[0])] if scores.shape == (len(texts),) else f"an array of shape {scores.shape}"
        raise ModelError(f"scorer {scorer.kind}: gave {bad_value}; a score is a number from -1 to 1, one a text")
    return [float(score) for score in scores]


def _key(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _line(key: str, score: float) -> str:
    content = f"{key} {score!r}"
    return f"{content} {zlib.crc32(content.encode()):08x}"


def _read(path: Path) -> dict[str, float]:
    """The scores in a file; damaged lines are left out, with one warning."""
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except FileNotFoundError:
        return {}
    except OSError as error:
        log.warning("cache: %s cannot be read (%s); its texts are scored again", path, error)
        return {}
    scores = {}
    damaged = 0
    for line in lines:
        key, _, rest = line.partition(" ")
        text = rest.partition(" ")[0]
        try:
            score = float(text)
        except ValueError:
            score = math.nan
        if line == _line(key, score) and abs(score) <= 1:
            scores[key] = score
        else:
            damaged += 1
    if damaged:
        log.warning("cache: %d lines of %s are damaged; their texts are scored again", damaged, path)
    return scores


def _append(path: Path, scores: dict[str, float]) -> None:
    """Add scores to a file, whole lines at a time; processes take turns."""
    content = "".join(f"{_line(key, score)}\n" for key, score in scores.items())
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{path}.lock"), path.open("a+b") as file:
            if file.tell() and _last_byte(file) != b"\n":
                content = f"\n{content}"  # whoever wrote last was killed in the middle of a line
            file.write(content.encode())
    except OSError as error:
        log.warning("cache: scores cannot be kept in %s: %s", path, error)


def _last_byte(file: BinaryIO) -> bytes:
    file.seek(-1, 2)
    return file.read(1)
