"""The folder of an unfinished sweep: one owner at a time, the code that it began with, and what it has finished."""

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

from .journal import Journal, write_durably

LOCK, OWNER, CODE, CHANGES, CHUNKS, WINNERS = "lock", "owner.json", "code.zip", "code.diff", "chunks", "winners"


class CodeChangedError(StoreError):
    """The code is not that which an unfinished sweep began with."""


def folder_of(out: Path, label: str) -> Path:
    """Where a sweep lies while it is unfinished."""
    return out / f".{label}"


@contextmanager
def owned(folder: Path) -> Iterator[None]:
    """Be the only one to work in a folder; the system ends that with the process, however it ends.

    Raises
    ------
    StoreError
        Another process does, or the folder cannot be made or written.
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
        who = {"process": os.getpid(), "host": socket.gethostname(), "started": started}
        write_durably(folder / OWNER, json.dumps(who).encode())
        yield
    finally:
        lock.release()


def _owner(folder: Path) -> str:
    with suppress(OSError, ValueError, KeyError):
        who = json.loads((folder / OWNER).read_text(encoding="utf-8"))
        return f"process {who['process']} on {who['host']} works on this sweep since {who['started']}"
    return "another process works on this sweep"


def opened(folder: Path, header: dict[str, Any]) -> Journal:
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
    then, today = ({"python": head["python"], **head["versions"]} for head in (before, now))
    changed = [
        f"{name} {then.get(name)} is now {version}" for name, version in today.items() if then.get(name) != version
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
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in manifest.source_files():
            archive.write(path, path.relative_to(manifest.ROOT).as_posix())
    return made.getvalue()


def _differences(folder: Path) -> list[str]:
    """The files that changed; what changed in them is written beside."""
    lines: list[str] = []
    names: list[str] = []
    with suppress(OSError, zipfile.BadZipFile), zipfile.ZipFile(folder / CODE) as archive:
        before = {name: archive.read(name).decode() for name in archive.namelist()}
        now = {p.relative_to(manifest.ROOT).as_posix(): p.read_text(encoding="utf-8") for p in manifest.source_files()}
        for name in sorted(before.keys() | now.keys()):
            old, new = before.get(name, ""), now.get(name, "")
            if old != new:
                names.append(name)
                then, today = old.splitlines(keepends=True), new.splitlines(keepends=True)
                lines += difflib.unified_diff(then, today, f"then/{name}", f"now/{name}")
        (folder / CHANGES).write_text("".join(lines), encoding="utf-8")
    return names


def others(out: Path, name: str, label: str) -> list[Path]:
    """Unfinished sweeps of this name with another id: of another config, or of other data."""
    ours = re.compile(rf"\.{re.escape(name)}-[0-9a-f]{{12}}")
    found = (path for path in out.iterdir() if ours.fullmatch(path.name)) if out.is_dir() else ()
    return sorted(path for path in found if path.name != f".{label}" and (path / CHUNKS).is_dir())


def remove(folder: Path) -> None:
    """Remove an unfinished sweep that is not needed any more."""
    shutil.rmtree(folder, ignore_errors=True)
