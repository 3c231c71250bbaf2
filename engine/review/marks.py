"""Marks: keep, maybe or reject and a note, in each run's own folder beside its results.

A mark has a revision. Whoever writes one states the revision that they saw, so that of two windows neither undoes the
other's mark unseen; earlier marks stay in the file.
"""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from core.errors import StoreError
from core.files import write_atomically

FILE = "review.json"
FORMAT = 1
MARKS = ("keep", "maybe", "reject", "")
"""An empty one takes a mark back."""
NOTE_LIMIT = 2_000
HISTORY = 50
"""Earlier marks that a file keeps."""
WAIT = 10.0
"""Seconds to wait for another process that writes the same mark."""


@dataclass(frozen=True)
class Mark:
    """A mark on a run.

    Attributes
    ----------
    mark : ``keep``, ``maybe``, ``reject``, or empty.
    note : text of whoever marked it; at most 2,000 characters.
    at : ISO time, UTC; empty where there is no mark.
    revision : number of changes so far.
    """

    mark: str = ""
    note: str = ""
    at: str = ""
    revision: int = 0


class OutdatedError(StoreError):
    """Somebody else changed the mark since it was read.

    Attributes
    ----------
    current : the mark as it is.
    """

    def __init__(self, folder: Path, current: Mark) -> None:
        super().__init__(
            f"{folder}: its mark was changed elsewhere at {current.at} (now: {current.mark or 'none'}); mark it again"
        )
        self.current = current


def read_mark(folder: Path) -> Mark:
    """The mark of a run folder; an empty one where there is none.

    Raises
    ------
    StoreError
        The file cannot be read or is no mark.
    """
    content = _content(folder / FILE)
    return _mark(content) if content else Mark()


def write_mark(folder: Path, mark: str, note: str, *, seen: int | None = None, now: datetime | None = None) -> Mark:
    """Mark a run, durably; the result files and their digests are not touched.

    Parameters
    ----------
    seen : the revision that the new mark is based on; None marks whatever is there.

    Raises
    ------
    StoreError
        A mark or a note that is not allowed, a folder that cannot be written, or a file that is no mark.
    OutdatedError
        The mark has another revision now.
    """
    from filelock import FileLock, Timeout

    _check(mark, note)
    if not folder.is_dir():  # the lock would make it
        raise StoreError(f"{folder}: the run's folder is gone; make the review again")
    path = folder / FILE
    try:
        with FileLock(path.with_name(f".{FILE}.lock"), timeout=WAIT):
            content = _content(path) or {"format": FORMAT, "history": []}
            before = _mark(content) if "revision" in content else Mark()
            if seen is not None and seen != before.revision:
                raise OutdatedError(folder, before)
            moment = (now or datetime.now(UTC)).isoformat(timespec="seconds")
            after = Mark(mark, note, moment, before.revision + 1)
            history = [*content["history"], vars(before)] if before.revision else []
            written = {"format": FORMAT, **vars(after), "history": history[-HISTORY:]}
            text = json.dumps(written, indent=2, ensure_ascii=False) + "\n"
            write_atomically(path, text.encode())
    except Timeout:
        raise StoreError(f"{path}: another process holds it; try again") from None
    except OSError as error:
        raise StoreError(f"{path}: cannot be written: {error.strerror}; free space or change the rights") from error
    return after


def _check(mark: str, note: str) -> None:
    if mark not in MARKS:
        raise StoreError(f"mark {mark!r}: must be keep, maybe or reject, or empty to take it back")
    if len(note) > NOTE_LIMIT:
        raise StoreError(f"the note has {len(note):,} characters; at most {NOTE_LIMIT:,} are stored, so shorten it")
    if any("\ud800" <= sign <= "\udfff" for sign in note):
        raise StoreError("the note contains half of a character (a lone surrogate); type it again")
    if any(ord(sign) < 32 and sign not in "\n\t" for sign in note):
        raise StoreError("the note contains control characters; type it again")


def _content(path: Path) -> dict[str, Any] | None:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, RecursionError) as error:
        raise StoreError(f"{path}: is no mark that can be read ({error}); repair or remove it") from None
    if not isinstance(content, dict) or content.get("format") != FORMAT or not _is_mark(content):
        raise StoreError(f"{path}: is not a mark of this version; repair or remove it")
    return content


def _is_mark(content: dict[str, Any]) -> bool:
    """True if every entry is of its type, and a mark is one of those that there are."""
    revision = content.get("revision", 0)
    texts = [content.get(name, "") for name in ("mark", "note", "at")]
    return (
        isinstance(content.get("history"), list)
        and type(revision) is int
        and 0 <= revision < 10**9
        and all(isinstance(text, str) and not any("\ud800" <= sign <= "\udfff" for sign in text) for text in texts)
        and texts[0] in MARKS
    )


def _mark(content: dict[str, Any]) -> Mark:
    return Mark(
        str(content.get("mark", "")),
        str(content.get("note", "")),
        str(content.get("at", "")),
        int(content.get("revision", 0)),
    )
