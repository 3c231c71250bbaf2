"""The 2 % / 5 % rule as a backtrader sizer."""

import math
from typing import Any

import backtrader as bt

from core.errors import ConfigError
from risk.sizing import lot_floor, position_units
from risk.stops import stop_price

from .commission import costs_of

MODES = ("notional", "stop")


class RiskRuleSizer(bt.Sizer):
    """Sizes the *resulting* position by the risk rule: ``cerebro.addsizer(RiskRuleSizer, base=0.02, cap=0.05)``.

    In mode ``notional`` the position is worth ``min(base x account x confidence, cap x account)`` at the last close. In
    mode ``stop`` its loss at the stop, with the commission and the slippage that the broker is set to, is
    ``base x account x confidence``, and it is worth at most ``cap x account``. An order on the side that is held gets
    only the difference up to the rule, never a reduction; one on the opposite side gets the held units plus a new
    position. Account value and price are those of the signal's close; :class:`~risk.bt_adapter.RiskBroker` applies the
    rule at the fill, too.

    Parameters
    ----------
    base : share of the account that a position with confidence 1 takes, or loses at its stop.
    cap : largest share of the account that a position may take.
    lot : smallest tradable amount; sizes are rounded down to whole lots. 0 = fractional.
    confidence : in [0, 1], or a callable of (strategy, data) that returns it; NaN sizes 0.
    mode : ``notional`` or ``stop``.
    stop : for mode ``stop``: the stop's distance from the close, as a part of it, or a callable of (strategy, data)
        that returns the distance in units of the price. The strategy sends the stop order itself.

    Raises
    ------
    ConfigError
        When a size is first computed: an unknown mode, or mode ``stop`` without a stop.
    """

    params = (("base", 0.02), ("cap", 0.05), ("lot", 0.0), ("confidence", 1.0), ("mode", "notional"), ("stop", None))

    def opening(
        self,
        data: Any,
        confidence: float | None = None,
        side: int = 1,
        stop: float | None = None,
        weight: float = 1.0,
        price: float | None = None,
    ) -> float:
        """Units of a new position from flat; 0 when the rule allows less than one lot.

        Parameters
        ----------
        data : the feed to trade.
        confidence : in [0, 1]; None takes the sizer's own parameter.
        side : 1 long, -1 short; it matters in mode ``stop`` alone.
        stop : price of the stop; None takes the sizer's own parameter.
        weight : the part of the rule's size that is wanted, at most 1.
        price : at which the entry is expected; None takes the close.
        """
        return lot_floor(self._allowed(data, confidence, side, stop, price) * weight, self.p.lot)

    def refusal(
        self,
        data: Any,
        confidence: float | None = None,
        side: int = 1,
        stop: float | None = None,
        weight: float = 1.0,
        price: float | None = None,
    ) -> str:
        """The reason why :meth:`opening` is 0, in one line."""
        units = self._allowed(data, confidence, side, stop, price) * weight
        return f"size 0: the rule allows {units:.6g} units, the lot is {self.p.lot:g}"

    def _allowed(
        self, data: Any, confidence: float | None, side: int, stop: float | None, price: float | None
    ) -> float:
        """Units that the rule allows, before they are rounded to lots."""
        if self.p.mode not in MODES:
            raise ConfigError(f"RiskRuleSizer: mode={self.p.mode!r}; known: {', '.join(MODES)}")
        account = self.broker.getvalue()
        price = data.close[0] if price is None else price
        confidence = self._confidence(data, confidence)
        if self.p.mode == "stop" and stop is None:
            stop = self._stop(data, side)
        level = math.nan if stop is None else stop
        costs = costs_of(self.broker, data) if self.p.mode == "stop" else None
        return position_units(side, confidence, account, price, level, self.p, costs)

    def _confidence(self, data: Any, confidence: float | None) -> float:
        setting = self.p.confidence if confidence is None else confidence
        return float(setting(self.strategy, data) if callable(setting) else setting)

    def _stop(self, data: Any, side: int) -> float:
        setting = self.p.stop
        if setting is None:
            raise ConfigError("RiskRuleSizer: mode='stop' needs stop: a part of the price, such as 0.05, or a callable")
        close = float(data.close[0])
        distance = float(setting(self.strategy, data)) if callable(setting) else close * setting
        if not distance > 0.0 and not math.isnan(distance):
            raise ConfigError(
                f"RiskRuleSizer: stop is {distance:g} away from {close:g}; it must lie on the losing side"
            )
        return stop_price(side, close, distance)

    def _getsizing(self, comminfo: Any, cash: float, data: Any, isbuy: bool) -> float:  # noqa: ARG002 (backtrader's signature)
        held = self.broker.getposition(data).size
        units = self.opening(data, side=1 if isbuy else -1)
        if held and (held > 0) == isbuy:
            return lot_floor(units - abs(held), self.p.lot)
        return float(abs(held)) + units
