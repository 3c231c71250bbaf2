"""The verdict of a config's last audit, kept beside the signal cache for its reports to show."""

import json
import logging
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from core.caches import cache_folder
from core.digests import digest

from .manifest import code_digest, versions

log = logging.getLogger(__name__)


def keep(verdict: Mapping[str, Any]) -> None:
    """Store what :meth:`engine.audit.battery.Audit.dump` gives; a folder that cannot be written is a warning."""
    path = _path(verdict["config_id"])
    stored = recall(verdict["config_id"])
    leaks = any(check["status"] == "leak" for check in verdict["checks"])
    if stored and stored["full"] and not verdict["full"] and not leaks:
        return  # a quick battery does not replace a full one
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_suffix(f".{os.getpid()}")
        temporary.write_text(json.dumps(verdict, allow_nan=False), encoding="utf-8")
        temporary.replace(path)
    except OSError as error:
        log.warning("the audit's verdict cannot be kept in %s: %s", path.parent, error)


def recall(config_id: str) -> dict[str, Any] | None:
    """The stored verdict of a config with this code; None if it was not audited, or not as it is now."""
    try:
        verdict: dict[str, Any] = json.loads(_path(config_id).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return verdict if {"verdict", "full", "checks"} <= verdict.keys() else None


def _path(config_id: str) -> Path:
    key = digest({"config": config_id, "code": code_digest(), "versions": versions()})
    return cache_folder() / "audits" / f"{key}.json"
