"""The verdict of a config's last audit, kept beside the signal cache for its reports to show."""

import json
import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.caches import cache_folder
from core.digests import digest
from engine.manifest import code_digest, versions

if TYPE_CHECKING:
    from .battery import Audit

log = logging.getLogger(__name__)


def keep(audit: "Audit") -> None:
    """Remember an audit; a folder that cannot be written is a warning."""
    path, known = _path(audit.config_id), recall(audit.config_id)
    if known and known["full"] and not audit.full and not audit.leaks:
        return  # a quick look does not replace a full one
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_suffix(f".{os.getpid()}")
        temporary.write_text(json.dumps(audit.dump(), allow_nan=False), encoding="utf-8")
        temporary.replace(path)
    except OSError as error:
        log.warning("the audit's verdict cannot be kept in %s: %s", path.parent, error)


def recall(config_id: str) -> dict[str, Any] | None:
    """What :meth:`Audit.dump` said of a config with this code; None if it was not audited, or not as it is now."""
    try:
        found: dict[str, Any] = json.loads(_path(config_id).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found if {"verdict", "full", "checks"} <= found.keys() else None


def _path(config_id: str) -> Path:
    key = digest({"config": config_id, "code": code_digest(), "versions": versions()})
    return cache_folder() / "audits" / f"{key}.json"
