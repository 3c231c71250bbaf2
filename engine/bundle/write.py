"""Writing a bundle: aside, synced, renamed. A kill at any moment leaves the old bundle or the new one, or none."""

import glob
import hashlib
import hmac
import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from uuid import uuid4

import safetensors.numpy

from core.errors import StoreError
from core.files import check_folder, sync_folder
from engine.run_folder.run_folder import is_alive

from .build import Built
from .contents import DESCRIPTION, FILES, SIGNATURE, WEIGHTS, FileEntry, digest_of

PART, OLD = ".part", ".old"
"""Endings of folders that are not finished, and of bundles that are being replaced."""


def write_bundle(built: Built, folder: Path, key: bytes | None = None) -> None:
    """Write a bundle; an older bundle in its place is replaced.

    Parameters
    ----------
    key : signs the description; None leaves it unsigned.

    Raises
    ------
    StoreError
        Something that is no bundle lies there, or the folder cannot be written.
    """
    require_free(folder)
    weights = safetensors.numpy.save(dict(built.arrays))
    entry = FileEntry(sha256=hashlib.sha256(weights).hexdigest(), size=len(weights))
    contents = built.contents.model_copy(update={"files": {WEIGHTS: entry}})
    values = contents.dump()
    values["digest"] = digest_of(json.loads(json.dumps(values, allow_nan=False)))
    write_files(weights, values, folder, key)


def write_files(weights: bytes, values: Mapping[str, Any], folder: Path, key: bytes | None = None) -> None:
    """Write the files of a bundle from its arrays and its complete description; as for :func:`write_bundle`."""
    require_free(folder)
    text = json.dumps(values, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    files = {WEIGHTS: weights, DESCRIPTION: text.encode()}
    if key is not None:
        files[SIGNATURE] = signature(files[DESCRIPTION], key).encode()
    try:
        _replace(files, folder)
    except OSError as error:
        raise _unwritable(folder, error) from error


def signature(description: bytes, key: bytes) -> str:
    """The HMAC-SHA256 of a description, as hex digits."""
    return hmac.new(key, description, hashlib.sha256).hexdigest()


def require_free(folder: Path) -> None:
    """Refuse a place where something else than a bundle lies, before any time is spent.

    Raises
    ------
    StoreError
        Something that is no bundle lies there, or something beside the bundle; or nothing can be written there.
    """
    _require_place(folder.parent)
    _recover(folder)
    if not folder.exists() and not folder.is_symlink():
        return
    if folder.is_symlink() or not folder.is_dir() or not (folder / DESCRIPTION).is_file():
        raise StoreError(f"{folder}: is in the way, and is no bundle; choose another --bundle")
    extra = sorted({path.name for path in folder.iterdir()} - set(FILES))
    if extra:
        raise StoreError(f"{folder}: holds {extra[0]} beside the bundle, which would be lost; move it")


def _require_place(parent: Path) -> None:
    try:
        check_folder(parent)
    except OSError as error:
        raise _unwritable(parent, error) from error


def _unwritable(place: Path, error: OSError) -> StoreError:
    return StoreError(f"{error.filename or place}: cannot be written: {error.strerror}; choose another --bundle")


def _recover(folder: Path) -> None:
    """Put back an old bundle that a killed process had moved aside, and remove what it left half-written."""
    for left in sorted(folder.parent.glob(f".{glob.escape(folder.name)}.*-*.*")) if folder.parent.is_dir() else ():
        process = left.name.removeprefix(f".{folder.name}.").partition("-")[0]
        if left.suffix not in (PART, OLD) or is_alive(process):
            continue
        if left.suffix == OLD and not folder.exists():
            left.rename(folder)
        else:
            shutil.rmtree(left, ignore_errors=True)


def _replace(files: dict[str, bytes], folder: Path) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    staged = folder.parent / f".{folder.name}.{os.getpid()}-{uuid4().hex[:8]}{PART}"
    staged.mkdir()
    try:
        for name, content in files.items():
            with (staged / name).open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
        sync_folder(staged)
        _exchange(staged, folder)
        sync_folder(folder.parent)
    finally:
        shutil.rmtree(staged, ignore_errors=True)


def _exchange(staged: Path, folder: Path) -> None:
    """Rename the new folder into place; an old one is moved aside first, since a full folder is not replaced."""
    if not folder.exists():
        staged.rename(folder)
        return
    old = staged.with_suffix(OLD)
    folder.rename(old)
    try:
        staged.rename(folder)
    except OSError:
        old.rename(folder)
        raise
    shutil.rmtree(old, ignore_errors=True)
