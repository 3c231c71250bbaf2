"""A challenger takes the place of a bundle: both get the reason, the old one stays beside it."""

import hashlib
import json
from pathlib import Path

from core.errors import StoreError
from engine.bundle.contents import DESCRIPTION, WEIGHTS, digest_of
from engine.bundle.read import load_bundle
from engine.bundle.write import write_files

REPLACED = ".replaced"
"""Ending of the folder that keeps a bundle whose place was taken."""


def promote(champion: Path, challenger: Path, reason: str, key: bytes | None = None) -> Path:
    """Put a challenger in the place of a bundle.

    The old bundle is written beside it first, so that a kill at any moment leaves the old or the new one in the place.

    Parameters
    ----------
    reason : one sentence, written into both.
    key : signs both; it is required if the champion is signed.

    Returns
    -------
    The folder of the old bundle.

    Raises
    ------
    StoreError
        Either is no bundle, or a folder cannot be written.
    """
    old = load_bundle(champion, key=key)
    new = load_bundle(challenger, key=key)
    if old.contents.symbols != new.contents.symbols or old.contents.config_id != new.contents.config_id:
        raise StoreError(f"{challenger}: is a bundle of another config than {champion}; it cannot take its place")
    replaced = champion.with_name(f"{champion.name}{REPLACED}")
    _write_with(champion, replaced, f"replaced by {new.contents.digest[:12]}: {reason}", key)
    _write_with(challenger, champion, f"took the place of {old.contents.digest[:12]}: {reason}", key)
    return replaced


def _write_with(source: Path, target: Path, promotion: str, key: bytes | None) -> None:
    """A copy of a bundle with another ``promotion``."""
    values = json.loads((source / DESCRIPTION).read_text(encoding="utf-8"))
    weights = (source / WEIGHTS).read_bytes()
    if hashlib.sha256(weights).hexdigest() != values["files"][WEIGHTS]["sha256"]:
        raise StoreError(f"{source / WEIGHTS}: was changed meanwhile; look who writes there")
    values["promotion"] = promotion
    values["digest"] = digest_of(values)
    write_files(weights, values, target, key)
