"""The size of a position by the risk rule, at a bar's close."""

from typing import NamedTuple

from core.types import Bars
from risk.sizing import lot_floor, risk_money, rule_units, stop_units
from risk.stops import Distances, stop_price, target_price

from .trained import Rules


class Size(NamedTuple):
    """A position that the rule gives.

    Attributes
    ----------
    value : money, account currency, before it is rounded to lots.
    units : whole lots, signed.
    stop, target : prices of the protective orders; NaN for none.
    """

    value: float
    units: float
    stop: float
    target: float


def size_of(rules: Rules, bars: Bars, side: int, confidence: float, account: float) -> Size:
    """The position on a side at the last close, as the engines size one from flat.

    Parameters
    ----------
    side : 1 or -1.
    confidence : in [0, 1]; NaN gives nothing.
    account : account value, account currency.
    """
    risk = rules.risk
    broker = rules.broker
    close = float(bars.close[-1])
    distances = Distances.of(bars, risk.stop, risk.take_profit)
    stop = stop_price(side, close, float(distances.stop[-1]))
    target = target_price(side, close, float(distances.target[-1]))
    if risk.mode == "notional":
        units = rule_units(confidence, account, close, risk.base, risk.cap, 0.0)
    else:
        loss = risk_money(confidence, account, risk.base, 1.0)
        units = stop_units(loss, risk_money(1.0, account, risk.cap, risk.cap), side, close, stop, 0.0, broker)
    return Size(units * close, side * lot_floor(units, broker.lot), stop, target)
