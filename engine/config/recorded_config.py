"""The description of a recorded Cerebro run: what stands in the place of a config in its run folder."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError

from core.digests import digest
from core.errors import ConfigError
from core.spec import Rate, Share, Spec
from risk.costs import BrokerSpec
from risk.measure_set import MeasuresSpec

from .run_config import RunConfig


class RecordedRisk(Spec):
    """The cap that a recorded run is held to."""

    cap: Share | None = None
    """Largest share of the account that one position may be; none if nothing in the script sets it."""

    cap_at: Literal["fill", "signal"] = "signal"
    """Where the script applies it."""

    stop: None = None
    """Stops are the script's own orders."""


class RecordedConfig(Spec):
    """A Cerebro run as far as it is known from outside: the strategy and its parameters, feeds, broker and sizer.

    It is no config: the script that made the run is needed to run it again.
    """

    name: Annotated[str, RunConfig.model_fields["name"].metadata[0]] = "cerebro"
    """The name of the run folder."""

    cerebro: dict[str, Any]
    """By part (strategy, feeds, broker, commission, sizer), its class and parameters as plain values."""

    benchmark: str = "basket"
    """The feed that the account is compared with, or `basket`: the traded feeds in equal parts, bought once."""

    zone: str = "UTC"
    """The time zone whose days are the sessions."""

    cash: Annotated[float, Field(gt=0)]
    """Initial cash in account currency."""

    cash_interest: Rate = 0.0
    """Yearly interest that idle cash earned."""

    slippage: Rate = 0.0
    """How much worse than the market's price a fill may be, as a fraction of that price."""

    risk: RecordedRisk = RecordedRisk()
    """The cap of a position."""

    measures: MeasuresSpec = MeasuresSpec()
    """Levels and conventions of the measures."""

    seed: Annotated[int, Field(ge=0)] = 0
    """Of resampling and simulated p-values."""

    @property
    def broker(self) -> BrokerSpec:
        """The broker, as far as checks and returns of cash need it; commission and the rest are the script's own."""
        return BrokerSpec(
            cash=self.cash, cash_interest=self.cash_interest, slippage=self.slippage, commission=0.0, delisting="hold"
        )

    @property
    def risk_free(self) -> float:
        """The annual rate that ratios compare with, as :attr:`RunConfig.risk_free`."""
        stated = self.measures.risk_free
        return self.broker.cash_yield if self.cash_interest > max(stated, 0.0) else stated

    @property
    def id(self) -> str:
        """12 hex digits of all but the name; data count by their content, the strategy by its source."""
        return digest({key: value for key, value in self.dump().items() if key != "name"})[:12]


def recorded_config(values: Mapping[str, Any]) -> RecordedConfig:
    """The description of a recorded run from plain values.

    Raises
    ------
    ConfigError
        The first value that cannot be, in one line.
    """
    try:
        return RecordedConfig.parse(values)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        raise ConfigError(f"RunRecorder: {key}={first['input']!r}: {first['msg']}") from error
