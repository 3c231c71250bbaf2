"""The config block ``risk``: the 2 % / 5 % rule, the stops, the limits of the account."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from core.spec import Part, Rate, Share, Spec

from .account_limits import LimitsSpec
from .costs import VolumeShare
from .stops import StopSpec, TargetSpec


class ResizeSpec(Spec):
    """The band around the rule's size that an open position is kept in."""

    band: Part
    """How far the position may be off the rule's size, as a part of that size, before an order moves it back."""


class RiskSpec(Spec):
    """The share of the account that one position may be, its protection, and the limits of the whole account.

    ``notional``: the money behind a position is ``base x confidence x account``. ``stop``: the loss at the stop, costs
    included, is ``base x confidence x account``. In both modes a position is never more than ``cap x account``. As
    confidence is at most 1, the cap can bind at the signal only where base exceeds it, or in mode `stop`.
    """

    base: Share = 0.02
    """Share of the account value behind a position of confidence 1, or lost at its stop; 0.02 is 2 %."""

    cap: Share = 0.05
    """Largest share of the account value that one position may be; it wins over a larger base."""

    mode: Literal["notional", "stop"] = "notional"
    """What `base` is a share of the account for: `notional` the position's value, `stop` the loss at its stop."""

    cap_at: Literal["fill", "signal"] = "fill"
    """Where the rule holds: `fill` trims an order to it at the price it fills at; `signal` keeps the size of the
    decision's close, which a gap to the next open can carry beyond the rule."""

    stop: StopSpec | None = None
    """A protective stop for every position: `percent`, `atr`, `trail_percent` or `trail_atr`."""

    take_profit: TargetSpec | None = None
    """A limit order that takes the profit of every position: `percent` or `atr`."""

    resize: ResizeSpec | None = None
    """Move an open position back to the rule's size when it is off by more than a band; by default it stays."""

    limits: LimitsSpec = LimitsSpec()
    """Limits of the whole account."""

    @model_validator(mode="after")
    def _agree(self) -> Self:
        open_risk = self.limits.open_risk
        gross = self.limits.gross
        if self.mode == "stop" and self.stop is None:
            raise _wrong(
                "mode stop sizes by the loss at the stop: add a stop, such as {kind: percent, value: 0.05}", "stop"
            )
        if open_risk is not None and self.stop is None:
            raise _wrong("open_risk counts the losses at the stops: add risk.stop or remove it", "limits.open_risk")
        if open_risk is not None and self.mode == "stop" and open_risk < self.base:
            text = f"open_risk ({open_risk:g}) lies below base ({self.base:g}): not even one position fits; raise it"
            raise _wrong(text, "limits.open_risk")
        if gross is not None and gross < self.cap:
            text = (
                f"gross ({gross:g}) lies below cap ({self.cap:g}): not even one position fits; lower cap or raise gross"
            )
            raise _wrong(text, "limits.gross")
        return self


def _wrong(text: str, key: str) -> PydanticCustomError:
    return PydanticCustomError("risk", text, {"path": key.split(".")})


class FillRule(Spec):
    """The rule that every fill of a broker must keep, whatever the strategy's order."""

    cap: Share | None = None
    """Largest share of the account value that one position may be at its fill; none leaves the size alone."""

    lot: Annotated[float, Field(ge=0)] = 0.0
    """Units in one lot; what is trimmed is rounded down to whole lots. 0 allows any fraction."""

    limits: LimitsSpec = LimitsSpec()
    """Limits of the whole account on new risk."""

    impact: VolumeShare | None = None
    """Market impact on top of slippage."""

    cash_interest: Rate = 0.0
    """Yearly interest earned on idle cash, by calendar day."""
