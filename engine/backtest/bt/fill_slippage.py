"""The slippage of each fill of backtrader's own broker, which keeps no record of it: noted while the broker works."""

import math
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import backtrader as bt

from .fill_shares import multiplier_of

FillKey: TypeAlias = tuple[int, int]
WATCHED = ("_slip_up", "_slip_down", "_try_exec", "_execute")
"""Methods of the broker that are called through the watch."""


class FillSlippage:
    """The slippage of the fills of a broker of backtrader's own kind.

    Such a broker takes the price of the market (the open, the price of a stop, the close with cheat-on-close) to its
    method ``_slip_up`` or ``_slip_down`` and fills at what that gives. The price is noted there, so that all its rules
    (``slip_open``, ``slip_match``, ``slip_limit``, ``slip_out``) and all kinds of orders are covered.

    Attributes
    ----------
    by_fill : by an order's reference and the number of its fill: units x (price - the market's price) x multiplier,
        account currency; fills without slippage are left out.
    """

    def __init__(self) -> None:
        self.by_fill: dict[FillKey, float] = {}
        self._broker: Any = None
        self._quoted: float | None = None

    def watch(self, broker: Any) -> None:
        """Begin to note the broker's fills; one that keeps notes of its own, or is of another kind, is left alone."""
        if hasattr(broker, "notes") or not isinstance(broker, bt.brokers.BackBroker):
            return
        self._broker = broker
        for name in WATCHED:
            setattr(broker, name, getattr(self, name)(getattr(broker, name)))

    def release(self) -> None:
        """Give the broker its methods back."""
        for name in WATCHED if self._broker is not None else ():
            delattr(self._broker, name)
        self._broker = None

    def of(self, broker: Any, key: FillKey) -> Mapping[str, float]:
        """The slippage of a fill as a cost; NaN of a broker of another kind than backtrader's own."""
        is_watched = isinstance(broker, bt.brokers.BackBroker)
        return {"slippage": self.by_fill.get(key, 0.0) if is_watched else math.nan}

    def _slip_up(self, method: Callable[..., Any]) -> Callable[..., Any]:
        def slip(bound: float, price: float, *args: Any, **terms: Any) -> Any:
            self._quoted = price
            return method(bound, price, *args, **terms)

        return slip

    _slip_down = _slip_up

    def _try_exec(self, method: Callable[..., Any]) -> Callable[..., Any]:
        def try_exec(order: Any) -> None:
            self._quoted = None
            method(order)

        return try_exec

    def _execute(self, method: Callable[..., Any]) -> Callable[..., Any]:
        def execute(order: Any, *args: Any, **terms: Any) -> Any:
            before = len(order.executed)
            result = method(order, *args, **terms)
            if len(order.executed) > before and self._quoted is not None:
                fill = order.executed[-1]
                moved = fill.size * (fill.price - self._quoted) * multiplier_of(self._broker, order.data)
                self.by_fill[order.ref, before] = moved
            return result

        return execute
