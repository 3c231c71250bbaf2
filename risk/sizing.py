"""The 2 % / 5 % rule: how many units a signal may hold.

The functions take floats and return floats and use nothing but ``+ - * /``, comparisons and truncation to a whole
number, so that a compiler gives the same bits as Python.
"""

from typing import Any

EXACT_WHOLE = 9007199254740992.0  # 2**53: from here on a float cannot count lots one by one
ROUNDING = 1e-14
"""By how much the difference of two sizes may be off, relative to them: some fifty times what floats round."""
DUST = 1e-9
"""An order for less than this share of the account is rounding error; it is not sent."""


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
    units : before rounding; NaN and negative numbers give 0.
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


def units_for_loss(money: float, side: int, entry: float, stop: float, p: Any) -> float:
    """The largest size whose loss between its entry and its stop, costs included, is at most ``money``.

    Commission is paid at both ends, slippage at the stop. A minimum commission makes the costs of a size the larger of
    two straight lines at each end; the loss stays within the money if it does so for each of the four combinations.

    Parameters
    ----------
    money : account currency; 0, less and NaN give 0.
    side : 1 long, -1 short.
    entry : price of the entry, its slippage included.
    stop : price of the stop; one that is not on the losing side of the entry, or NaN, gives 0.
    p : has ``commission``, ``commission_per_unit``, ``commission_minimum`` and ``slippage``.

    Returns
    -------
    Units, never negative, fractional.

    >>> from risk.costs import BrokerSpec
    >>> units_for_loss(200.0, 1, 100.0, 95.0, BrokerSpec(commission=0.0, slippage=0.0))
    40.0
    """
    if not (money > 0.0 and side * (entry - stop) > 0.0):
        return 0.0
    exit_price = stop * (1.0 - side * p.slippage)
    price_loss = side * (entry - exit_price)
    entry_cost = entry * p.commission + p.commission_per_unit
    exit_cost = exit_price * p.commission + p.commission_per_unit
    units = money / (price_loss + entry_cost + exit_cost)
    minimum = p.commission_minimum
    if minimum > 0.0:
        one_minimum = (money - minimum) / (price_loss + max(entry_cost, exit_cost))
        two_minima = (money - 2.0 * minimum) / price_loss
        units = min(units, one_minimum, two_minima)
    return float(max(units, 0.0))


def stop_units(loss: float, max_value: float, side: int, price: float, stop: float, lot: float, p: Any) -> float:
    """Units that the rule gives a new position in mode ``stop``.

    Parameters
    ----------
    loss : money that may be lost at the stop, costs included: ``base x confidence x account``.
    max_value : money that the position may be worth at ``price``: ``cap x account``.
    side : 1 long, -1 short.
    price : price of one unit at the signal; the entry is expected there, slippage added.
    stop : price of the stop, on the losing side of ``price``.
    lot : as in :func:`lot_floor`.
    p : as in :func:`units_for_loss`.

    Returns
    -------
    Units, never negative.

    >>> from risk.costs import BrokerSpec
    >>> stop_units(100.0, 500.0, 1, 100.0, 95.0, 0.0, BrokerSpec(commission=0.0, slippage=0.0))  # the cap wins
    5.0
    """
    if not (price > 0.0 and max_value > 0.0):
        return 0.0
    entry = price * (1.0 + side * p.slippage)
    return lot_floor(min(units_for_loss(loss, side, entry, stop, p), max_value / price), lot)


def position_units(
    side: int, confidence: float, account: float, price: float, stop: float, rule: Any, costs: Any
) -> float:
    """Units that the rule gives a new position in either mode, before they are rounded to lots.

    Parameters
    ----------
    side, price, stop : as in :func:`stop_units`; in mode ``notional`` only the price counts.
    confidence, account : as in :func:`risk_money`.
    rule : has ``mode`` (``notional`` or ``stop``), ``base`` and ``cap``.
    costs : as ``p`` in :func:`units_for_loss`.
    """
    if rule.mode == "notional":
        return rule_units(confidence, account, price, rule.base, rule.cap, 0.0)
    loss = risk_money(confidence, account, rule.base, 1.0)
    return stop_units(loss, risk_money(1.0, account, rule.cap, rule.cap), side, price, stop, 0.0, costs)


def resize_units(
    target_units: float, held_units: float, price: float, band: float, lot: float, min_value: float
) -> float:
    """Units to add to a position or to take off it, so that it is of the rule's size again.

    Parameters
    ----------
    target_units, held_units : units of the rule's size and of the position, not signed.
    price : of one unit.
    band : how far off the position may be, as a part of ``target_units``.
    lot : as in :func:`lot_floor`.
    min_value : value below which nothing is sent, account currency.

    Returns
    -------
    Units, not signed; 0 where the position stays. It stays, too, where the rule gives nothing.

    >>> resize_units(10.0, 7.0, 50.0, 0.2, 1.0, 0.0), resize_units(10.0, 9.0, 50.0, 0.2, 1.0, 0.0)
    (3.0, 0.0)
    """
    if target_units <= 0.0 or abs(target_units - held_units) <= band * target_units:
        return 0.0
    difference = _lots_between(target_units, held_units, lot)
    return 0.0 if difference * price < min_value else difference


def _lots_between(target_units: float, held_units: float, lot: float) -> float:
    """The distance of two sizes in whole lots: rounded down, but for what is missing by the rounding of floats alone.

    Of lots such as 0.01, which floats cannot hold, 3.00 - 1.12 is a hair below 188.
    """
    difference = abs(target_units - held_units)
    if lot <= 0.0 or difference >= EXACT_WHOLE * lot:
        return difference
    nearest = int(difference / lot + 0.5) * lot
    return (
        nearest if abs(difference - nearest) <= ROUNDING * (target_units + held_units) else lot_floor(difference, lot)
    )
