"""A cache of finished signals and finished folds: content-addressed, checked, bounded, shared by processes.

An entry is one file, named by its key: the SHA-256 of what follows on the first line, then what
:mod:`signals.cache.serialization` makes of it. It is written under another name and renamed, so that
no reader sees a part of one. A process that computes signals holds a lock on their key, and others that need the same
signals wait for it. The lock is the system's own on an empty file: it ends with the process that holds it.
"""

import hashlib
import logging
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from core.errors import StoreError
from core.progress import Progress, ProgressCallback, no_progress
from core.types import Fold
from signals.folds.fit_fold import FoldOutcome
from signals.signals_result import Signals

from .serialization import pack_fold, pack_signals, unpack_fold, unpack_signals

if TYPE_CHECKING:
    from filelock import BaseFileLock

SIGNALS, FOLD = ".signals", ".fold"
LOCK = ".lock"
TEMPORARY = ".part"
ABANDONED = 3600.0  # seconds: a temporary file or a free lock this old belongs to a process that died
PATIENCE = 0.1  # seconds between two looks at a lock that another process holds
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class StoreInfo:
    """What a store holds: the number of entries, how many of them are single folds, and their bytes."""

    folder: Path
    entries: int
    folds: int
    size: int
    limit: int


@dataclass(frozen=True)
class SignalStore:
    """A folder of finished signals and folds.

    Nothing that goes wrong with it fails a run. Each sort of trouble is a warning the first time that an object meets
    it, with the file, and is not told again: a run has one object, and may meet a hundred damaged folds.

    Attributes
    ----------
    folder : made when the first entry is put.
    limit_bytes : when there is more, the entries that were not used for longest are removed.
    """

    folder: Path
    limit_bytes: int = 1_000_000_000
    _told: set[str] = field(default_factory=set, repr=False, compare=False)

    def get(self, key: str) -> Signals | None:
        """The signals under a key; None where there are none, or where the entry is damaged (it is removed then)."""
        content = self._read(self._path(key, SIGNALS))
        return unpack_signals(content) if content else None

    def put(self, key: str, signals: Signals) -> None:
        """Keep signals under a key, and make room for them."""
        self._write(self._path(key, SIGNALS), pack_signals(signals))
        self.trim(keep=key)

    def get_fold(self, key: str, fold: Fold) -> FoldOutcome | None:
        """What a fold contributed, as :meth:`get`."""
        content = self._read(self._path(key, FOLD))
        return unpack_fold(content, fold) if content else None

    def put_fold(self, key: str, fold: Fold, outcome: FoldOutcome) -> None:
        """Keep what a fold contributed; room is made by :meth:`put` or :meth:`trim`, not after each of many folds."""
        self._write(self._path(key, FOLD), pack_fold(outcome, fold))

    @contextmanager
    def alone(self, key: str, on_progress: ProgressCallback = no_progress) -> Iterator[None]:
        """Nobody else makes the signals of this key meanwhile; waits for whoever does.

        Where no lock can be made, as in a folder that may only be read, each makes them for itself.
        """
        lock = self._lock(key, on_progress)
        try:
            yield
        finally:
            if lock:
                with suppress(OSError):  # while it is held: whoever opened it before finds that it has gone
                    Path(lock.lock_file).unlink()
                lock.release()

    def info(self) -> StoreInfo:
        """How much is there."""
        entries = list(self._entries())
        folds = sum(path.suffix == FOLD for path, _, _ in entries)
        return StoreInfo(self.folder, len(entries), folds, sum(size for _, size, _ in entries), self.limit_bytes)

    def clear(self) -> int:
        """Remove every entry and all that dead processes left; how many entries there were.

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
        """Remove what dead processes left, and the longest unused entries beyond the limit; signals ``keep`` stay."""
        try:
            self._sweep(ABANDONED)
            self._evict(self._path(keep, SIGNALS))
        except OSError as error:
            self._tell("write", "cache: no room can be made in %s: %s", self.folder, error)

    def _path(self, key: str, suffix: str) -> Path:
        return self.folder / f"{key}{suffix}"

    def _read(self, path: Path) -> bytes | None:
        """An entry's content without its hash; None where there is none that is whole."""
        try:
            content = path.read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            self._tell("read", "cache: %s cannot be read (%s); what it held is made again", path, error)
            self._discard(path)
            return None
        check, _, payload = content.partition(b"\n")
        if check != hashlib.sha256(payload).hexdigest().encode():
            self._tell("read", "cache: %s is damaged; it is removed, and what it held is made again", path)
            self._discard(path)
            return None
        with suppress(OSError):  # a folder that may only be read, or an entry evicted meanwhile
            os.utime(path)
        return payload

    def _write(self, path: Path, payload: bytes) -> None:
        content = hashlib.sha256(payload).hexdigest().encode() + b"\n" + payload
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            _write_whole(path, content)
        except OSError as error:
            if str(path) not in self._told:
                self._tell("write", "cache: %d bytes cannot be kept in %s: %s", len(content), self.folder, error)

    def _tell(self, sort: str, message: str, *what: object) -> None:
        """Warn of the first trouble of a sort; the next ones are for those who look closely."""
        log.log(logging.DEBUG if sort in self._told else logging.WARNING, message, *what)
        self._told.add(sort)

    def _discard(self, path: Path) -> None:
        """Remove what is no entry; where that cannot be done it stays, and what is made is not kept in its place."""
        try:
            _remove(path)
        except OSError:
            self._told.add(str(path))

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
        """Remove temporary files and locks of so many seconds, but no lock that is held."""
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
            self._tell("write", "cache: nothing can be locked in %s (%s); each run makes its own", self.folder, error)
            return None
        on_progress(Progress(step.task, 1, 1))
        return lock


def _acquired(path: Path, wait: bool = False) -> "BaseFileLock | None":
    """The lock on a file, held; None where another process holds it and ``wait`` is not set."""
    from filelock import FileLock, Timeout

    lock = FileLock(path)
    try:
        lock.acquire(timeout=-1 if wait else 0, poll_interval=PATIENCE)
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


def _write_whole(path: Path, content: bytes) -> None:
    """Write a file so that readers see all of it or none."""
    handle, name = tempfile.mkstemp(dir=path.parent, suffix=TEMPORARY)
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
