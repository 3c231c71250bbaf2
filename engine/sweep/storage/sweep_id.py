"""What tells one sweep from another."""

from typing import TYPE_CHECKING

from core.digests import digest

if TYPE_CHECKING:
    from engine.config.run_config import RunConfig

NOT_OURS = ("workers", "timeout", "cluster")
"""Keys of the block that never change a result."""


def sweep_id(config: "RunConfig") -> str:
    """12 hex digits of what decides the result of a sweep."""
    values = config.dump()["sweep"]
    order = list(values["space"])  # trials are numbered by it
    own = {key: value for key, value in values.items() if key not in NOT_OURS}
    return digest({"config": config.id, "sweep": own, "axes": order})[:12]
