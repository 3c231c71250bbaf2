"""The user's own plug-in files: source and digest, so that a run folder can bring its strategy back."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from core.digests import file_digest
from core.plugins import CONTRACT, FAMILIES
from signals.cache.checkout import ROOT, is_checkout, not_committed


def own_plugins(config: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    """The plug-in files that no release or commit holds.

    In a git checkout those that are untracked or changed, helper modules of the families included. Outside of one,
    nothing tells whose a file is: then all plug-ins that the config names.

    Parameters
    ----------
    config : the resolved config as plain values.

    Returns
    -------
    By path from the project's folder, ``sha256`` and ``source``.
    """
    files = _not_committed() if is_checkout() else sorted(set(_named(config)))
    own_class = config.get("strategy", {}).get("file")
    outside = [Path(own_class)] if own_class and not Path(own_class).resolve().is_relative_to(ROOT) else []
    if own_class and not outside:
        files = sorted({*files, Path(own_class).resolve()})
    sources = {file.name: file for file in outside} | {file.relative_to(ROOT).as_posix(): file for file in files}
    return {
        name: {"sha256": file_digest(file), "source": file.read_text(encoding="utf-8")}
        for name, file in sources.items()
    }


def _folders() -> dict[str, Path]:
    return {package: ROOT / package.replace(".", "/") for package in FAMILIES.values()}


def _not_committed() -> list[Path]:
    folders = _folders().values()
    return [file for file in not_committed(folders) if file.parent in folders]


def _named(values: Any) -> Iterator[Path]:
    """The files of all kinds that stand anywhere in a config."""
    if isinstance(values, Mapping):
        kind = values.get("kind")
        files = (folder / f"{kind}.py" for folder in _folders().values() if kind != CONTRACT)
        yield from (file for file in files if file.is_file())
        values = list(values.values())
    for value in values if isinstance(values, list | tuple) else ():
        yield from _named(value)
