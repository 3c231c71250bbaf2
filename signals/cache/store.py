"""A cache of finished signals and finished folds: content-addressed, checked, bounded, shared by processes.

An entry is one file, named by its key: the SHA-256 of what follows on the first line, then what
:mod:`signals.cache.serialization` makes of it. It is written under another name and renamed, so that
no reader sees a part of one. A process that computes signals holds a lock on their key, and others that need the same
signals wait for it. The lock is the operating system's own on an empty file: it ends with the process that holds it.
"""

import hashlib
import logging
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from core.errors import StoreError
from core.files import TEMPORARY, write_atomically
from core.progress import Progress, ProgressCallback, no_progress
from core.types import Fold
from signals.folds.fit_fold import FoldOutcome
from signals.signals_result import Signals

from .serialization import pack_fold, pack_signals, unpack_fold, unpack_signals

if TYPE_CHECKING:
    from filelock import BaseFileLock

SIGNALS, FOLD = ".signals", ".fold"
LOCK = ".lock"
ABANDONED = 3600.0  # seconds: a temporary file or a free lock this old belongs to a process that died
POLL_SECONDS = 0.1  # between two attempts at a lock that another process holds
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class StoreInfo:
    """The contents of a store: the number of entries, how many of them are single folds, and their bytes."""

    folder: Path
    entries: int
    folds: int
    size: int
    limit: int


class Problems:
    """The problems that one store has had: the first of a sort is a warning, the others are for the debug log.

    A run has one store, and may meet a hundred damaged folds.
    """

    def __init__(self) -> None:
        self.unwritable: set[Path] = set()
        self._warned: set[str] = set()

    def log(self, sort: str, message: str, *values: object) -> None:
        """Log a problem of a sort."""
        log.log(logging.DEBUG if sort in self._warned else logging.WARNING, message, *values)
        self._warned.add(sort)


@dataclass(frozen=True)
class SignalStore:
    """A folder of finished signals and folds; no problem with it fails a run.

    Attributes
    ----------
    folder : created with the first entry.
    limit_bytes : when there is more, the entries that were not used for longest are removed.
    problems : the problems so far.
    """

    folder: Path
    limit_bytes: int = 1_000_000_000
    problems: Problems = field(default_factory=Problems, repr=False, compare=False)

    def get(self, key: str) -> Signals | None:
        """The signals under a key; None where there are none, or where the entry is damaged (it is removed then)."""
        content = self._read(self._path(key, SIGNALS))
        return unpack_signals(content) if content else None

    def put(self, key: str, signals: Signals) -> None:
        """Store signals under a key, and make room for them."""
        self._write(self._path(key, SIGNALS), pack_signals(signals))
        self.trim(keep=key)

    def get_fold(self, key: str, fold: Fold) -> FoldOutcome | None:
        """The outcome of a fold under a key, as :meth:`get`."""
        content = self._read(self._path(key, FOLD))
        return unpack_fold(content, fold) if content else None

    def put_fold(self, key: str, fold: Fold, outcome: FoldOutcome) -> None:
        """Store the outcome of a fold; room is made by :meth:`put` or :meth:`trim`, not after each of many folds."""
        self._write(self._path(key, FOLD), pack_fold(outcome, fold))

    @contextmanager
    def alone(self, key: str, on_progress: ProgressCallback = no_progress) -> Iterator[None]:
        """A lock on a key: no other process computes its signals meanwhile; waits for one that does.

        Where no lock can be made, as in a read-only folder, each process computes them for itself.
        """
        lock = self._lock(key, on_progress)
        try:
            yield
        finally:
            if lock:
                with suppress(OSError):  # while it is held: a process that opened it before finds that it has gone
                    Path(lock.lock_file).unlink()
                lock.release()

    def info(self) -> StoreInfo:
        """The number and the size of the entries."""
        entries = list(self._entries())
        folds = sum(path.suffix == FOLD for path, _, _ in entries)
        return StoreInfo(self.folder, len(entries), folds, sum(size for _, size, _ in entries), self.limit_bytes)

    def clear(self) -> int:
        """Remove every entry and the files that dead processes left; returns the number of entries.

        Raises
        ------
        StoreError
            An entry cannot be removed.
        """
        paths = [path for path, _, _ in self._entries()]
        try:
            for path in paths:
                _remove(path)
        except OSError as error:
            raise StoreError(f"cache: {error.filename} cannot be removed: {error.strerror}") from error
        self._sweep(older_than=0.0)
        return len(paths)

    def trim(self, keep: str = "") -> None:
        """Remove files that dead processes left, and the longest unused entries beyond the limit but for ``keep``."""
        try:
            self._sweep(ABANDONED)
            self._evict(self._path(keep, SIGNALS))
        except OSError as error:
            self.problems.log("write", "cache: no room can be made in %s: %s", self.folder, error)

    def _path(self, key: str, suffix: str) -> Path:
        return self.folder / f"{key}{suffix}"

    def _read(self, path: Path) -> bytes | None:
        """An entry's content without its hash; None where it is missing or damaged."""
        try:
            content = path.read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            self.problems.log("read", "cache: %s cannot be read (%s); what it held is made again", path, error)
            self._discard(path)
            return None
        check, _, payload = content.partition(b"\n")
        if check != hashlib.sha256(payload).hexdigest().encode():
            self.problems.log("read", "cache: %s is damaged; it is removed, and what it held is made again", path)
            self._discard(path)
            return None
        with suppress(OSError):  # a folder that may only be read, or an entry evicted meanwhile
            os.utime(path)
        return payload

    def _write(self, path: Path, payload: bytes) -> None:
        content = hashlib.sha256(payload).hexdigest().encode() + b"\n" + payload
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            write_atomically(path, content)
        except OSError as error:
            if path not in self.problems.unwritable:
                self.problems.log("write", "cache: %d bytes cannot be kept in %s: %s", len(content), self.folder, error)

    def _discard(self, path: Path) -> None:
        """Remove a damaged entry; where that fails it stays, and nothing is written in its place."""
        try:
            _remove(path)
        except OSError:
            self.problems.unwritable.add(path)

    def _entries(self) -> Iterator[tuple[Path, int, float]]:
        """Every entry's path, size and time of last use; another process may remove one at any moment."""
        for path in sorted(self.folder.glob("*")):
            with suppress(FileNotFoundError):
                if path.suffix in (SIGNALS, FOLD):
                    status = path.stat()
                    yield path, status.st_size, status.st_mtime

    def _evict(self, keep: Path) -> None:
        entries = sorted(self._entries(), key=lambda entry: entry[2])
        total = sum(size for _, size, _ in entries)
        for path, size, _ in entries:
            if total <= self.limit_bytes:
                break
            if path != keep:
                _remove(path)
                total -= size

    def _sweep(self, older_than: float) -> None:
        """Remove temporary files and locks older than so many seconds, but no lock that is held."""
        for path in [*self.folder.glob(f"*{TEMPORARY}"), *self.folder.glob(f"*{LOCK}")]:
            with suppress(OSError):
                if time.time() - path.stat().st_mtime < older_than:
                    continue
                if path.suffix == TEMPORARY:
                    path.unlink()
                elif lock := _acquired(path):
                    path.unlink()
                    lock.release()

    def _lock(self, key: str, on_progress: ProgressCallback) -> "BaseFileLock | None":
        path = self._path(key, LOCK)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            if lock := _acquired(path):
                return lock
            log.info("another process makes these signals (%s); waiting for it", key[:12])
            step = Progress("waiting for another process", 0, 1)
            on_progress(step)
            lock = _acquired(path, wait=True)
        except (OSError, NotImplementedError) as error:
            self.problems.log(
                "write", "cache: nothing can be locked in %s (%s); each run makes its own", self.folder, error
            )
            return None
        on_progress(Progress(step.task, 1, 1))
        return lock


def _acquired(path: Path, wait: bool = False) -> "BaseFileLock | None":
    """The lock on a file, held; None where another process holds it and ``wait`` is not set."""
    from filelock import FileLock, Timeout

    lock = FileLock(path)
    try:
        lock.acquire(timeout=-1 if wait else 0, poll_interval=POLL_SECONDS)
    except Timeout:
        return None
    return lock


def _remove(path: Path) -> None:
    """Remove an entry, or an empty folder in the place of one."""
    try:
        path.unlink(missing_ok=True)
    except OSError:
        if not path.is_dir():
            raise
        path.rmdir()
