"""The compiled engine: the backtrader engine's results to the last bit, as machine code."""

from .engine import ENGINE, carry_out, refuse

__all__ = ["ENGINE", "carry_out", "refuse"]
