"""The finished trials of a sweep on disk: a file for each chunk, and its checksum in the journal."""

import hashlib
import logging
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from core.errors import StoreError
from core.types import Rows
from engine.sweep.trials.trial_scores import Scores, join_scores, pack, select_trials, unpack

from .journal import Journal, write_durably
from .sweep_folder import CHUNKS

log = logging.getLogger(__name__)


class TrialStore:
    """The finished trials of a sweep, those from before an interruption included.

    Parameters
    ----------
    folder : the sweep's, owned by this process.
    journal : its open journal.
    raise_if_interrupted : called before anything is stored; it raises if an interrupt may have damaged the scores.
    """

    def __init__(self, folder: Path, journal: Journal, raise_if_interrupted: Callable[[], None] = lambda: None) -> None:
        self._folder = folder / CHUNKS
        self._journal = journal
        self._raise_if_interrupted = raise_if_interrupted
        self._entries = {(entry["first"], entry["count"]): entry for entry in journal.entries if "file" in entry}
        self._points: dict[tuple[int, int], Any] = {}

    def __len__(self) -> int:
        return sum(count for _, count in self._entries)

    def get(self, trials: Rows, points: Any = None) -> Scores | None:
        """The scores of trials that are finished; None if they are not, or if their file is damaged.

        Parameters
        ----------
        trials : their numbers.
        points : the trials' points; None where these follow from the numbers. :meth:`point` returns them from then
            on, because the journal does not store the order of their keys.

        Raises
        ------
        StoreError
            The journal has other points under these numbers.
        """
        entry = self._entries.get(_key(trials))
        if entry is None:
            return None
        if points is not None:
            self._require_equal(entry, points)
            self._points[_key(trials)] = points
        scores = self._read(entry)
        if scores is None:
            log.warning("%s: is damaged or gone; its trials are run again", self._folder / entry["file"])
            del self._entries[_key(trials)]
        return scores

    def _require_equal(self, entry: Mapping[str, Any], points: Any) -> None:
        if entry.get("points") != points:
            raise StoreError(
                f"{self._journal.path}: trial {entry['first']} was another point; "
                f"remove {self._folder.parent} to begin anew"
            )

    def point(self, trial_number: int) -> Mapping[str, Any]:
        """The point of a finished trial that :meth:`get` or :meth:`put` was given."""
        key = (trial_number, 1)
        point: Mapping[str, Any] = self._points.get(key, self._entries[key]["points"])
        return point

    def put(self, scores: Scores, trials: Rows, points: Any = None) -> None:
        """Store the scores of trials; they are on the disk when this returns. Parameters as :meth:`get`.

        Raises
        ------
        StoreError
            They could not be written.
        """
        self._raise_if_interrupted()
        content = pack(scores)
        entry: dict[str, Any] = {
            "first": int(trials[0]),
            "count": len(trials),
            "last": int(trials[-1]),
            "file": f"{trials[0]:09d}-{len(trials)}.npz",
            "sha256": hashlib.sha256(content).hexdigest(),
        }
        if points is not None:
            entry["points"] = points
            self._points[_key(trials)] = points
        write_durably(self._folder / entry["file"], content)
        self._journal.append(entry)
        self._entries[_key(trials)] = entry

    def all(self) -> Iterator[Scores]:
        """The scores of all finished trials, chunk by chunk, in the order of their first trials."""
        for _, entry in sorted(self._entries.items()):
            yield self._read_intact(entry)

    def between(self, trials: Rows) -> Scores:
        """The scores of consecutive trials alone."""
        first = int(trials[0])
        last = int(trials[-1])
        overlapping = (entry for entry in self._entries.values() if entry["first"] <= last and entry["last"] >= first)
        return join_scores([select_trials(self._read_intact(entry), trials) for entry in overlapping])

    def _read_intact(self, entry: Mapping[str, Any]) -> Scores:
        scores = self._read(entry)
        if scores is None:
            raise StoreError(f"{self._folder / entry['file']}: is damaged; give the same command again")
        return scores

    def _read(self, entry: Mapping[str, Any]) -> Scores | None:
        try:
            content = (self._folder / entry["file"]).read_bytes()
        except OSError:
            return None
        return unpack(content) if hashlib.sha256(content).hexdigest() == entry["sha256"] else None


def _key(trials: Rows) -> tuple[int, int]:
    """The first trial and the number of trials of a chunk: unique, because chunks are cut alike each time."""
    return int(trials[0]), len(trials)
