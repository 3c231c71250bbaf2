"""The run folder: written aside, made durable, then put in place with one rename; nothing half-written is ever seen."""

import errno
import json
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

from core.digests import digest, file_digest
from core.errors import StoreError
from core.files import sync_folder

MANIFEST = "manifest.json"
# Equal runs give these files bit for bit; the pages, the log and the manifest say when and where as well.
RESULT_FILES = (
    "signals.parquet",
    "equity.parquet",
    "orders.parquet",
    "fills.parquet",
    "trades.parquet",
    "costs.parquet",
    "stops.parquet",
    "folds.json",
    "metrics.json",
)


@dataclass(frozen=True)
class Saved:
    """A saved run folder, and a note on what was there before.

    Attributes
    ----------
    folder : the run folder.
    note : empty, or one sentence about an earlier folder of the same id.
    """

    folder: Path
    note: str = ""


def write_json(path: Path, value: object) -> None:
    """Write readable JSON with a stable key order; NaN is refused: an undefined number is null with a reason."""
    text = json.dumps(value, indent=2, sort_keys=False, allow_nan=False, ensure_ascii=False)
    path.write_text(text + "\n", encoding="utf-8")


def read_json(path: Path) -> Any:
    """Read a JSON file of a run folder.

    Raises
    ------
    StoreError
        It is missing or no JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise StoreError(f"{path}: there is no such file; is this a run folder?") from None
    except ValueError as error:
        raise StoreError(f"{path}: is not valid JSON ({error}); run the config again") from None


@contextmanager
def staging(out: Path) -> Iterator[Path]:
    """A fresh folder on the same disk as ``out`` but not in it; gone afterwards unless it was put in place.

    Raises
    ------
    StoreError
        ``out`` cannot be made or written, or the disk is full.
    """
    folder = _fresh(out)
    try:
        yield folder
    except OSError as error:
        raise StoreError(
            f"{error.filename or folder}: cannot be written: {error.strerror}; free space or choose another --out"
        ) from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        with suppress(OSError):
            folder.parent.rmdir()


def ensure_writable(out: Path) -> None:
    """Find out before hours of work whether their result can be written.

    Raises
    ------
    StoreError
        ``out`` cannot be made or written.
    """
    folder = _fresh(out)
    folder.rmdir()
    with suppress(OSError):
        folder.parent.rmdir()


def _fresh(out: Path) -> Path:
    try:
        out.mkdir(parents=True, exist_ok=True)
        folder = _staging_folder(out) / f"{os.getpid()}-{uuid4().hex[:8]}"
        folder.mkdir(parents=True)
    except OSError as error:
        raise StoreError(f"{out}: run folders cannot be written here: {error.strerror}; choose another --out") from None
    return folder


def _staging_folder(out: Path) -> Path:
    real = out.resolve()
    same_disk = real.parent.stat().st_dev == real.stat().st_dev and os.access(real.parent, os.W_OK)
    parent = real.parent if same_disk else real
    staged = parent / f".{real.name or 'runs'}-unfinished"
    _sweep(staged)
    return staged


def remove_leftovers(out: Path) -> None:
    """Remove what runs that were killed left beside ``out``."""
    with suppress(OSError):
        _staging_folder(out).rmdir()


def _sweep(staged: Path) -> None:
    """Remove what killed runs left behind; a folder's name begins with the id of the process that owns it."""
    for left in staged.iterdir() if staged.is_dir() else ():
        if not is_alive(left.name.partition("-")[0]):
            shutil.rmtree(left, ignore_errors=True)


def is_alive(process: str) -> bool:
    """True if a process of this id runs."""
    try:
        os.kill(int(process), 0)
    except (ProcessLookupError, ValueError):
        return False
    except PermissionError:
        return True
    return True


def result_digest(folder: Path, files: Sequence[str] = RESULT_FILES) -> str:
    """One digest over the files in which equal runs, or equal sweeps, are equal."""
    return digest({name: file_digest(folder / name) for name in files})


def put_in_place(staged: Path, out: Path, name: str, pages: tuple[str, ...]) -> Saved:
    """Move a finished folder to ``out/name``.

    A folder of the same id with the same result is kept as it is (or given the pages that it lacks and this run has);
    with another result it is kept too, and this run goes to ``name-2``, ``name-3``, ...
    """
    _sync(staged)
    result = result_digest(staged)
    candidates = (name, *(f"{name}-{number}" for number in range(2, 1000)))
    differs = ""
    for label in candidates:
        folder = out / label
        if _moved(staged, folder):
            sync_folder(out)
            return Saved(folder, differs)
        if _intact(folder) == result:
            return _same_again(staged, folder, pages)
        differs = differs or f"{folder.name} has another result: {_difference(staged, folder)}"
    raise StoreError(f"{out / name}: a thousand different results of one config; clean up --out")


def durable(staged: Path, folder: Path) -> Saved:
    """Move a finished folder of which nobody else makes another to its place.

    Raises
    ------
    StoreError
        Something lies there that is no such folder.
    """
    _sync(staged)
    if not _moved(staged, folder):
        raise StoreError(f"{folder}: is in the way, and is no finished run; move it")
    sync_folder(folder.parent)
    return Saved(folder)


def _moved(staged: Path, folder: Path) -> bool:
    """True if ``folder`` was free; another run may take it at this very moment, so the rename has the last word."""
    if folder.exists():
        return False
    try:
        staged.rename(folder)
    except OSError as error:
        if error.errno in (errno.ENOTEMPTY, errno.EEXIST):
            return False
        raise
    return True


def _same_again(staged: Path, folder: Path, pages: tuple[str, ...]) -> Saved:
    if all((folder / page).is_file() for page in pages):
        return Saved(folder, "the same result as before: the folder is unchanged")
    # File by file: at no moment is the folder gone, and what its owner has laid beside the results stays.
    for path in staged.iterdir():
        path.replace(folder / path.name)
    sync_folder(folder)
    return Saved(folder, "the same result as before, now with all pages")


def _intact(folder: Path) -> str | None:
    """The result digest of an earlier folder, None where a file is missing."""
    try:
        return result_digest(folder)
    except OSError:
        return None


def _difference(staged: Path, folder: Path) -> str:
    """The difference of two results of one id: the files, and the changes in the code, versions and data."""
    files = [name for name in RESULT_FILES if _digest_or_none(staged / name) != _digest_or_none(folder / name)]
    with suppress(StoreError):
        new = read_json(staged / MANIFEST)
        old = read_json(folder / MANIFEST)
        causes = [key for key in ("code_digest", "versions", "data", "machine") if new.get(key) != old.get(key)]
        return f"{', '.join(files)} differ; changed since: {', '.join(causes) or 'nothing that the manifest knows'}"
    return f"{', '.join(files)} differ"


def _digest_or_none(path: Path) -> str | None:
    return file_digest(path) if path.is_file() else None


def _sync(folder: Path) -> None:
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("rb") as file:
                os.fsync(file.fileno())
        elif path.is_dir():
            sync_folder(path)
    sync_folder(folder)


def is_run_folder(path: Path) -> bool:
    """True if ``path`` is a finished run folder."""
    return path.is_dir() and (path / MANIFEST).is_file()
