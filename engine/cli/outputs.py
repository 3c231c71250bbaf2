"""Files and folders that options name for a command's results, tried before its work begins."""

import errno
import os
from collections.abc import Mapping
from pathlib import Path

from core.errors import ConfigError, StoreError
from core.files import check_folder


def require_files(outputs: Mapping[str, Path | None]) -> None:
    """Refuse files that cannot be written, before any time is spent.

    Parameters
    ----------
    outputs : by option, the file that it names; None where it is not given.

    Raises
    ------
    StoreError
        A folder lies at the file's place, or its folder cannot be made or written.
    ConfigError
        Two options name one file.
    """
    seen: dict[Path, str] = {}
    for option, path in outputs.items():
        if path is None:
            continue
        before = seen.setdefault(path.absolute(), option)
        if before != option:
            raise ConfigError(f"{option} {path}: {before} names this file already; name another one")
        _require_file(option, path)


def _require_file(option: str, path: Path) -> None:
    try:
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        check_folder(path.parent)
    except OSError as error:
        raise StoreError(f"{option} {path}: cannot be written: {error.strerror}; name another file") from error


def require_folder(option: str, folder: Path) -> None:
    """Refuse a folder in which no file can be made, before any time is spent; errors as of :func:`require_files`."""
    try:
        check_folder(folder)
    except OSError as error:
        raise StoreError(f"{option} {folder}: cannot be written: {error.strerror}; name another folder") from error
