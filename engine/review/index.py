"""The index of a folder of runs: rows already read, so that a thousand folders are listed within a second.

It is a cache. Where it is lost, damaged or of another version it is made again, and a folder whose files have changed
is read again.
"""

import json
import logging
import os
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from hashlib import blake2b
from pathlib import Path

from .reproduction import REPRODUCTION
from .row import Curve, Refused, ReviewRow

NAME = ".review-index.sqlite"
FILES = ("manifest.json", "metrics.json", "sweep.json", "config.yaml", REPRODUCTION)
"""The files whose change makes a row stale."""
VERSION = 2
"""Of the table and of what a row contains; an index of another version is made again."""
SCHEMA = "CREATE TABLE IF NOT EXISTS rows (folder TEXT PRIMARY KEY, stamp TEXT, row TEXT, curve BLOB, digest TEXT)"
BUSY = 5.0
"""Seconds to wait for another process that writes; after them the rows are read without the index."""
log = logging.getLogger(__name__)
Step = Callable[[int, int], None]


def read_rows(folders: Sequence[Path], on_step: Step = lambda _done, _all: None) -> list[ReviewRow | Refused]:
    """The rows of result folders, in their order, from the indexes beside them or from their files.

    Parameters
    ----------
    folders : of runs and sweeps; the index of each lies in the folder above it.
    on_step : called with the number of rows read from files so far, and that of all that must be.
    """
    stamps = {folder: _stamp(folder) for folder in folders}
    rows: dict[Path, ReviewRow | Refused] = {}
    for parent in dict.fromkeys(folder.parent for folder in folders):
        rows |= _indexed(parent, [folder for folder in folders if folder.parent == parent], stamps)
    stale = [folder for folder in folders if folder not in rows]
    rows |= _read(stale, on_step)
    for parent in dict.fromkeys(folder.parent for folder in stale):
        _store(parent, {folder: rows[folder] for folder in stale if folder.parent == parent}, stamps)
    return [rows[folder] for folder in folders]


def _read(folders: Sequence[Path], on_step: Step) -> dict[Path, ReviewRow | Refused]:
    """The rows of folders, from their files."""
    if not folders:
        return {}
    from .read_row import read_row  # it imports pandas, which a listing does without

    rows = {}
    for done, folder in enumerate(folders):
        on_step(done, len(folders))
        rows[folder] = read_row(folder)
    return rows


def _stamp(folder: Path) -> str:
    """Times and sizes of the files that a row depends on."""
    stats = []
    for name in FILES:
        try:
            stat = (folder / name).stat()
            stats.append([stat.st_mtime_ns, stat.st_size])
        except OSError:
            stats.append([])
    return json.dumps(stats)


def _indexed(parent: Path, folders: Sequence[Path], stamps: Mapping[Path, str]) -> dict[Path, ReviewRow | Refused]:
    """The rows that the index of a folder has, and that are not stale."""
    if not (parent / NAME).exists():
        return {}
    try:
        with _opened(parent / NAME) as index:
            listed = {name: rest for name, *rest in index.execute("SELECT folder, stamp, row, curve, digest FROM rows")}
        current = {folder: listed[folder.name] for folder in folders if folder.name in listed}
        return {
            folder: ReviewRow.from_json(text, Curve.from_bytes(curve)).at(folder)
            for folder, (stamp, text, curve, digest) in current.items()
            if stamp == stamps[folder] and digest == _digest(text, curve)
        }
    except (sqlite3.Error, ValueError, KeyError, TypeError) as error:
        log.info("%s: is damaged or of another version (%s); it is made again", parent / NAME, error)
        _remove(parent / NAME)
        return {}


def _digest(text: str, curve: bytes) -> str:
    """SQLite does not notice a file that was cut: it may give back rows with other content."""
    return blake2b(text.encode() + curve, digest_size=16).hexdigest()


def _store(parent: Path, rows: Mapping[Path, ReviewRow | Refused], stamps: Mapping[Path, str]) -> None:
    """Add rows to the index; a folder that cannot be written has none. What was refused is read again each time."""
    contents = {
        folder: (row.to_json(), row.curve.to_bytes())
        for folder, row in rows.items()
        if isinstance(row, ReviewRow) and row.curve is not None
    }
    values = [(folder.name, stamps[folder], *content, _digest(*content)) for folder, content in contents.items()]
    if not values or not os.access(parent, os.W_OK):
        return
    try:
        with _opened(parent / NAME) as index, index:
            index.executemany("INSERT OR REPLACE INTO rows VALUES (?, ?, ?, ?, ?)", values)
    except sqlite3.Error as error:
        log.info("%s: the index could not be written (%s)", parent, error)


@contextmanager
def _opened(path: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(path, timeout=BUSY)) as index:
        version = index.execute("PRAGMA user_version").fetchone()[0]
        if version not in (0, VERSION):
            index.execute("DROP TABLE IF EXISTS rows")
        if version != VERSION:
            index.execute(SCHEMA)
            index.execute(f"PRAGMA user_version = {VERSION}")
            index.commit()
        yield index


def _remove(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        log.info("%s: cannot be removed: %s", path, error.strerror)
