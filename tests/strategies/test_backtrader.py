import math

import backtrader as bt
import pandas as pd
import pytest

from risk.bt_adapter import RiskAudit, RiskBroker, RiskRuleSizer
from strategies._backtrader import SignalStrategy
from strategies.threshold import Threshold

NAN = math.nan


class Told(bt.feeds.PandasData):
    """backtrader's own feed with two more lines: the strategy needs no feed of ours."""

    lines = ("prediction", "confidence")
    params = (("prediction", -1), ("confidence", -1))


def feed(predictions, confidence=1.0, price=100.0, skip=()):
    days = pd.date_range("2020-01-06", periods=len(predictions))
    prices = {"open": price, "high": price + 1, "low": price - 1, "close": price}
    frame = pd.DataFrame({**prices, "prediction": predictions, "confidence": confidence}, index=days)
    return frame.drop(frame.index[list(skip)])


def trade(*frames, strategy=SignalStrategy, spec=None, sizer=RiskRuleSizer, cash=10_000.0, **sizing):
    cerebro = bt.Cerebro(stdstats=False)
    cerebro.broker = RiskBroker(cash=cash)
    for number, frame in enumerate(frames):
        cerebro.adddata(Told(dataname=frame), name="ABC"[number])
    cerebro.addsizer(sizer, **sizing)
    cerebro.addstrategy(strategy, **({"spec": spec} if spec else {}))
    cerebro.addanalyzer(RiskAudit)
    run = cerebro.run()[0]
    return run, run.analyzers[0].get_analysis()


def sizes(book):
    return [(fill["time"].day - 6, fill["symbol"], fill["size"]) for fill in book["fills"]]


def test_a_decision_at_a_close_fills_at_the_next_open():
    _, book = trade(feed([0.01, 0.01, 0.01]))
    assert sizes(book) == [(1, "A", 2.0)]  # 2 % of 10,000 at 100


def test_confidence_sizes_the_position():
    _, book = trade(feed([0.01, 0.01], confidence=0.25))
    assert sizes(book) == [(1, "A", 0.5)]


def test_a_reversal_closes_and_then_opens():
    run, book = trade(feed([0.01, -0.01, -0.01]))
    assert sizes(book) == [(1, "A", 2.0), (2, "A", -2.0), (2, "A", -2.0)]
    assert [row["side"] for row in book["orders"]] == ["buy", "sell", "sell"]
    assert run.position.size == -2.0


def test_a_close_is_exactly_what_is_held():
    _, book = trade(feed([0.01, -0.01, -0.01], price=97.3, confidence=0.7))
    held = book["fills"][0]["position_after"]
    assert (book["fills"][1]["size"], book["fills"][1]["position_after"]) == (-held, 0.0)


def test_nan_keeps_the_position_and_sends_nothing():
    run, book = trade(feed([0.01, NAN, NAN, NAN], confidence=[1.0, NAN, NAN, NAN]))
    assert (len(book["orders"]), run.position.size) == (1, 2.0)


def test_the_same_side_is_not_resized():
    frame = feed([0.01] * 4)
    frame["confidence"] = [0.1, 0.9, 0.5, 1.0]
    assert len(trade(frame)[1]["orders"]) == 1


def test_only_a_new_bar_is_decided_on():
    # B has no bar on day 1: it decides on days 0 and 2 only, and its order of day 0 fills on day 2
    _, book = trade(feed([NAN] * 4), feed([0.01, 0.5, -0.01, -0.01], skip=[1]))
    assert [(row["created_at"].day - 6, row["side"]) for row in book["orders"]] == [
        (0, "buy"),
        (2, "sell"),
        (2, "sell"),
    ]
    assert sizes(book)[0] == (2, "B", 2.0)


def test_a_symbol_that_begins_later_delays_no_other():
    _, book = trade(feed([0.01] * 5), feed([0.01] * 5, skip=[0, 1, 2]))
    assert sizes(book) == [(1, "A", 2.0), (4, "B", 2.0)]


def test_exits_are_sent_before_entries():
    # nearly all cash moves from B to A in one bar: A's entry is first in the order of the feeds, but needs B's cash
    one, other = feed([NAN, 0.01, 0.01]), feed([0.01, -0.01, -0.01])
    spec = Threshold(side="long")
    _, book = trade(one, other, spec=spec, base=0.9, cap=0.9)
    assert sizes(book) == [(1, "B", 90.0), (2, "B", -90.0), (2, "A", 90.0)]


def test_the_rule_is_asked_with_the_spec():
    _, book = trade(feed([0.01, 0.03, 0.015, 0.005]), spec=Threshold(entry=0.02, exit=0.01))
    assert [(row["created_at"].day - 6, row["side"]) for row in book["orders"]] == [(1, "buy"), (3, "sell")]


# --- a size of zero


def test_a_zero_size_sends_no_order_and_says_why():
    run, book = trade(feed([0.01, NAN]), lot=10.0)
    assert (run.broker.orders, book["fills"]) == ([], [])
    (row,) = book["orders"]
    assert (row["order_id"], row["side"], row["status"], row["asked"]) == (1, "buy", "rejected", 0.0)
    assert row["reason"] == "size 0: the rule allows 2 units, the lot is 10"
    assert math.isnan(row["price"])


def test_a_reversal_into_a_zero_size_only_closes():
    frame = feed([0.01, -0.01, NAN])
    frame["confidence"] = [1.0, 0.0, NAN]
    run, book = trade(frame)
    assert (run.position.size, [row["status"] for row in book["orders"]]) == (0, ["completed", "completed", "rejected"])
    assert book["orders"][2]["reason"] == "size 0: the rule allows 0 units, the lot is 0"


def test_refusals_stand_among_the_orders_in_the_order_of_time():
    frame = feed([0.01, 0.01, -0.01, NAN])
    frame["confidence"] = [0.0, 1.0, 1.0, NAN]
    _, book = trade(frame)
    assert [row["status"] for row in book["orders"]] == ["rejected", "completed", "completed", "completed"]
    assert [fill["order_id"] for fill in book["fills"]] == [2, 3, 4]


def test_an_account_without_money_opens_nothing():
    frame = feed([-0.01] * 4)
    frame.loc[frame.index[2] :, ["open", "high", "low", "close"]] = [1e6, 1e6 + 1, 1e6 - 1, 1e6]
    frame["prediction"] = [-0.01, -0.01, 0.01, NAN]
    run, book = trade(frame)
    assert run.broker.getvalue() < 0
    assert [row["status"] for row in book["orders"]] == ["completed", "margin", "rejected"]


# --- with other parts


def test_it_works_with_any_sizer():
    _, book = trade(feed([0.01, -0.01, -0.01]), sizer=bt.sizers.FixedSize, stake=3)
    assert [size for _, _, size in sizes(book)] == [3, -3, -3]


def test_another_sizer_that_gives_nothing_is_named():
    _, book = trade(feed([0.01, NAN]), sizer=bt.sizers.FixedSize, stake=0)
    assert book["orders"][0]["reason"] == "size 0: FixedSize allows nothing"


class AtALimit(SignalStrategy):
    """Opens with a limit order 5 below the close."""

    def open_order(self, data, side, size):
        return self.buy(data=data, size=size, exectype=bt.Order.Limit, price=data.close[0] - 5.0)


def test_a_subclass_sends_its_own_kind_of_order_and_old_ones_are_cancelled():
    _, book = trade(feed([0.01, 0.01, 0.01, NAN]), strategy=AtALimit)
    assert [(row["kind"], row["status"]) for row in book["orders"]] == [
        ("limit", "cancelled"),
        ("limit", "cancelled"),
        ("limit", "pending"),
    ]


def test_an_entry_that_is_still_pending_is_withdrawn_when_the_rule_says_flat():
    _, book = trade(feed([0.01, NAN, 0.0, NAN]), strategy=AtALimit, spec=Threshold(entry=0.005))
    assert [row["status"] for row in book["orders"]] == ["cancelled"]
    _, book = trade(feed([0.01, NAN, NAN, NAN]), strategy=AtALimit, spec=Threshold(entry=0.005))
    assert [row["status"] for row in book["orders"]] == ["pending"]


class Protected(SignalStrategy):
    """Opens with a stop."""

    def open_order(self, data, side, size):
        return self.buy_bracket(data=data, size=size, exectype=bt.Order.Market, stopprice=90.0, limitexec=None)[0]


def test_staying_in_leaves_a_protecting_order_and_leaving_cancels_it():
    run, book = trade(feed([0.01, 0.01, 0.01, -0.01, 0.0, 0.0]), strategy=Protected, spec=Threshold(side="long"))
    assert [(row["kind"], row["status"]) for row in book["orders"]] == [
        ("market", "completed"),
        ("stop", "cancelled"),
        ("market", "completed"),
    ]
    assert run.position.size == 0


class Constant(SignalStrategy):
    """Takes its opinion from elsewhere: no extra lines are needed."""

    def opinion(self, data):
        return 1.0, 0.5


def test_a_subclass_may_take_signals_from_elsewhere():
    _, book = trade(feed([NAN, NAN]), strategy=Constant)
    assert sizes(book) == [(1, "A", 1.0)]


@pytest.mark.parametrize("options", [{"runonce": False}, {"preload": False}, {"exactbars": 1}])
def test_every_way_to_run_gives_the_same(options):
    frames = [feed([0.01, -0.01, 0.01, 0.01]), feed([0.01, 0.5, -0.01, -0.01], skip=[0])]
    _, expected = trade(*frames[:1])
    cerebro = bt.Cerebro(stdstats=False, **options)
    cerebro.broker = RiskBroker(cash=10_000.0)
    cerebro.adddata(Told(dataname=frames[0]), name="A")
    cerebro.addsizer(RiskRuleSizer)
    cerebro.addstrategy(SignalStrategy)
    cerebro.addanalyzer(RiskAudit)
    assert cerebro.run()[0].analyzers[0].get_analysis()["fills"] == expected["fills"]
