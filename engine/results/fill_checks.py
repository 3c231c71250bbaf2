"""L10: every order is filled after it was decided, at a price that the market offered.

It costs nothing, so every run does it.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from core.types import Bars, Market, RunResult
from risk.costs import BrokerSpec
from risk.delisting import DELISTED, delisting_return
from signals.leaks.check_result import Check

TITLE = "fills after decisions"
HAIR = 1e-9  # of a price: rounding of slippage


def execution(result: RunResult, market: Market, broker: BrokerSpec, *, in_parts: bool = False) -> Check:
    """Every fill against the bars.

    A market order is filled on its symbol's first bar after the close of its decision, a stop or a limit on a later one
    than its entry's decision; the price before slippage and impact lies inside that bar's range, and is its close for
    an order at the close. A position in a symbol that has ended is closed after its last bar, at its last close and the
    delisting return.

    Parameters
    ----------
    in_parts : whether a market order may be filled on several bars, or wait, as by a volume filler in a script.
    """
    wrong = list(_wrong(result, market, broker, in_parts=in_parts))
    fills = len(result.fills)
    if wrong:
        return Check("L10", TITLE, "leak", fills, f"{len(wrong)} of {fills} fills could not have happened: {wrong[0]}")
    if not fills:
        return Check("L10", TITLE, "skipped", 0, "nothing was filled")
    return Check(
        "L10", TITLE, "clean", fills, f"{fills} fills: each on a later bar than its decision, inside its range"
    )


def _wrong(result: RunResult, market: Market, broker: BrokerSpec, *, in_parts: bool) -> Iterator[str]:
    orders = result.orders.set_index("order_id")
    created = orders["created_at"].to_dict()
    settled = set(orders.index[(orders["reason"] == DELISTED) & (orders["status"] == "completed")])
    for fill in result.fills.itertuples():
        decided = created[fill.order_id]
        bars = market.bars[str(fill.symbol)]
        if fill.order_id in settled:
            reason = _not_ended(fill, bars, broker)
        else:
            reason = _impossible(fill, decided, bars, broker, at_once=fill.kind == "market" and not in_parts)
        if reason:
            yield f"order {fill.order_id} of {fill.symbol}, decided at {decided}, {reason}"


def _impossible(fill: Any, created: pd.Timestamp, bars: Bars, broker: BrokerSpec, *, at_once: bool) -> str:
    row = int(bars.times.searchsorted(fill.time))
    following = int(bars.times.searchsorted(created, side="right"))
    if row >= len(bars) or bars.times[row] != fill.time:
        return f"is filled at {fill.time}, where the symbol has no bar"
    if row < following:
        return f"is filled at {fill.time}, no later than it was decided"
    if at_once and row != following:
        return f"is filled at {fill.time}, not on the next bar"
    low, high = _before_slippage(fill.price, np.sign(fill.size), broker)
    close = bars.close[row]
    if fill.kind == "close" and not low * (1 - HAIR) <= close <= high * (1 + HAIR):
        return f"is filled at {fill.price:g}, not at the bar's close of {close:g}"
    if high < bars.low[row] * (1 - HAIR) or low > bars.high[row] * (1 + HAIR):
        return f"is filled at {fill.price:g}, outside the bar's {bars.low[row]:g} to {bars.high[row]:g}"
    return ""


def _not_ended(fill: Any, bars: Bars, broker: BrokerSpec) -> str:
    """The fault of a fill that closes a position in a symbol that has ended; empty if there is none."""
    change = delisting_return(broker.delisting)
    if change is None or fill.time <= bars.times[-1]:
        return f"is closed at {fill.time} as if the symbol had ended"
    price = bars.close[-1] * (1.0 + change)
    return "" if abs(fill.price - price) <= HAIR * bars.close[-1] else f"is closed at {fill.price:g}, not at {price:g}"


def _before_slippage(price: float, side: float, broker: BrokerSpec) -> tuple[float, float]:
    """The lowest and the highest price before slippage and impact that a fill at this price can come from."""
    worst = broker.slippage + (broker.impact.coefficient if broker.impact else 0.0) * (1 + broker.slippage)
    other = price / (1 + side * worst)
    return min(price, other), max(price, other)
