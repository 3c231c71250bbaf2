"""Slippage under backtrader's own broker: cases worked by hand, and the money that it took from the account."""

import math

import backtrader as bt
import numpy as np
import pandas as pd
import pytest
from rich.console import Console

from engine import RunRecorder
from engine.pages.terminal import show_folder

QUICK = {"intervals": {"reps": 0}, "exam": {"methods": []}, "var_methods": ["historical"]}


def frame_of(*bars):
    columns = dict(zip(("open", "high", "low", "close"), np.array(bars, dtype=float).T, strict=True))
    return pd.DataFrame({**columns, "volume": 100.0}, index=pd.bdate_range("2020-01-01", periods=len(bars)))


def walk(bars=200):
    draw = np.random.default_rng(5)
    close = 100 * np.exp(np.cumsum(draw.normal(0, 0.02, bars)))
    opened = close * np.exp(draw.normal(0, 0.01, bars))
    high = np.maximum(opened, close) * 1.02
    low = np.minimum(opened, close) * 0.98
    return frame_of(*zip(opened, high, low, close, strict=True))


class Scripted(bt.Strategy):
    """Orders by bar: ``{bar: function of the strategy}``."""

    params = (("script", {}),)

    def next(self):
        self.p.script.get(len(self), lambda _: None)(self)


def recorded(frame, script, slip, **settings):
    cerebro = bt.Cerebro(stdstats=False)
    cerebro.adddata(bt.feeds.PandasData(dataname=frame), name="A")
    cerebro.addstrategy(Scripted, script=script)
    slip(cerebro.broker)
    cerebro.addanalyzer(RunRecorder, _name="run", measures=QUICK, tearsheet=False, **settings)
    return cerebro.run()[0].analyzers.run.result


def slippage_of(result):
    rows = result.costs[result.costs["kind"] == "slippage"]
    return rows["amount"].tolist()


WIDE = [(100, 110, 90, 100)] * 6
NARROW = [(100, 100.5, 99.75, 100)] * 6


def buy_and_sell(**terms):
    return {1: lambda s: s.buy(size=10, **terms), 3: lambda s: s.sell(size=10, **terms)}


@pytest.mark.parametrize(
    ("bars", "script", "slip", "paid"),
    [
        (WIDE, buy_and_sell(), lambda b: b.set_slippage_perc(0.01), [10.0, 10.0]),  # 101 and 99, each for 100
        (WIDE, buy_and_sell(), lambda b: b.set_slippage_fixed(0.25), [2.5, 2.5]),
        (WIDE, buy_and_sell(), lambda b: b.set_slippage_perc(0.01, slip_open=False), []),
        (NARROW, buy_and_sell(), lambda b: b.set_slippage_perc(0.01), [5.0, 2.5]),  # only to the high, and to the low
        (NARROW, buy_and_sell(), lambda b: b.set_slippage_perc(0.01, slip_out=True), [10.0, 10.0]),
        (NARROW, buy_and_sell(), lambda b: b.set_slippage_perc(0.01, slip_match=False), []),  # never filled
        # A limit that the open is better than slips from the open; one that is reached within the bar does not.
        (
            WIDE,
            {
                1: lambda s: s.buy(size=10, exectype=bt.Order.Limit, price=105),
                3: lambda s: s.sell(size=10, exectype=bt.Order.Limit, price=95),
            },
            lambda b: b.set_slippage_fixed(0.25),
            [2.5, 2.5],
        ),
        (WIDE, {1: lambda s: s.buy(size=10, exectype=bt.Order.Limit, price=95)}, lambda b: b.set_slippage_fixed(1), []),
        # Stops from their price: 105 becomes 106.05, 95 becomes 94.05.
        (
            WIDE,
            {
                1: lambda s: s.buy(size=10, exectype=bt.Order.Stop, price=105),
                3: lambda s: s.sell(size=10, exectype=bt.Order.Stop, price=95),
            },
            lambda b: b.set_slippage_perc(0.01),
            [10.5, 9.5],
        ),
        (WIDE, buy_and_sell(exectype=bt.Order.Close), lambda b: b.set_slippage_perc(0.01), []),  # it pays none there
    ],
)
def test_by_hand(bars, script, slip, paid):
    result = recorded(frame_of(*bars), script, slip)
    amounts = [amount for amount in slippage_of(result) if amount]
    assert amounts == pytest.approx([amount for amount in paid if amount])
    assert result.metrics["costs"]["slippage"]["value"] == pytest.approx(sum(paid))


def test_cheat_on_close_slips_from_the_close():
    bars = [(100, 110, 90, 105)] * 6

    def slip(broker):
        broker.set_coc(True)
        broker.set_slippage_perc(0.01)

    assert slippage_of(recorded(frame_of(*bars), buy_and_sell(), slip)) == pytest.approx([10.5, 10.5])


def test_a_future_counts_its_multiplier():
    def slip(broker):
        broker.setcommission(margin=1000, mult=50)
        broker.set_slippage_fixed(0.25)

    script = {1: lambda s: s.buy(size=2), 3: lambda s: s.sell(size=2)}
    assert slippage_of(recorded(frame_of(*WIDE), script, slip)) == pytest.approx([25.0, 25.0])


def test_it_is_the_money_that_the_account_lost():
    kinds = (bt.Order.Market, bt.Order.Stop, bt.Order.Limit, bt.Order.StopTrail)

    def order(number):
        def send(strategy):
            kind = kinds[number % 4]
            send_it = strategy.buy if number % 2 else strategy.sell
            close = strategy.data.close[0]
            sign = 1 if number % 2 else -1
            terms = {"trailamount": 1.0} if kind == bt.Order.StopTrail else {"price": close * (1 + 0.005 * sign)}
            send_it(size=3, exectype=kind, **({} if kind == bt.Order.Market else terms))

        return send

    script = {bar: order(bar // 3) for bar in range(5, 190, 3)}
    frame = walk()
    free = recorded(frame, script, lambda broker: broker.set_slippage_perc(0.0))
    slipped = recorded(frame, script, lambda broker: broker.set_slippage_perc(0.002, slip_out=True))
    assert len(free.fills) == len(slipped.fills) > 50
    lost = free.equity["equity"].iloc[-1] - slipped.equity["equity"].iloc[-1]
    assert sum(slippage_of(slipped)) == pytest.approx(lost)
    assert slipped.metrics["measures"]["strategy"]["cost_drag"]["value"] > 0


class OwnBroker(bt.brokers.BackBroker):
    """Slips by a rule of its own."""

    def _slip_up(self, pmax, price, doslip=True, lim=False):
        return price + 2

    _slip_down = _slip_up


def test_a_broker_with_a_rule_of_its_own_is_measured_too():
    cerebro = bt.Cerebro(stdstats=False)
    cerebro.adddata(bt.feeds.PandasData(dataname=frame_of(*WIDE)), name="A")
    cerebro.addstrategy(Scripted, script=buy_and_sell())
    cerebro.broker = OwnBroker()
    cerebro.addanalyzer(RunRecorder, _name="run", measures=QUICK, tearsheet=False)
    result = cerebro.run()[0].analyzers.run.result
    assert slippage_of(result) == pytest.approx([20.0, -20.0])
    assert not {"_slip_up", "_slip_down", "_try_exec", "_execute"} & vars(cerebro.broker).keys()


def test_slippage_that_cannot_be_known_is_no_zero(monkeypatch, tmp_path, capsys):
    """A broker of another kind: here backtrader's own is not taken for one."""

    class Kind:
        """No broker."""

    monkeypatch.setattr(bt.brokers, "BackBroker", Kind)
    result = recorded(frame_of(*WIDE), buy_and_sell(), lambda broker: broker.set_slippage_perc(0.01), out=tmp_path)
    costs = result.metrics["costs"]
    for key in ("slippage", "total"):
        assert costs[key]["value"] is None
        assert costs[key]["drag"]["value"] is None
        assert "no record of slippage" in costs[key]["reason"]
    assert costs["commission"]["value"] == 0.0
    assert result.metrics["measures"]["strategy"]["cost_drag"]["value"] is None
    assert all(math.isnan(amount) for amount in slippage_of(result))
    assert any("slippage is not known" in note for note in result.notes)
    page = next(tmp_path.glob("*/report.html")).read_text(encoding="utf-8")
    assert "the broker keeps no record of slippage" in page
    assert ">nan<" not in page
    capsys.readouterr()
    show_folder(next(tmp_path.glob("*/report.html")).parent, Console(width=100))
    assert "n/a, n/a a year: slippage n/a" in capsys.readouterr().out
