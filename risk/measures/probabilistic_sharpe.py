"""Probabilistic Sharpe ratio: the probability that the true Sharpe ratio is above a benchmark."""

from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field

from risk.returns import checked_year, excess

from ._track_record import probabilistic_sharpe
from .base import Estimate, Measure, Sample, Unit


class ProbabilisticSharpe(Measure):
    """Probabilistic Sharpe ratio: the probability that the true Sharpe ratio is above a benchmark."""

    unit: ClassVar[Unit] = "fraction"
    period: ClassVar[str] = "whole span"
    is_ratio: ClassVar[bool | None] = True

    benchmark: Annotated[float, Field(ge=-10, le=10)] = 0.0
    """The annual Sharpe ratio to lie above."""

    @property
    def name(self) -> str:
        """The kind, and the benchmark unless it is 0."""
        return self.kind if self.benchmark == 0.0 else f"{self.kind}_above_{self.benchmark:g}"

    @property
    def formula(self) -> str:
        """The computation in words."""
        above = f"(SR - {self.benchmark:g} / sqrt(periods per year))" if self.benchmark else "SR"
        return f"Phi[{above} sqrt(n - 1) / sqrt(1 - skew SR + (kurtosis - 1) / 4 SR^2)], SR per session"

    def estimate(self, sample: Sample) -> Estimate:
        """:func:`probabilistic_sharpe` of the sample's excess returns."""
        checked_year(sample.periods_per_year, sample.risk_free)
        above = excess(sample.returns, sample.periods_per_year, sample.risk_free)
        return probabilistic_sharpe(np.maximum(above, -1.0), self.benchmark / sample.periods_per_year**0.5)
