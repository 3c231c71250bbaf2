"""The run and sweep folders below some paths, and the folders that are none, with the reason."""

import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from core.errors import StoreError
from engine.run_folder.run_folder import MANIFEST

from .row import Refused

DEPTH = 6
"""Levels below a given folder that are searched."""
INSIDE = frozenset({"winners"})
"""Folders of a sweep that hold run folders, which belong to the sweep's row."""
OURS = ("metrics.json", "sweep.json", "equity.parquet", "trials.parquet", "report.html", "sweep.html")
"""Files that only a run or a sweep has: a folder with one of them and no manifest is a part of a copy."""
AUDIT = "audit.json"
LINK = "is a link, which is not followed; name the folder that it leads to"


def find_folders(paths: Sequence[Path]) -> tuple[list[Path], list[Path], list[Refused]]:
    """Search for results.

    Parameters
    ----------
    paths : folders of runs, sweeps or audits, or folders that contain such, on any of some levels.

    Returns
    -------
    Result folders in the order of their paths, each once; audit folders; folders that are neither.

    Raises
    ------
    StoreError
        A path is no folder, or nothing below the paths is ours.
    """
    results: dict[Path, None] = {}
    audits: dict[Path, None] = {}
    refused: dict[Path, str] = {}
    for path in paths:
        if not path.is_dir():
            raise StoreError(f"{path}: there is no such folder; name folders of runs, or a folder that contains them")
        for folder, kind in _walk(path.resolve(), DEPTH):
            if kind == "result":
                results[folder] = None
            elif kind == "audit":
                audits[folder] = None
            else:
                refused[folder] = kind
    if not (results or refused):
        raise StoreError(
            f"{', '.join(map(str, paths))}: no run folders here; a run writes one into `runs/` (or the folder of --out)"
        )
    return list(results), list(audits), [Refused(folder, reason) for folder, reason in refused.items()]


def _walk(folder: Path, depth: int) -> Iterator[tuple[Path, str]]:
    """Each folder with its kind: ``result``, ``audit``, or the reason why it is neither."""
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as error:
        yield folder, f"cannot be read: {error.strerror}"
        return
    names = {entry.name for entry in entries}
    kind = _kind(names)
    if kind:
        yield folder, kind
        return
    linked = [entry for entry in entries if entry.is_symlink() and Path(entry.path).is_dir()]
    yield from ((Path(entry.path), LINK) for entry in linked)
    below = [Path(entry.path) for entry in entries if _is_searched(entry)]
    folders = [item for entry in below for item in _walk(entry, depth - 1)] if depth else []
    if folders:
        yield from folders
    elif any(not name.startswith(".") for name in names) and not below:
        yield folder, f"holds no {MANIFEST}: not a folder of this program"


def _kind(names: Iterable[str]) -> str:
    names = set(names)
    if MANIFEST in names:
        return "result"
    if AUDIT in names:
        return "audit"
    ours = next((name for name in OURS if name in names), "")
    return f"has {ours} but no {MANIFEST}: copied in part? copy it again, or run its config" if ours else ""


def _is_searched(entry: "os.DirEntry[str]") -> bool:
    """A folder that may contain results; links are not followed, since they may lead in a circle."""
    hidden = entry.name.startswith(".") or entry.name in INSIDE
    return not hidden and entry.is_dir(follow_symlinks=False)
