"""A backtest replayed bar by bar: every signal, side and size of an order compared with a bundle's decisions."""

import math

import numpy as np
import pandas as pd

from engine import run
from strategies._held import Held


def held_of(result, symbol, time):
    """The side of a symbol at a close and the closes in a row on it, from the positions of the backtest."""
    sides = np.sign(result.positions[symbol].loc[:time].to_numpy()).astype(int)
    side = int(sides[-1])
    changed = np.flatnonzero(sides != side)
    return Held(side, (len(sides) - 1 - changed[-1] if len(changed) else len(sides)) if side else 0)


def replayed(config, bundle, cut, every, until=None):
    """Compare each ``every``-th decision from a cut on, up to a time; the number of those compared.

    Parameters
    ----------
    bundle : has ``decide(market, account=, holding=)`` whose rows have prediction, confidence, side and units.
    """
    market = config.data.load()
    result = run(config, cache=False)
    signals = result.signals.set_index(["time", "symbol"])
    equity = result.equity.set_index("time")["equity"]
    # Of a reversal's two market orders, the second one opens.
    market_orders = result.orders[result.orders["kind"] == "market"]
    opening = market_orders.groupby(["created_at", "symbol"], observed=True).last()
    times = [time for time in market.times if time >= cut and (until is None or time < until)][::every]
    for time in times:
        holding = {symbol: held_of(result, symbol, time) for symbol in market.trade}
        account = equity.get(time, config.broker.cash)
        decisions = bundle.decide(market.until(time), account=account, holding=holding)
        for row in decisions.rows:
            if (time, row.symbol) not in signals.index:
                continue
            signal = signals.loc[(time, row.symbol)]
            for name in ("prediction", "confidence"):
                assert getattr(row, name) == signal[name] or (math.isnan(getattr(row, name)) and pd.isna(signal[name]))
            opens = row.side not in (0, holding[row.symbol].side)
            leaves = row.side == 0 != holding[row.symbol].side
            assert (opens or leaves) == ((time, row.symbol) in opening.index), (time, row)
            if opens:
                order = opening.loc[(time, row.symbol)]
                assert (order["side"], row.units) == ("buy" if row.side > 0 else "sell", order["asked"])
    return len(times)
