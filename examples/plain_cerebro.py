"""An ordinary backtrader script that sizes by the 2 % / 5 % rule and measures its risk.

Data, strategy and loop are backtrader's own. What is added: a sizer, a broker and five analyzers, each of which can be
left out. The last of them writes a run folder with report and tear-sheet into ``runs``. Run it with
``python examples/plain_cerebro.py``.
"""

import backtrader as bt
import pandas as pd
from arch.data import nasdaq

from engine import RunRecorder, load_run
from risk.bt_adapter import ExpectedShortfall, ReturnMetrics, RiskAudit, RiskBroker, RiskRuleSizer, ValueAtRisk


class SmaCross(bt.Strategy):
    """Long while the fast average is above the slow one, short while it is below."""

    params = (("fast", 20), ("slow", 50))

    def __init__(self):
        fast, slow = (bt.ind.SMA(period=period) for period in (self.p.fast, self.p.slow))
        self.cross = bt.ind.CrossOver(fast, slow)

    def next(self):
        """Trade at each crossing; the sizer says how much, and closes the other side with the same order."""
        if self.cross > 0:
            self.buy()
        elif self.cross < 0:
            self.sell()


prices = nasdaq.load().loc["2010":"2018"]

cerebro = bt.Cerebro(stdstats=False)
cerebro.adddata(bt.feeds.PandasData(dataname=prices), name="nasdaq")
cerebro.addstrategy(SmaCross)

cerebro.broker = RiskBroker(cash=10_000.0, cap=0.05)
cerebro.broker.setcommission(commission=0.001)
cerebro.broker.set_slippage_perc(0.0005, slip_out=True)
cerebro.addsizer(RiskRuleSizer, base=0.02, cap=0.05, confidence=0.6)
cerebro.addanalyzer(ReturnMetrics, _name="metrics")
cerebro.addanalyzer(ValueAtRisk, _name="value_at_risk", level=0.95)
cerebro.addanalyzer(ExpectedShortfall, _name="expected_shortfall", level=0.95)
cerebro.addanalyzer(RiskAudit, _name="audit")
cerebro.addanalyzer(RunRecorder, _name="run", out="runs", name="plain-cerebro", benchmark="nasdaq")

finished = cerebro.run()[0]
analyzers = finished.analyzers

print(f"account: {cerebro.broker.startingcash:,.2f} became {cerebro.broker.getvalue():,.2f}")
for name, found in analyzers.metrics.get_analysis().items():
    print(f"{name}: {found['value']:.6f} {found['unit']}" if found["reason"] == "" else f"{name}: {found['reason']}")
for tail in (analyzers.value_at_risk.get_analysis(), analyzers.expected_shortfall.get_analysis()):
    print(f"{tail['name']}: {tail['value']:.6f} of a day, n = {tail['n']}")

orders = pd.DataFrame(analyzers.audit.get_analysis()["orders"])
print(f"\n{len(orders)} orders; the largest position at a fill: {orders['share_at_fill'].max():.2%} of the account")
print(orders[["created_at", "side", "asked", "price", "status", "share_at_fill"]].tail().to_string(index=False))

result = load_run(analyzers.run.folder)
print(f"\n{result.metrics['verdict']['headline']}; report and tear-sheet are in {analyzers.run.folder}")
print(result.measures.loc[["total_return", "sharpe", "max_drawdown"], ["strategy", "benchmark"]].to_string())
