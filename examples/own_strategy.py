"""Signals and an order type of one's own on the project's strategy shell.

``SignalStrategy`` follows the feed's ``prediction`` and ``confidence`` lines; here its entries become limit orders a
little better than the close, each with a stop. Run it with ``python examples/own_strategy.py``.
"""

import backtrader as bt
import pandas as pd
from arch.data import nasdaq

from engine.backtest.bt.feed import SignalFeed
from risk.bt_adapter import RiskAudit, RiskBroker, RiskRuleSizer
from risk.spec import RiskSpec
from risk.stops import Percent
from strategies._backtrader import SignalStrategy
from strategies.threshold import Threshold


class LimitEntries(SignalStrategy):
    """Buys below the close and sells short above it.

    While the signal lasts, each new bar withdraws an entry that was not filled and sends one at its own close.

    Parameters
    ----------
    better : how much better than the close the limit is, a fraction.
    """

    params = (("better", 0.005),)

    def open_order(self, data, side, size, **terms):
        """A limit order instead of a market order; the terms tie it to its stop."""
        send = self.buy if side > 0 else self.sell
        limit = data.close[0] * (1 - side * self.p.better)
        return send(data=data, size=size, exectype=bt.Order.Limit, price=limit, **terms)


frame = nasdaq.load().loc["2010":"2018"].rename(columns=str.lower)
momentum = frame["close"].pct_change(60)
signals = frame.assign(prediction=momentum, confidence=0.6).dropna()

cerebro = bt.Cerebro(stdstats=False)
cerebro.adddata(SignalFeed(dataname=signals, name="nasdaq"))
stop = RiskSpec(stop=Percent(value=0.05))
cerebro.addstrategy(LimitEntries, spec=Threshold(entry=0.05, exit=0.0), risk=stop, better=0.01)
cerebro.broker = RiskBroker(cash=10_000.0, cap=0.05)
cerebro.broker.setcommission(commission=0.001)
cerebro.addsizer(RiskRuleSizer, base=0.02, cap=0.05)
cerebro.addanalyzer(RiskAudit, _name="audit")

audit = cerebro.run()[0].analyzers.audit.get_analysis()
orders = pd.DataFrame(audit["orders"])

print(f"account: {cerebro.broker.startingcash:,.2f} became {cerebro.broker.getvalue():,.2f}")
print(orders.groupby(["kind", "status"]).size().rename("orders").reset_index().to_string(index=False))
print(orders[["created_at", "kind", "side", "asked", "price", "status", "reason"]].head(8).to_string(index=False))
