"""The finished trials of a sweep on disk: a file a chunk, and a line of the journal that vouches for it."""

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
    """What a sweep has finished, now and before it was interrupted.

    Parameters
    ----------
    folder : the sweep's, owned by this process.
    journal : its open journal.
    look : called before anything is kept; it raises if what is to be kept may have been spoilt by an interrupt.
    """

    def __init__(self, folder: Path, journal: Journal, look: Callable[[], None] = lambda: None) -> None:
        self._folder, self._journal, self._look = folder / CHUNKS, journal, look
        self._entries = {(entry["first"], entry["count"]): entry for entry in journal.entries if "file" in entry}

    def __len__(self) -> int:
        return sum(count for _, count in self._entries)

    def get(self, numbers: Rows, points: Any = None) -> Scores | None:
        """The scores of trials that are finished; None if they are not, or if their file is damaged.

        Raises
        ------
        StoreError
            The journal has other points under these numbers.
        """
        entry = self._entries.get(_key(numbers))
        if entry is None:
            return None
        if points is not None and entry.get("points") != points:
            raise StoreError(
                f"{self._journal.path}: trial {numbers[0]} was another point; "
                f"remove {self._folder.parent} to begin anew"
            )
        if points is not None:
            entry["points"] = points  # equal, and in the order of the space, which the journal does not keep
        found = self._read(entry)
        if found is None:
            log.warning("%s: is damaged or gone; its trials are run again", self._folder / entry["file"])
            del self._entries[_key(numbers)]
        return found

    def point(self, number: int) -> Mapping[str, Any]:
        """The point of a finished trial that was asked for."""
        found: Mapping[str, Any] = self._entries[(number, 1)]["points"]
        return found

    def put(self, scores: Scores, numbers: Rows, points: Any = None) -> None:
        """Keep the scores of trials; they are on the disk when this returns.

        Raises
        ------
        StoreError
            They could not be written.
        """
        self._look()
        content = pack(scores)
        entry = {
            "first": int(numbers[0]),
            "count": len(numbers),
            "last": int(numbers[-1]),
            "file": f"{numbers[0]:09d}-{len(numbers)}.npz",
            "sha256": hashlib.sha256(content).hexdigest(),
            **({} if points is None else {"points": points}),
        }
        write_durably(self._folder / entry["file"], content)
        self._journal.append(entry)
        self._entries[_key(numbers)] = entry

    def all(self) -> Iterator[Scores]:
        """Everything that is finished, chunk by chunk, in the order of their first trials."""
        for _, entry in sorted(self._entries.items()):
            yield self._whole(entry)

    def between(self, numbers: Rows) -> Scores:
        """The scores of these trials alone, which follow one another."""
        first, last = int(numbers[0]), int(numbers[-1])
        theirs = (each for each in self._entries.values() if each["first"] <= last and each["last"] >= first)
        return join_scores([select_trials(self._whole(each), numbers) for each in theirs])

    def _whole(self, entry: Mapping[str, Any]) -> Scores:
        found = self._read(entry)
        if found is None:
            raise StoreError(f"{self._folder / entry['file']}: is damaged; give the same command again")
        return found

    def _read(self, entry: Mapping[str, Any]) -> Scores | None:
        try:
            content = (self._folder / entry["file"]).read_bytes()
        except OSError:
            return None
        return unpack(content) if hashlib.sha256(content).hexdigest() == entry["sha256"] else None


def _key(numbers: Rows) -> tuple[int, int]:
    """Chunks are cut alike each time, so that the first trial and their number tell them apart."""
    return int(numbers[0]), len(numbers)
