"""The manifest of a result: data, code, versions, seeds, machine, timings."""

import os
import platform
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from core.digests import tree_digest
from core.types import RunResult
from engine.run_folder.processor import processor
from signals.cache.checkout import ROOT, git_text
from signals.cache.library_versions import version_of

PACKAGES = ("core", "marketdata", "risk", "signals", "strategies", "serving", "engine")
LIBRARIES = (
    "backtrader",
    "quantstats",
    "numpy",
    "pandas",
    "scipy",
    "scikit-learn",
    "torch",
    "xgboost",
    "lightgbm",
    "numba",
    "optuna",
    "pyarrow",
    "matplotlib",
    "pydantic",
)


def build(
    result: RunResult,
    seed: int,
    data: Mapping[str, str],
    digest: str,
    timings: Mapping[str, float],
    tried: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The manifest of a run.

    Parameters
    ----------
    result : names the config, the engine and the sessions' time zone.
    data : SHA-256 of each data file, by symbol.
    digest : the result digest.
    timings : seconds by stage.
    tried : settings tried on the data when the run was made; None for a run that the ledger does not record.
    """
    mine = {"config_id": result.config_id, "engine": result.engine, "zone": result.zone}
    return {**mine, **common(seed, data, digest, timings), "tried": None if tried is None else dict(tried)}


def common(seed: int, data: Mapping[str, str], digest: str, timings: Mapping[str, float]) -> dict[str, Any]:
    """The entries that every manifest has, of a run and of a sweep; parameters as for :func:`build`."""
    return {
        "format": 1,
        "made_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "seed": seed,
        "data": dict(data),
        "result_digest": digest,
        **surroundings(),
        "timings_seconds": {stage: round(seconds, 3) for stage, seconds in timings.items()},
    }


def surroundings() -> dict[str, Any]:
    """The part of a manifest that no run decides: code, versions, machine, threads."""
    return {
        "code_digest": code_digest(),
        "git": git_state(),
        "versions": versions(),
        "machine": machine(),
        "threads": {key: os.environ[key] for key in ("OMP_NUM_THREADS", "OMP_WAIT_POLICY") if key in os.environ},
    }


def machine() -> dict[str, str]:
    """Python, the operating system, and the processor as far as last digits depend on it."""
    return {
        "python": platform.python_version(),
        "system": platform.platform(),
        "processor": platform.machine(),
        **processor(),
    }


def source_files() -> list[Path]:
    """The project's own source files."""
    files = [path for package in PACKAGES for path in (ROOT / package).rglob("*") if path.suffix in (".py", ".html")]
    return [*sorted(files), ROOT / "run_backtest.py"]


@cache
def code_digest() -> str:
    """One digest over the project's own source files."""
    return tree_digest(source_files(), ROOT)


def versions() -> dict[str, str]:
    """The installed version of each library that decides numbers."""
    return {name: version_of(name) for name in LIBRARIES}


def git_state() -> dict[str, str]:
    """The commit and the uncommitted difference; empty outside a git checkout."""
    commit = git_text("rev-parse", "HEAD")
    return {"commit": commit.strip(), "diff": git_text("diff", "HEAD", "--", *PACKAGES)} if commit else {}
