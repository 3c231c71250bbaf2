"""A cache of finished signals: content-addressed, checked, bounded, safe for processes side by side.

An entry is one file, named by its key: the SHA-256 of what follows on the first line, then a JSON header on the second,
then the arrays as an `npz`. It is written under another name and renamed, so nobody ever reads half of one.
"""

import hashlib
import io
import json
import logging
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from core.digests import canonical, digest, frame_digest
from core.errors import StoreError
from core.types import Market, SignalFrame, read_only

from .result import FoldReport, Signals
from .spec import SignalSpec
from .versions import code_digest, library_versions, machine

FORMAT = 2
SUFFIX = ".signals"
TEMPORARY = ".part"
ABANDONED = 3600.0  # seconds: a temporary file this old belongs to a process that died
log = logging.getLogger(__name__)


def signal_key(market: Market, spec: SignalSpec) -> str:
    """64 hex digits over everything that decides the signals: bars, spec, code, libraries, machine."""
    return digest(
        {
            "format": FORMAT,
            "bars": [[symbol, frame_digest(market.bars[symbol].frame)] for symbol in market.trade],
            "spec": spec.dump(),
            "code": code_digest(),
            "versions": library_versions(),
            "machine": machine(),
        }
    )


@dataclass(frozen=True)
class StoreInfo:
    """What a store holds: the number of entries and their bytes."""

    folder: Path
    entries: int
    size: int
    limit: int


@dataclass(frozen=True)
class SignalStore:
    """A folder of finished signals.

    Attributes
    ----------
    folder : made when the first entry is put.
    limit_bytes : when a new entry goes beyond it, the entries that were not used for longest are removed.
    """

    folder: Path
    limit_bytes: int = 1_000_000_000

    def get(self, key: str) -> Signals | None:
        """The signals under a key; None where there are none, or where the entry is damaged (it is removed then)."""
        path = self._path(key)
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            log.warning("cache: %s cannot be read (%s); the signals are made again", path, error)
            return None
        check, _, payload = content.partition(b"\n")
        if check != hashlib.sha256(payload).hexdigest().encode():
            log.warning("cache: %s is damaged; it is removed and the signals are made again", path)
            with suppress(OSError):  # in a folder that may only be read it stays, and is told of again
                path.unlink()
            return None
        _mark_used(path)
        return _unpack(payload)

    def put(self, key: str, signals: Signals) -> None:
        """Keep signals under a key. A store that cannot be written is a warning: the signals are there all the same."""
        payload = _pack(signals)
        content = hashlib.sha256(payload).hexdigest().encode() + b"\n" + payload
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            _write_whole(self._path(key), content)
            self._evict(keep=key)
        except OSError as error:
            log.warning("cache: %d bytes cannot be kept in %s: %s", len(content), self.folder, error)

    def info(self) -> StoreInfo:
        """How much is there."""
        sizes = [size for _, size, _ in self._entries()]
        return StoreInfo(self.folder, len(sizes), sum(sizes), self.limit_bytes)

    def clear(self) -> int:
        """Remove every entry; how many there were.

        Raises
        ------
        StoreError
            An entry cannot be removed.
        """
        paths = [path for path, _, _ in self._entries()]
        try:
            for path in paths:
                path.unlink(missing_ok=True)
        except OSError as error:
            raise StoreError(f"cache: {error.filename} cannot be removed: {error.strerror}") from error
        return len(paths)

    def _path(self, key: str) -> Path:
        return self.folder / f"{key}{SUFFIX}"

    def _entries(self) -> Iterator[tuple[Path, int, float]]:
        """Every entry's path, size and time of last use; another process may remove one at any moment."""
        for path in sorted(self.folder.glob(f"*{SUFFIX}")):
            try:
                status = path.stat()
            except FileNotFoundError:
                continue
            yield path, status.st_size, status.st_mtime

    def _evict(self, keep: str) -> None:
        for path in self.folder.glob(f"*{TEMPORARY}"):
            with suppress(FileNotFoundError):
                if time.time() - path.stat().st_mtime > ABANDONED:
                    path.unlink()
        entries = sorted(self._entries(), key=lambda entry: entry[2])
        total = sum(size for _, size, _ in entries)
        for path, size, _ in entries:
            if total <= self.limit_bytes:
                break
            if path != self._path(keep):
                path.unlink(missing_ok=True)
                total -= size


def _mark_used(path: Path) -> None:
    with suppress(OSError):  # a folder that may only be read, or an entry evicted meanwhile
        os.utime(path)


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


def _pack(signals: Signals) -> bytes:
    frame = signals.frame
    header = {
        "format": FORMAT,
        "symbols": list(frame.symbols),
        "folds": [fold.dump() for fold in signals.folds],
        "parts": list(signals.parts),
    }
    arrays = io.BytesIO()
    parts: dict[str, Any] = {f"part_{number}": part for number, part in enumerate(signals.parts.values())}
    np.savez(
        arrays,
        times=frame.times.as_unit("ns").asi8,
        prediction=frame.prediction,
        confidence=frame.confidence,
        fold=frame.fold,
        p_up=signals.p_up,
        half_width=signals.half_width,
        **parts,
    )
    return canonical(header) + b"\n" + arrays.getvalue()


def _unpack(payload: bytes) -> Signals:
    head, _, rest = payload.partition(b"\n")
    header: dict[str, Any] = json.loads(head)
    with np.load(io.BytesIO(rest), allow_pickle=False) as arrays:
        frame = SignalFrame(
            times=pd.DatetimeIndex(arrays["times"].astype("datetime64[ns]"), tz="UTC"),
            symbols=tuple(header["symbols"]),
            prediction=read_only(arrays["prediction"]),
            confidence=read_only(arrays["confidence"]),
            fold=read_only(arrays["fold"], np.int64),
        )
        return Signals(
            frame=frame,
            folds=tuple(FoldReport.of(fold) for fold in header["folds"]),
            p_up=read_only(arrays["p_up"]),
            half_width=read_only(arrays["half_width"]),
            parts={name: read_only(arrays[f"part_{number}"]) for number, name in enumerate(header["parts"])},
        )
