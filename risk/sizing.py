"""The 2 % / 5 % rule: how many units a signal may hold.

The functions take floats and return floats and use nothing but ``+ - * /``, comparisons and truncation to a whole
number, so that a compiler gives the same bits as Python.
"""

from typing import Literal

from core.spec import Share, Spec

EXACT_WHOLE = 9007199254740992.0  # 2**53: from here on a float cannot count lots one by one


class RiskSpec(Spec):
    """How much of the account one position may be.

    The money behind a position is ``base x confidence x account``, never more than ``cap x account``. Account value
    and price are those of the decision's close. As confidence is at most 1, the cap binds only where base exceeds it.
    """

    base: Share = 0.02
    """Share of the account value behind a position of confidence 1; 0.02 is 2 %."""

    cap: Share = 0.05
    """Largest share of the account value that one position may be; it wins over a larger base."""

    mode: Literal["notional"] = "notional"
    """What the rule limits: `notional` is the position's value, units times price."""

    cap_at: Literal["signal"] = "signal"
    """When the cap is applied: `signal` is at the decision's close. A gap to the next open can exceed it."""


def risk_money(confidence: float, account: float, base: float, cap: float) -> float:
    """Money that one position may be worth, in account currency.

    Parameters
    ----------
    confidence : 0 to 1. NaN (no opinion) gives 0.
    account : account value, in account currency. 0 or less gives 0.
    base, cap : shares of the account, above 0 and at most 1.

    Returns
    -------
    ``account x base x confidence``, at most ``account x cap``, never negative.

    >>> risk_money(0.5, 10_000.0, 0.02, 0.05)
    100.0
    """
    money = account * base * confidence
    if not money > 0.0:  # before min(), which compilers may give another meaning for NaN
        return 0.0
    return min(money, account * cap)


def lot_floor(units: float, lot: float) -> float:
    """The largest whole number of lots that is not above ``units``.

    Parameters
    ----------
    units : units wanted; NaN and negative numbers give 0.
    lot : units in one lot; 0 leaves ``units`` as it is (fractional).

    Returns
    -------
    Units: the largest product ``k x lot``, as floats multiply, that is at most ``units``. From 2**53 lots on, where
    floats are coarser than lots, ``units`` itself.

    >>> lot_floor(45.45, 1.0), lot_floor(45.45, 0.0)
    (45.0, 45.45)
    """
    if not units > 0.0:
        return 0.0
    quotient = units / lot if lot > 0.0 else EXACT_WHOLE
    if quotient >= EXACT_WHOLE:
        return units
    lots = int(quotient)
    # The quotient is rounded, and so is lots x lot: either may be one lot off.
    if lots * lot > units:
        lots -= 1
    elif (lots + 1) * lot <= units:
        lots += 1
    return lots * lot


def rule_units(confidence: float, account: float, price: float, base: float, cap: float, lot: float) -> float:
    """Units that the rule gives a new position.

    Parameters
    ----------
    confidence, account, base, cap : as in :func:`risk_money`.
    price : price of one unit, in account currency. 0, less and NaN give 0.
    lot : as in :func:`lot_floor`.

    Returns
    -------
    Units, never negative: ``lot_floor(risk_money / price)``.

    >>> rule_units(1.0, 10_000.0, 30.0, 0.02, 0.05, 1.0)  # 200 of 10,000 buys 6.67 units
    6.0
    """
    if not price > 0.0:
        return 0.0
    return lot_floor(risk_money(confidence, account, base, cap) / price, lot)
