"""The same run with a constant confidence: the difference is what the variation of the confidence was worth."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from core.types import Market, SignalFrame, read_only
from engine.backtest.account_returns import STRATEGY, daily_returns
from engine.backtest.engines import backtest
from engine.config.run_config import RunConfig
from risk.measure_set import headline
from risk.measures.base import Measured
from signals.signals_result import Signals

from .measure_inputs import samples


@dataclass(frozen=True)
class ConstantConfidence:
    """A run whose every decision had the same confidence.

    Attributes
    ----------
    confidence : the mean over all decisions of the run beside it, so that both are invested about alike.
    measures : its headline measures; none if that account lost more than it had.
    """

    confidence: float
    measures: tuple[Measured, ...]

    def dump(self) -> dict[str, Any]:
        """A plain mapping."""
        return {"confidence": self.confidence, "measures": {measure.name: measure.value for measure in self.measures}}


def constant_confidence_run(
    config: RunConfig, market: Market, signals: Signals, per_year: float
) -> ConstantConfidence | None:
    """Run again with the mean confidence; None where the confidence does not vary as it is."""
    frame = signals.frame
    decided = np.isfinite(frame.confidence)
    if not signals.folds or not decided.any() or np.ptp(frame.confidence[decided]) == 0:
        return None
    mean = float(frame.confidence[decided].mean())
    result = backtest(config, market, _constant(frame, mean), solvent=False)
    if (result.equity["equity"] <= 0).any():
        return ConstantConfidence(mean, ())
    sample = samples(daily_returns(result, market), result, per_year, config.risk_free)[STRATEGY]
    return ConstantConfidence(mean, headline(sample, config.measures))


def _constant(frame: SignalFrame, value: float) -> SignalFrame:
    return replace(frame, confidence=read_only(np.where(np.isnan(frame.confidence), np.nan, value)))
