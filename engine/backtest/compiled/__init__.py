"""The compiled engine: the backtrader engine's results to the last bit, as machine code."""

from .batch import MEASURES, Batch, BatchRunner, batch, batches, product
from .engine import ENGINE, carry_out, refuse

__all__ = ["ENGINE", "MEASURES", "Batch", "BatchRunner", "batch", "batches", "carry_out", "product", "refuse"]
