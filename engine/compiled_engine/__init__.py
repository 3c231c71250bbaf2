"""The compiled engine: the backtrader engine's results to the last bit, as machine code."""

from .engine import ENGINE, refuse, run

__all__ = ["ENGINE", "refuse", "run"]
