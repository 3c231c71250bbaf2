"""The 2 % / 5 % rule as a backtrader sizer."""

from typing import Any

import backtrader as bt

from risk.sizing import lot_floor, risk_money, rule_units


class RiskRuleSizer(bt.Sizer):
    """Sizes the *resulting* position by the risk rule: ``cerebro.addsizer(RiskRuleSizer, base=0.02, cap=0.05)``.

    The notional is ``min(base x account x confidence, cap x account)`` at the last close. An order on the side that is
    held already gets only the difference up to the rule, never a reduction; an order on the opposite side gets the
    held units plus a new position. Account value and price are those of the signal's close, so after a gap the share
    of the account at the fill differs from the rule.

    Parameters
    ----------
    base : share of the account that a position with confidence 1 takes.
    cap : largest share of the account that a position may take.
    lot : smallest tradable amount; sizes are rounded down to whole lots. 0 = fractional.
    confidence : in [0, 1], or a callable of (strategy, data) that returns it; NaN sizes 0.
    """

    params = (("base", 0.02), ("cap", 0.05), ("lot", 0.0), ("confidence", 1.0))

    def opening(self, data: Any, confidence: float | None = None) -> float:
        """Units of a new position from flat; 0 when the rule allows less than one lot.

        Parameters
        ----------
        data : the feed to trade.
        confidence : in [0, 1]; None takes the sizer's own parameter.
        """
        account = self.broker.getvalue()
        return rule_units(self._trust(data, confidence), account, data.close[0], self.p.base, self.p.cap, self.p.lot)

    def refusal(self, data: Any, confidence: float | None = None) -> str:
        """Why :meth:`opening` is 0, in one line."""
        money = risk_money(self._trust(data, confidence), self.broker.getvalue(), self.p.base, self.p.cap)
        return f"size 0: the rule allows {money / data.close[0]:.6g} units, the lot is {self.p.lot:g}"

    def _trust(self, data: Any, confidence: float | None) -> float:
        given = self.p.confidence if confidence is None else confidence
        return float(given(self.strategy, data) if callable(given) else given)

    def _getsizing(self, comminfo: Any, cash: float, data: Any, isbuy: bool) -> float:  # noqa: ARG002 (backtrader's signature)
        held = self.broker.getposition(data).size
        units = self.opening(data)
        if held and (held > 0) == isbuy:
            return lot_floor(units - abs(held), self.p.lot)
        return float(abs(held)) + units
