"""Limits on what an order may open at its fill: the cap, the loss at the stop, the limits of the account.

The functions take floats and tuples of them and use nothing but ``+ - * /`` and comparisons, so that a compiler gives
the same bits as Python.
"""

import math
from typing import Any, NamedTuple

from .account_limits import (
    ACCOUNT,
    CAP,
    LOSS,
    STOP_PASSED,
    TARGET_PASSED,
    VOLUME,
    AccountExposure,
    LimitValues,
    headroom,
    message,
    settle,
)
from .sizing import DUST, risk_money, units_for_loss


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
    stop, target : prices of the stop and the target of the position; NaN for none.
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
    target: float
    loss_share: float


class FillTerms(NamedTuple):
    """The limits of an opening fill as numbers; infinity where there is none.

    Attributes
    ----------
    cap : largest share of the account that one position may be at its fill.
    lot : as in :func:`risk.sizing.lot_floor`.
    volume : largest share of the bar's volume that may be opened.
    limits : of the account.
    """

    cap: float
    lot: float
    volume: float
    limits: LimitValues


class FillDecision(NamedTuple):
    """The units that may open, the code (:mod:`risk.account_limits`) of the limit that reduced them, and its room.

    Attributes
    ----------
    units : that may open, in whole lots.
    code : of the limit that made them fewer; ``FREE`` if none did.
    max_units : that the tightest limit leaves room for, not rounded.
    """

    units: float
    code: int
    max_units: float


def admit(quote: Quote, exposure: AccountExposure, rule: FillTerms, costs: Any) -> FillDecision:
    """Hold an opening fill to the rule: it only ever shrinks, to whole lots.

    Parameters
    ----------
    exposure : of the account at the moment of the fill, before its commission: of the positions that stay, this
        symbol's among them if it is added to.
    costs : as in :func:`risk.sizing.units_for_loss`.
    """
    if quote.side * (quote.quoted - quote.stop) <= 0.0:
        return FillDecision(0.0, STOP_PASSED, 0.0)
    if quote.side * (quote.quoted - quote.target) >= 0.0:
        return FillDecision(0.0, TARGET_PASSED, 0.0)
    max_units, code = _max_units(quote, exposure, rule, costs)
    min_value = max(rule.limits.min_order, DUST * exposure.value)
    units, code = settle(quote.opening, max_units, code, quote.price, rule.lot, min_value)
    return FillDecision(units, code, max_units)


def _max_units(quote: Quote, exposure: AccountExposure, rule: FillTerms, costs: Any) -> tuple[float, int]:
    """The units that fit every limit, not rounded, and the code of the tightest."""
    if not exposure.value > 0.0:
        return 0.0, ACCOUNT
    # A sale's impact lowers its price, and a smaller sale less so: the highest price that it can have is `price`.
    dearest = max(quote.price, quote.worst)
    units, code = headroom(quote.side, dearest, quote.stop, quote.held == 0.0, exposure, rule.limits)
    if rule.cap < math.inf:
        room = max(risk_money(1.0, exposure.value, rule.cap, rule.cap) / dearest - quote.held, 0.0)
        if room < units:
            units = room
            code = CAP
    if quote.loss_share < math.inf:
        max_position = units_for_loss(exposure.value * quote.loss_share, quote.side, quote.worst, quote.stop, costs)
        room = max(max_position - quote.held, 0.0)
        if room < units:
            units = room
            code = LOSS
    if rule.volume < math.inf and rule.volume * quote.volume < units:
        units = rule.volume * quote.volume
        code = VOLUME
    return units, code


def fill_message(code: int, max_units: float, opening: float, price: float, quoted: float, level: float) -> str:
    """The reason that an order became smaller at its fill, in one line; empty if it did not.

    Parameters
    ----------
    code, max_units : of the :class:`FillDecision`.
    opening, price, quoted : of the :class:`Quote`.
    level : price of the stop or the target that was passed.

    >>> fill_message(STOP_PASSED, 0.0, 5.0, 94.1, 94.0, 95.0)
    'stop_passed: the market was at 94, the stop at 95'
    """
    if code == STOP_PASSED:
        return f"stop_passed: the market was at {quoted:g}, the stop at {level:g}"
    if code == TARGET_PASSED:
        return f"target_passed: the market was at {quoted:g}, the target at {level:g}"
    return message(code, "fill", max_units, opening, price)
