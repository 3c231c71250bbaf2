"""Minimum track record length: the number of returns from which the Sharpe ratio is significant."""

from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field

from risk.returns import checked_year, excess

from ._track_record import minimum_track_record_length
from .base import Estimate, Measure, Sample, Unit

ALPHA = 0.05


class MinimumTrackRecordLength(Measure):
    """Minimum track record length: returns needed to tell the Sharpe ratio from a benchmark."""

    unit: ClassVar[Unit] = "count"
    period: ClassVar[str] = "whole span"
    is_ratio: ClassVar[bool | None] = True

    benchmark: Annotated[float, Field(ge=-10, le=10)] = 0.0
    """The annual Sharpe ratio to be told from."""
    alpha: Annotated[float, Field(gt=0, lt=0.5)] = ALPHA
    """The probability of error; 0.05 asks for 95 % certainty."""

    @property
    def name(self) -> str:
        """The kind, the benchmark unless it is 0, and the certainty in per cent unless it is 95."""
        above = f"_above_{self.benchmark:g}" if self.benchmark else ""
        return f"{self.kind}{above}" + (f"_at_{100 * (1 - self.alpha):.10g}" if self.alpha != ALPHA else "")

    @property
    def formula(self) -> str:
        """The computation in words."""
        above = f"(SR - {self.benchmark:g} / sqrt(periods per year))" if self.benchmark else "SR"
        square = f"(z({1 - self.alpha:.10g}) / {above})^2"
        return f"sessions needed: 1 + (1 - skew SR + (kurtosis - 1) / 4 SR^2) {square}, SR per session"

    def estimate(self, sample: Sample) -> Estimate:
        """:func:`minimum_track_record_length` of the sample's excess returns."""
        checked_year(sample.periods_per_year, sample.risk_free)
        above = np.maximum(excess(sample.returns, sample.periods_per_year, sample.risk_free), -1.0)
        return minimum_track_record_length(above, self.benchmark / sample.periods_per_year**0.5, self.alpha)
