"""The outcome of the last ``reproduce`` of a run, in a small file beside its results."""

import json
import logging
from datetime import UTC, datetime
from pathlib import Path

from core.files import write_atomically

REPRODUCTION = "reproduced.json"
log = logging.getLogger(__name__)


def record_reproduction(folder: Path, *, reproduced: bool, code: str, now: datetime | None = None) -> None:
    """Record the outcome of a reproduction; a folder that cannot be written is a warning.

    Parameters
    ----------
    folder : the run folder that was reproduced.
    code : digest of the code that reproduced it.
    """
    moment = (now or datetime.now(UTC)).isoformat(timespec="seconds")
    content = json.dumps({"format": 1, "at": moment, "reproduced": reproduced, "code_digest": code}, indent=2)
    try:
        write_atomically(folder / REPRODUCTION, content.encode() + b"\n")
    except OSError as error:
        log.warning("%s: the outcome of the reproduction cannot be written: %s", folder, error.strerror)


def reproduction_text(folder: Path) -> str:
    """``yes (2026-11-28)`` or ``no (...)``; empty if it was never reproduced, or the record cannot be read."""
    try:
        record = json.loads((folder / REPRODUCTION).read_text(encoding="utf-8"))
        return f"{'yes' if record['reproduced'] else 'no'} ({str(record['at'])[:10]})"
    except (OSError, ValueError, KeyError, TypeError):
        return ""
