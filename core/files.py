"""Files written atomically: a reader sees the old content or the new one, never a part."""

import errno
import os
import stat
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryFile
from uuid import uuid4

TEMPORARY = ".part"
"""The ending of a file that is not finished."""


def write_atomically(path: Path, content: bytes, temporary: Path | None = None) -> None:
    """Write a file under another name in its folder, sync it, and rename it; its folder is synced as well.

    Parameters
    ----------
    path : the file; its folder exists.
    content : all of it.
    temporary : the other name. By default a new one for each call, so that several processes may write the same file;
        the last rename decides.

    Raises
    ------
    OSError
        The file could not be written; an older one is unchanged, and no temporary file is left.
    """
    if _is_irregular(path):
        raise OSError(errno.EINVAL, "is there, and is no regular file", str(path))
    part = temporary or path.with_name(f"{path.name}.{os.getpid()}-{uuid4().hex[:8]}{TEMPORARY}")
    try:
        with part.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def _is_irregular(path: Path) -> bool:
    """True for a folder or a device; looked at once, for another process may remove the file at any moment."""
    try:
        return not stat.S_ISREG(path.stat().st_mode)
    except FileNotFoundError:
        return False


def sync_folder(folder: Path) -> None:
    """Make renames in a folder durable.

    Raises
    ------
    OSError
        The folder cannot be opened or synced.
    """
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def check_folder(folder: Path) -> None:
    """Try whether files can be made in a folder, before the work whose result goes there; nothing is left behind.

    Folders that do not exist are made and removed again, as those who write the files make them.

    Raises
    ------
    OSError
        The folder cannot be made, or a file in it.
    """
    if folder.exists() and not folder.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(folder))
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=folder):
            pass
    finally:
        for path in missing:
            with suppress(OSError):  # another process may have put something there meanwhile
                path.rmdir()
