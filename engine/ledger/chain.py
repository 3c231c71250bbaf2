"""An append-only file of JSON lines, each with the digest of the line before it: a missing line is noticed.

Beside the file lies its head, the number of lines and the digest of the last one: without it nobody would notice that
lines at the end are gone.
"""

import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.files import write_atomically

START = "0" * 64
"""The digest before the first line."""
FAULT = "fault"
"""The kind of a line that records a fault which later lines would hide."""


@dataclass(frozen=True)
class Chain:
    """The content of the file.

    Attributes
    ----------
    lines : the readable lines in order, each with its number (from 1) under ``line``.
    count : of all lines, unreadable ones included.
    last : digest of the last line; :data:`START` for an empty file.
    faults : sentences about lines that were removed or changed; empty for a sound file.
    is_short : lines at the end are missing.
    """

    lines: tuple[Mapping[str, Any], ...]
    count: int
    last: str
    faults: tuple[str, ...]
    is_short: bool = False


def read_chain(path: Path) -> Chain:
    """Read and verify a file; a missing one is empty. An unfinished last line, without a line break, is left out.

    Raises
    ------
    OSError
        The file exists and cannot be read.
    """
    rows = _complete(_content(path))[0].splitlines()
    lines: list[Mapping[str, Any]] = []
    faults: list[str] = []
    last = START
    for number, row in enumerate(rows, start=1):
        entry = _parsed(row)
        if entry is None:
            faults.append(f"line {number} cannot be read")
        else:
            lines.append({**entry, "line": number})
            faults += _link_faults(entry, last, number)
        last = _line_digest(row)
    head_faults = list(_head_faults(path, rows))
    return Chain(tuple(lines), len(rows), last, tuple(faults + head_faults), is_short=bool(head_faults))


def append(path: Path, entries: Sequence[Mapping[str, Any]]) -> Chain:
    """Add lines; the caller holds the file's lock.

    If lines at the end are missing, a line that says so comes first: the new head would hide it otherwise.

    Returns
    -------
    The file as it was before.

    Raises
    ------
    OSError
        The file cannot be read or written.
    """
    before = read_chain(path)
    content, torn = _complete(_content(path))
    if torn:
        write_atomically(path, content)
    if before.is_short:
        entries = [{"kind": FAULT, "problem": before.faults[-1]}, *entries]
    last = before.last
    rows = []
    for entry in entries:
        rows.append(json.dumps({"previous": last, **entry}, allow_nan=False, ensure_ascii=False).encode())
        last = _line_digest(rows[-1])
    _write_end(path, b"".join(row + b"\n" for row in rows))
    head = {"lines": before.count + len(rows), "last": last}
    write_atomically(head_of(path), json.dumps(head).encode())
    return before


def head_of(path: Path) -> Path:
    """The file beside it that holds the number of its lines and the digest of the last."""
    return path.with_suffix(".head")


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return b""


def _complete(content: bytes) -> tuple[bytes, bool]:
    """The content with complete lines alone, and whether it differs; a full last line without its break is kept."""
    if not content or content.endswith(b"\n"):
        return content, False
    end = content.rfind(b"\n") + 1
    return (content + b"\n" if _parsed(content[end:]) is not None else content[:end]), True


def _parsed(row: bytes) -> dict[str, Any] | None:
    try:
        entry = json.loads(row)
    except ValueError:
        return None
    return entry if isinstance(entry, dict) and {"previous", "kind"} <= entry.keys() else None


def _line_digest(row: bytes) -> str:
    return hashlib.sha256(row).hexdigest()


def _link_faults(entry: Mapping[str, Any], last: str, number: int) -> Iterator[str]:
    if entry["kind"] == FAULT:
        yield f"line {number} records: {entry.get('problem')}"
    if entry["previous"] != last:
        changed = f"line {number - 1} was changed, or " if number > 1 else ""
        yield f"{changed}a line before line {number} was removed or added"


def _head_faults(path: Path, rows: Sequence[bytes]) -> Iterator[str]:
    """The fault of a file that is shorter than its head says, or ends otherwise."""
    try:
        head = json.loads(head_of(path).read_bytes())
        count = int(head["lines"])
        last = head["last"]
    except FileNotFoundError:
        return
    except (ValueError, KeyError, TypeError):
        yield f"{head_of(path).name} cannot be read"
        return
    if count > len(rows):
        yield f"the last {count - len(rows)} of {count} lines were removed"
    elif count and _line_digest(rows[count - 1]) != last:
        yield f"line {count} was changed"


def _write_end(path: Path, content: bytes) -> None:
    with path.open("ab") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
