"""The id of a sweep."""

from typing import TYPE_CHECKING

from core.digests import digest

if TYPE_CHECKING:
    from engine.config.run_config import RunConfig

EXCLUDED = ("workers", "timeout", "cluster")
"""Keys of the sweep block that never change a result."""


def sweep_id(config: "RunConfig") -> str:
    """12 hex digits: a digest of config, data and sweep block, of everything that decides the result."""
    values = config.dump()["sweep"]
    axes = list(values["space"])  # trials are numbered in their order
    block = {key: value for key, value in values.items() if key not in EXCLUDED}
    return digest({"config": config.id, "sweep": block, "axes": axes})[:12]
