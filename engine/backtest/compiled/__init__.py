"""The compiled engine: the backtrader engine's results to the last bit, as machine code."""

from .batch import MEASURES, Batch, BatchRunner, batch, batches, product
from .engine import ENGINE, refuse, run_task
from .setting_errors import SettingError, SettingRuleError

__all__ = [
    "ENGINE",
    "MEASURES",
    "Batch",
    "BatchRunner",
    "SettingError",
    "SettingRuleError",
    "batch",
    "batches",
    "product",
    "refuse",
    "run_task",
]
