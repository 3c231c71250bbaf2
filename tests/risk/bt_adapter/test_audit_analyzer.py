import math
from datetime import timedelta

import backtrader as bt
import pandas as pd
import pytest

from core.table_schemas import FILLS, ORDERS
from risk.bt_adapter import RiskAudit, RiskBroker

QUIET = (100.0, 101.0, 99.0, 100.0)


def audited(play, script, *datas, broker=None, **more):
    run = play(
        *(datas or ([QUIET] * 4,)), script=script, broker=broker or RiskBroker(), analyzers=[(RiskAudit, {})], **more
    )
    return run.analyzers[0].get_analysis()


def stamp(day, hour=0):
    return pd.Timestamp(f"2020-01-{day:02d}", tz="UTC") + timedelta(hours=hour)


def test_the_rows_fit_the_tables(play):
    book = audited(play, {0: lambda s: s.buy(size=1), 1: lambda s: s.close(), 3: lambda s: s.buy(size=1)})
    ORDERS.check(ORDERS.frame(book["orders"]))
    FILLS.check(FILLS.frame(book["fills"]))


def test_a_filled_order(play):
    book = audited(play, {0: lambda s: s.sell(size=10)}, info=bt.CommissionInfo(commission=0.001))
    assert book["orders"] == [
        {
            "order_id": 1,
            "created_at": stamp(6),
            "symbol": "A",
            "kind": "market",
            "side": "sell",
            "asked": -10,
            "trimmed": 0.0,
            "filled": -10,
            "price": 100.0,
            "commission": 1.0,
            "status": "completed",
            "reason": "",
            "share_at_fill": 0.1,
            "decision": "",
        }
    ]
    assert book["fills"] == [
        {
            "order_id": 1,
            "time": stamp(7),
            "symbol": "A",
            "kind": "market",
            "size": -10,
            "price": 100.0,
            "commission": 1.0,
            "position_after": -10.0,
        }
    ]
    assert book["interest"] == [0.0]


def test_orders_are_numbered_from_one_in_every_run(play):
    for _ in range(2):
        book = audited(play, {n: lambda s: s.buy(size=1) for n in range(3)})
        assert [row["order_id"] for row in book["orders"]] == [1, 2, 3]
        assert [row["order_id"] for row in book["fills"]] == [1, 2, 3]


def test_an_order_of_the_last_bar_is_pending(play):
    (row,) = audited(play, {3: lambda s: s.buy(size=1)})["orders"]
    assert (row["status"], row["reason"], row["filled"]) == ("pending", "no later bar of A", 0)
    assert math.isnan(row["price"])
    assert math.isnan(row["share_at_fill"])


def test_an_order_of_an_ended_symbol_is_pending(play):
    (row,) = audited(play, {1: lambda s: s.buy(data=s.data1, size=1)}, [QUIET] * 4, [QUIET, QUIET, None, None])[
        "orders"
    ]
    assert (row["status"], row["reason"]) == ("pending", "no later bar of B")


def test_a_limit_that_was_never_reached_is_pending(play):
    (row,) = audited(play, {0: lambda s: s.buy(size=1, exectype=bt.Order.Limit, price=50.0)})["orders"]
    assert (row["kind"], row["status"], row["reason"]) == (
        "limit",
        "pending",
        "its price was not reached by the last bar",
    )


def test_a_cancelled_order(play):
    sent = {}

    def send(strategy):
        sent["order"] = strategy.buy(size=1, exectype=bt.Order.Limit, price=50.0)

    (row,) = audited(play, {0: send, 1: lambda s: s.cancel(sent["order"])})["orders"]
    assert (row["status"], row["reason"]) == ("cancelled", "cancelled before it was filled")


def test_an_expired_order(play):
    def send(strategy):
        strategy.buy(size=1, exectype=bt.Order.Limit, price=50.0, valid=timedelta(days=1))

    (row,) = audited(play, {0: send})["orders"]
    assert (row["status"], row["reason"]) == ("expired", "expired before it was filled")


@pytest.mark.parametrize(
    ("broker", "reason"),
    [
        (RiskBroker, "not enough cash at submission: 10000.00 available, -10000.00 would be left"),
        (bt.brokers.BackBroker, "not enough cash"),
    ],
)
def test_an_order_without_cash(play, broker, reason):
    (row,) = audited(play, {0: lambda s: s.buy(size=200)}, broker=broker())["orders"]
    assert (row["status"], row["reason"], row["asked"], row["filled"]) == ("margin", reason, 200, 0)


def test_an_order_of_which_only_the_closing_part_fills(play):
    script = {0: lambda s: s.sell(size=10), 1: lambda s: s.buy(size=105)}
    book = audited(play, script, [QUIET, QUIET, (110.0, 111.0, 109.0, 110.0)])
    row = book["orders"][1]
    assert (row["status"], row["asked"], row["filled"], row["price"]) == ("margin", 105, 10, 110.0)
    assert row["reason"] == "not enough cash at the fill: 9900.00 available, -550.00 would be left"
    assert book["fills"][1]["position_after"] == 0.0


def test_kinds_have_our_words(play):
    def send(strategy):
        strategy.sell(size=1, exectype=bt.Order.Stop, price=95.0)
        strategy.sell(size=1, exectype=bt.Order.StopTrail, trailamount=5.0)
        strategy.sell(size=1, exectype=bt.Order.StopLimit, price=95.0, plimit=94.0)

    rows = audited(play, {0: send})["orders"]
    assert [row["kind"] for row in rows] == ["stop", "trail", "stop_limit"]


@pytest.mark.parametrize("broker", [RiskBroker, bt.brokers.BackBroker])
def test_interest_is_apart_from_commission_with_either_broker(play, broker):
    script = {0: lambda s: s.sell(size=10), 2: lambda s: s.close()}
    info = bt.CommissionInfo(commission=0.001, interest=0.365)
    book = audited(play, script, broker=broker(), info=info)
    assert [row["commission"] for row in book["fills"]] == pytest.approx([1.0, 1.0])
    assert book["interest"] == pytest.approx([0.0, 2.0])
    assert sum(row["commission"] for row in book["orders"]) == pytest.approx(2.0)


def test_with_the_stock_broker_the_share_is_unknown_and_the_rest_is_the_same(play):
    script = {0: lambda s: s.buy(size=0.1), 1: lambda s: s.buy(size=0.2), 2: lambda s: s.close()}
    ours, stock = (audited(play, script, broker=kind()) for kind in (RiskBroker, bt.brokers.BackBroker))
    assert ours["fills"] == stock["fills"]
    assert all(math.isnan(row["share_at_fill"]) for row in stock["orders"])
    assert [row["share_at_fill"] for row in ours["orders"]] == pytest.approx([0.001, 0.003, 0.0])


def test_a_fill_in_parts_has_the_average_price_and_the_share_of_the_last(play):
    broker = RiskBroker(filler=lambda order, price, ago: 5)
    rows = [QUIET, QUIET, (120.0, 121.0, 119.0, 120.0)]
    book = audited(play, {0: lambda s: s.buy(size=12)}, rows, broker=broker)
    row = book["orders"][0]
    assert (row["status"], row["filled"], row["price"]) == ("partial", 10, 110.0)
    assert row["reason"] == "filled in part by the last bar"
    assert row["share_at_fill"] == pytest.approx(1_200.0 / 10_100.0)
    assert [fill["position_after"] for fill in book["fills"]] == [5, 10]


def test_times_within_a_day_are_to_the_second(play):
    cerebro = bt.Cerebro(stdstats=False)
    times = pd.date_range("2020-01-06 14:31:07", periods=3, freq="7min")
    frame = pd.DataFrame(dict.fromkeys(("open", "high", "low", "close"), 100.0), index=times)
    cerebro.adddata(bt.feeds.PandasData(dataname=frame, timeframe=bt.TimeFrame.Minutes, compression=7), name="A")

    class Buyer(bt.Strategy):
        def next(self):
            self.buy(size=1)

    cerebro.addstrategy(Buyer)
    cerebro.addanalyzer(RiskAudit)
    book = cerebro.run()[0].analyzers[0].get_analysis()
    assert [row["created_at"] for row in book["orders"]] == list(times.tz_localize("UTC"))
