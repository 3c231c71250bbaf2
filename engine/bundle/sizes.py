"""The size of a position by the risk rule, at a bar's close."""

import math
from typing import NamedTuple

from core.types import Bars
from risk.sizing import lot_floor, position_units
from risk.stops import Distances, distance_at, stop_price, target_price
from strategies._entry_order import entry_price

from .trained import Rules


class Size(NamedTuple):
    """A position that the rule gives.

    Attributes
    ----------
    value : money, account currency, before it is rounded to lots.
    units : whole lots, signed.
    stop, target : prices of the protective orders; NaN for none.
    entry : price of the entry's own order; NaN for one without a price: at the next open or the next close.
    """

    value: float
    units: float
    stop: float
    target: float
    entry: float


def size_of(rules: Rules, bars: Bars, side: int, confidence: float, account: float, weight: float = 1.0) -> Size:
    """The position on a side at the last close, as the engines size one from flat.

    Parameters
    ----------
    side : 1 or -1.
    confidence : in [0, 1]; NaN gives nothing.
    account : account value, account currency.
    weight : the part of the rule's size.
    """
    risk = rules.risk
    broker = rules.broker
    close = float(bars.close[-1])
    order = rules.strategy.entry_order
    offset = float(order.distances(bars)[-1]) if order else math.nan
    price = entry_price(order.number, side, close, offset) if order else close
    distances = Distances.of(bars, risk.stop, risk.take_profit)
    stop = stop_price(side, price, distance_at(risk.stop, price, distances.stop[-1]))
    target = target_price(side, price, distance_at(risk.take_profit, price, distances.target[-1]))
    units = position_units(side, confidence, account, price, stop, risk, broker)
    units *= weight
    entry = price if order and order.has_price else math.nan
    return Size(units * price, side * lot_floor(units, broker.lot), stop, target, entry)
