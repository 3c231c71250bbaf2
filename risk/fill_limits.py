"""How much of an order may open at its fill: the cap, the loss at the stop, the limits of the account.

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


class FillTerms(NamedTuple):
    """What a fill that opens must keep, as numbers; infinity where nothing is asked.

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
    """How many units may open, what made them fewer (a code of :mod:`risk.limits`), and how many it leaves room for."""

    units: float
    code: int
    fits: float


def admit(quote: Quote, book: AccountExposure, rule: FillTerms, costs: Any) -> FillDecision:
    """Hold an opening fill to the rule: it only ever shrinks, to whole lots.

    Parameters
    ----------
    book : the account at the moment of the fill, before its commission, and the positions that stay, this symbol's own
        among them if it is added to.
    costs : as in :func:`risk.sizing.units_for_loss`.
    """
    if quote.side * (quote.quoted - quote.stop) <= 0.0:
        return FillDecision(0.0, STOP_PASSED, 0.0)
    fits, code = _fits(quote, book, rule, costs)
    least = max(rule.limits.min_order, DUST * book.value)
    units, code = settle(quote.opening, fits, code, quote.price, rule.lot, least)
    return FillDecision(units, code, fits)


def _fits(quote: Quote, book: AccountExposure, rule: FillTerms, costs: Any) -> tuple[float, int]:
    """The units that fit every limit, not rounded, and the code of the tightest."""
    if not book.value > 0.0:
        return 0.0, ACCOUNT
    # A sale's impact lowers its price, and less of it the less is sold: the dearest price that it can have is `price`.
    dearest = max(quote.price, quote.worst)
    units, code = headroom(quote.side, dearest, quote.stop, quote.held == 0.0, book, rule.limits)
    if rule.cap < math.inf:
        most = max(risk_money(1.0, book.value, rule.cap, rule.cap) / dearest - quote.held, 0.0)
        if most < units:
            units, code = most, CAP
    if quote.loss_share < math.inf:
        whole = units_for_loss(book.value * quote.loss_share, quote.side, quote.worst, quote.stop, costs)
        most = max(whole - quote.held, 0.0)
        if most < units:
            units, code = most, LOSS
    if rule.volume < math.inf and rule.volume * quote.volume < units:
        units, code = rule.volume * quote.volume, VOLUME
    return units, code


def why(code: int, fits: float, opening: float, price: float, quoted: float, stop: float) -> str:
    """Why an order became smaller at its fill, in one line; empty if it did not.

    Parameters
    ----------
    code, fits : of the :class:`FillDecision`.
    opening, price, quoted, stop : of the :class:`Quote`.

    >>> why(STOP_PASSED, 0.0, 5.0, 94.1, 94.0, 95.0)
    'stop_passed: the market was at 94, the stop at 95'
    """
    if code == STOP_PASSED:
        return f"stop_passed: the market was at {quoted:g}, the stop at {stop:g}"
    return message(code, "fill", fits, opening, price)
