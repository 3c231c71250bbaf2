"""How much of an order may open at its fill: the cap, the loss at the stop, the limits of the account."""

import math
from typing import Any, NamedTuple

from risk.limits import ACCOUNT, CAP, LOSS, VOLUME, book_of, headroom, settle, told
from risk.sizing import DUST, risk_money, units_for_loss
from risk.spec import FillRule


class Quote(NamedTuple):
    """An order about to be filled.

    Attributes
    ----------
    side : 1 buys, -1 sells.
    opening : units that would open or add, not signed.
    held : units held on the same side already, not signed; 0 when the order opens from flat or reverses.
    quoted : the market's price, before slippage and impact.
    price : the price of the fill, slippage included.
    worst : the price of the fill with the impact of the whole order.
    volume : units traded in the bar.
    stop : price of the stop that protects the position; NaN for none.
    loss_share : share of the account that may be lost at the stop; infinity for any.
    """

    side: int
    opening: float
    held: float
    quoted: float
    price: float
    worst: float
    volume: float
    stop: float
    loss_share: float


class Verdict(NamedTuple):
    """How many units may open, and why not all; the reason is empty if all may."""

    units: float
    reason: str


def admit(
    quote: Quote, value: float, holdings: list[tuple[float, float, float]], rule: FillRule, costs: Any
) -> Verdict:
    """Hold an opening fill to the rule: it only ever shrinks, to whole lots.

    Parameters
    ----------
    value : of the account at the moment of the fill, before its commission.
    holdings : (units, price, stop) of the positions that stay, this symbol's own among them if it is added to.
    rule : cap, lot and limits.
    costs : as in :func:`risk.sizing.units_for_loss`.
    """
    if quote.side * (quote.quoted - quote.stop) <= 0.0:
        where = f"the market was at {quote.quoted:g}, the stop at {quote.stop:g}"
        return Verdict(0.0, f"stop_passed: {where}")
    fits, code = _fits(quote, value, holdings, rule, costs)
    least = max(rule.limits.min_order, DUST * value)
    units, code = settle(quote.opening, fits, code, quote.price, rule.lot, least)
    return Verdict(units, told(code, "fill", fits, quote.opening, quote.price))


def _fits(
    quote: Quote, value: float, holdings: list[tuple[float, float, float]], rule: FillRule, costs: Any
) -> tuple[float, int]:
    """The units that fit every limit, not rounded, and the code of the tightest."""
    if not value > 0.0:
        return 0.0, ACCOUNT
    # A sale's impact lowers its price, and less of it the less is sold: the dearest price that it can have is `price`.
    dearest = max(quote.price, quote.worst)
    units, code = headroom(
        quote.side, dearest, quote.stop, quote.held == 0.0, book_of(value, holdings), rule.limits.terms
    )
    for which, most in (
        (CAP, _cap_units(quote, value, dearest, rule)),
        (LOSS, _loss_units(quote, value, costs)),
        (VOLUME, rule.impact.limit * quote.volume if rule.impact else math.inf),
    ):
        if most < units:
            units, code = most, which
    return units, code


def _cap_units(quote: Quote, value: float, price: float, rule: FillRule) -> float:
    if rule.cap is None:
        return math.inf
    return max(risk_money(1.0, value, rule.cap, rule.cap) / price - quote.held, 0.0)


def _loss_units(quote: Quote, value: float, costs: Any) -> float:
    if math.isinf(quote.loss_share):
        return math.inf
    whole = units_for_loss(value * quote.loss_share, quote.side, quote.worst, quote.stop, costs)
    return max(whole - quote.held, 0.0)
