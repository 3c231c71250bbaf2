"""The verdict of a config's last audit, kept beside the signal cache for its reports to show."""

import json
import logging
import os
from pathlib import Path
from typing import Any

from core.digests import digest
from engine.config import RunConfig
from signals.versions import code_digest, library_versions

from .battery import Audit

log = logging.getLogger(__name__)


def keep(audit: Audit, config: RunConfig, folder: Path) -> None:
    """Remember an audit; a folder that cannot be written is a warning."""
    path = folder / f"{_key(config)}.json"
    known = recall(config, folder)
    if known and known["full"] and not audit.full and not audit.leaks:
        return  # a quick look does not replace a full one
    try:
        folder.mkdir(parents=True, exist_ok=True)
        temporary = path.with_suffix(f".{os.getpid()}")
        temporary.write_text(json.dumps(audit.dump(), allow_nan=False), encoding="utf-8")
        temporary.replace(path)
    except OSError as error:
        log.warning("the audit's verdict cannot be kept in %s: %s", folder, error)


def recall(config: RunConfig, folder: Path) -> dict[str, Any] | None:
    """What :meth:`Audit.dump` said of this config, data and code; None if it was not audited, or not as it is now."""
    try:
        found: dict[str, Any] = json.loads((folder / f"{_key(config)}.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found if {"verdict", "full", "checks"} <= found.keys() else None


def _key(config: RunConfig) -> str:
    return digest({"config": config.id, "code": code_digest(), "versions": library_versions()})
