"""The input of a run's outcome, for a run of a config and for a recorded Cerebro run."""

from typing import Any, NamedTuple, Protocol

from core.types import Market, RunResult
from engine.config.recorded_config import RecordedRisk
from risk.costs import BrokerSpec
from risk.measure_set import MeasuresSpec
from risk.spec import RiskSpec
from signals.evaluation.evaluate import Evaluation
from signals.signals_result import Signals


class RunParts(NamedTuple):
    """Input and result of a run; ``evaluation`` is None where there are no forecasts."""

    market: Market
    signals: Signals
    evaluation: Evaluation | None
    result: RunResult


class Settings(Protocol):
    """The settings that measures and checks need, of a config or of a recorded run."""

    @property
    def name(self) -> str:
        """The name of the run."""
        ...

    @property
    def seed(self) -> int:
        """Of resampling."""
        ...

    @property
    def measures(self) -> MeasuresSpec:
        """Levels and conventions."""
        ...

    @property
    def broker(self) -> BrokerSpec:
        """Costs and interest."""
        ...

    @property
    def risk(self) -> RiskSpec | RecordedRisk:
        """The cap, and the stop."""
        ...

    @property
    def risk_free(self) -> float:
        """The annual rate that ratios compare with."""
        ...

    def dump(self) -> dict[str, Any]:
        """All of them as plain values."""
        ...
