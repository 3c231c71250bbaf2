"""The folder of an unfinished sweep: one owner at a time, the code that it began with, and its finished trials."""

import difflib
import io
import json
import os
import re
import shutil
import socket
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from core.errors import StoreError
from engine.run_folder import manifest
from signals.cache.checkout import ROOT

from .journal import Journal, write_durably

LOCK, OWNER, CODE, CHANGES, CHUNKS, SIGNALS = (
    "lock",
    "owner.json",
    "code.zip",
    "code.diff",
    "chunks",
    "signals",
)


class CodeChangedError(StoreError):
    """The code differs from that with which an unfinished sweep began."""


def folder_of(out: Path, label: str) -> Path:
    """The folder of a sweep while it is unfinished."""
    return out / f".{label}"


@contextmanager
def owned(folder: Path) -> Iterator[None]:
    """Hold a folder's lock, so that no other process works in it; the system releases it when the process ends.

    Raises
    ------
    StoreError
        Another process holds it, or the folder cannot be created or written.
    """
    from filelock import FileLock, Timeout

    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / CHUNKS).mkdir(exist_ok=True)
        lock = FileLock(folder / LOCK)
        lock.acquire(timeout=0)
    except Timeout:
        raise StoreError(
            f"{folder}: {_owner(folder)}; wait for it, or end it and give the same command again"
        ) from None
    except OSError as error:
        raise StoreError(
            f"{error.filename or folder}: cannot be written: {error.strerror}; choose another --out"
        ) from None
    try:
        started = f"{datetime.now(UTC):%F %T} UTC"
        owner = {"process": os.getpid(), "host": socket.gethostname(), "started": started}
        write_durably(folder / OWNER, json.dumps(owner).encode())
        yield
    finally:
        lock.release()


def _owner(folder: Path) -> str:
    with suppress(OSError, ValueError, KeyError):
        owner = json.loads((folder / OWNER).read_text(encoding="utf-8"))
        return f"process {owner['process']} on {owner['host']} works on this sweep since {owner['started']}"
    return "another process works on this sweep"


def open_journal(folder: Path, header: dict[str, Any]) -> Journal:
    """The journal of an owned folder, begun if there is none.

    Raises
    ------
    CodeChangedError
        It was begun with other code, or other libraries that decide numbers.
    StoreError
        The journal is damaged.
    """
    journal = Journal(folder)
    if not journal.entries:
        write_durably(folder / CODE, _packed_code())
        journal.append(header)
        journal.entries.append(header)
        return journal
    _require_same(folder, journal.entries[0], header)
    return journal


def _require_same(folder: Path, before: dict[str, Any], now: dict[str, Any]) -> None:
    if before == now:
        return
    remedy = f"go on with what it began with, or remove {folder} to begin anew"
    if before.get("format") != now["format"]:
        raise StoreError(f"{folder}: was begun by another version of this program; {remedy}")
    old_versions = {"python": before["python"], **before["versions"]}
    new_versions = {"python": now["python"], **now["versions"]}
    changed = [
        f"{name} {old_versions.get(name)} is now {version}"
        for name, version in new_versions.items()
        if old_versions.get(name) != version
    ]
    if changed:
        raise CodeChangedError(
            f"{folder}: libraries have changed since this sweep began ({', '.join(changed)}); {remedy}"
        )
    files = _differences(folder)
    raise CodeChangedError(
        f"{folder}: the code has changed since this sweep began ({', '.join(files) or 'see the journal'}); the "
        f"difference is in {folder / CHANGES}; {remedy}"
    )


def _packed_code() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in manifest.source_files():
            archive.write(path, path.relative_to(ROOT).as_posix())
    return buffer.getvalue()


def _differences(folder: Path) -> list[str]:
    """The source files that changed; their differences are written to a file of the folder."""
    lines: list[str] = []
    names: list[str] = []
    with suppress(OSError, zipfile.BadZipFile), zipfile.ZipFile(folder / CODE) as archive:
        before = {name: archive.read(name).decode() for name in archive.namelist()}
        now = {p.relative_to(ROOT).as_posix(): p.read_text(encoding="utf-8") for p in manifest.source_files()}
        for name in sorted(before.keys() | now.keys()):
            old = before.get(name, "").splitlines(keepends=True)
            new = now.get(name, "").splitlines(keepends=True)
            if old != new:
                names.append(name)
                lines += difflib.unified_diff(old, new, f"then/{name}", f"now/{name}")
        (folder / CHANGES).write_text("".join(lines), encoding="utf-8")
    return names


def others(out: Path, name: str, label: str) -> list[Path]:
    """Unfinished sweeps of this name with another id: of another config, or of other data."""
    if not out.is_dir():
        return []
    pattern = re.compile(rf"\.{re.escape(name)}-[0-9a-f]{{12}}")
    folders = (path for path in out.iterdir() if pattern.fullmatch(path.name))
    return sorted(path for path in folders if path.name != f".{label}" and (path / CHUNKS).is_dir())


@contextmanager
def removed_if_nothing_is_finished(folder: Path, *, is_new: bool) -> Iterator[None]:
    """Remove an owned folder if the block fails before a trial or a set of signals is finished.

    Parameters
    ----------
    is_new : the folder was made by this process; another one is left alone.
    """
    try:
        yield
    except BaseException:
        if is_new and not any((folder / CHUNKS).glob("*")) and not any((folder / SIGNALS).rglob("*.*")):
            remove(folder)
        raise


def remove(folder: Path) -> None:
    """Remove an unfinished sweep that is not needed any more."""
    shutil.rmtree(folder, ignore_errors=True)
