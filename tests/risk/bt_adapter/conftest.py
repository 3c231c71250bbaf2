import backtrader as bt
import pandas as pd
import pytest


class Scripted(bt.Strategy):
    """Runs one function per bar number of the script."""

    params = (("script", {}),)

    def __init__(self):
        self.number = -1
        self.fills = []

    def prenext(self):
        self.next()

    def next(self):
        self.number += 1
        self.p.script.get(self.number, lambda strategy: None)(self)

    def notify_order(self, order):
        self.fills += [(self.number + 1, order.data._name, bit.size, bit.price) for bit in order.executed.iterpending()]


def frame(rows, start="2020-01-06"):
    """Daily bars of open, high, low, close; None leaves a day out."""
    days = pd.date_range(start, periods=len(rows))
    rows_by_day = {day: row for day, row in zip(days, rows, strict=True) if row}
    return pd.DataFrame.from_dict(rows_by_day, orient="index", columns=["open", "high", "low", "close"])


@pytest.fixture
def play():
    """Run a script over feeds A, B, ... in a plain Cerebro; returns the strategy."""

    def run(*datas, script=None, broker=None, info=None, sizer=None, analyzers=(), start="2020-01-06"):
        cerebro = bt.Cerebro(stdstats=False)
        for number, rows in enumerate(datas):
            cerebro.adddata(bt.feeds.PandasData(dataname=frame(rows, start)), name="ABC"[number])
        if broker:
            cerebro.broker = broker
        if info:
            cerebro.broker.addcommissioninfo(info)
        if sizer:
            cerebro.addsizer(sizer[0], **sizer[1])
        for analyzer, parameters in analyzers:
            cerebro.addanalyzer(analyzer, **parameters)
        cerebro.addstrategy(Scripted, script=script or {})
        return cerebro.run()[0]

    return run
