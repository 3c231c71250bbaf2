"""The journal of an unfinished sweep: an append-only file of lines with checksums, so that no finished trial is lost.

A line is on the disk before its content is used. A last line that a kill left incomplete is cut off; a damaged line
anywhere else means that the disk or another program changed the file, and is refused.
"""

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from core.digests import canonical
from core.errors import StoreError
from core.files import TEMPORARY, write_atomically

NAME = "journal.txt"
CHECKSUM_DIGITS = 16


class Journal:
    """An open journal.

    Attributes
    ----------
    path : the file.
    entries : its content when it was opened, in order.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / NAME
        self.entries: list[dict[str, Any]] = list(self._complete_entries())

    def append(self, entry: Mapping[str, Any]) -> None:
        """Add an entry; it is on the disk when this returns.

        Raises
        ------
        StoreError
            It could not be written; the entries before it are as they were.
        """
        body = canonical(entry)
        line = _checksum(body).encode() + b" " + body + b"\n"
        before = self.path.stat().st_size if self.path.exists() else 0
        try:
            with self.path.open("ab") as file:
                file.write(line)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            self._cut(before)
            raise unwritable(self.path, error, len(line)) from error

    def _complete_entries(self) -> Iterator[dict[str, Any]]:
        try:
            content = self.path.read_bytes() if self.path.exists() else b""
        except OSError as error:
            raise StoreError(f"{self.path}: cannot be read: {error.strerror}; let it be read, or remove it") from error
        lines = content.splitlines(keepends=True)
        intact = 0  # bytes
        for number, line in enumerate(lines, start=1):
            entry = _entry(line)
            if entry is None:
                if number < len(lines):
                    raise StoreError(
                        f"{self.path}, line {number}: is damaged; remove the folder {self.path.parent} to begin anew"
                    )
                self._cut(intact)
                return
            intact += len(line)
            yield entry

    def _cut(self, size: int) -> None:
        """Drop everything beyond a size in bytes."""
        try:
            os.truncate(self.path, size)
        except FileNotFoundError:
            return
        except OSError as error:
            raise unwritable(self.path, error, 0) from error


def _entry(line: bytes) -> dict[str, Any] | None:
    checksum, _, body = line.removesuffix(b"\n").partition(b" ")
    if not line.endswith(b"\n") or checksum.decode(errors="replace") != _checksum(body):
        return None
    entry: dict[str, Any] = json.loads(body)
    return entry


def _checksum(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()[:CHECKSUM_DIGITS]


def unwritable(path: Path, error: OSError, size: int) -> StoreError:
    """The error for a file that cannot be written."""
    needed = f" ({size:,} bytes)" if size else ""
    return StoreError(
        f"{path}: cannot be written{needed}: {error.strerror}; what was finished before is kept: free space and give "
        "the same command again"
    )


def write_durably(path: Path, content: bytes) -> None:
    """Write a file completely or not at all: under another name first, then renamed.

    Raises
    ------
    StoreError
        It could not be written.
    """
    try:
        # One name for the temporary file: a sweep has one writer, and a killed one leaves no second file behind.
        write_atomically(path, content, path.with_name(f"{path.name}{TEMPORARY}"))
    except OSError as error:
        raise unwritable(path, error, len(content)) from error
