import math

import backtrader as bt
import pandas as pd
import pytest

from core.errors import PluginError
from risk.bt_adapter import RiskAudit, RiskBroker, RiskRuleSizer
from strategies._backtrader import SignalStrategy
from strategies.base import CrossSectional, Strategy
from strategies.rank import Rank
from strategies.threshold import Threshold
from strategies.time_exit import TimeExit

NAN = math.nan


class SignalFeed(bt.feeds.PandasData):
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
        cerebro.adddata(SignalFeed(dataname=frame), name="ABC"[number])
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
    one = feed([NAN, 0.01, 0.01])
    other = feed([0.01, -0.01, -0.01])
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
    cerebro.adddata(SignalFeed(dataname=frames[0]), name="A")
    cerebro.addsizer(RiskRuleSizer)
    cerebro.addstrategy(SignalStrategy)
    cerebro.addanalyzer(RiskAudit)
    assert cerebro.run()[0].analyzers[0].get_analysis()["fills"] == expected["fills"]


# --- rules of other kinds


def reasons(book):
    return [(fill["time"].day - 6, reason) for fill, reason in zip(book["fills"], book["exit_reasons"], strict=True)]


def test_a_time_exit_closes_after_its_bars_and_says_so():
    _, book = trade(feed([0.01, NAN, 0.0, 0.02, 0.0, 0.0]), spec=TimeExit(entry=0.005, bars=3))
    # filled at the open of day 1; held at the closes of days 1, 2, 3; a new entry could be decided from day 4 on
    assert sizes(book) == [(1, "A", 2.0), (4, "A", -2.0)]
    assert reasons(book) == [(1, ""), (4, "time")]


def test_a_time_exit_begins_anew_after_a_reversal():
    _, book = trade(feed([0.01, 0.0, -0.01, 0.0, 0.0, 0.0]), spec=TimeExit(entry=0.005, bars=2))
    assert sizes(book) == [(1, "A", 2.0), (3, "A", -2.0), (3, "A", -2.0), (5, "A", 2.0)]
    assert reasons(book) == [(1, ""), (3, "signal"), (3, ""), (5, "time")]


def test_bars_held_are_the_symbols_own():
    # B has no bar on days 2 and 3: held at its closes of days 1, 4, 5
    _, book = trade(feed([NAN] * 7), feed([0.01, 0, 0, 0, 0, 0, 0], skip=[2, 3]), spec=TimeExit(entry=0.005, bars=3))
    assert sizes(book) == [(1, "B", 2.0), (6, "B", -2.0)]


def test_no_opinion_postpones_the_time_exit():
    _, book = trade(feed([0.01, 0.0, NAN, 0.0, 0.0]), spec=TimeExit(entry=0.005, bars=2))
    assert sizes(book) == [(1, "A", 2.0), (4, "A", -2.0)]


def test_a_cross_section_is_ranked_at_each_bar():
    a = feed([0.03, 0.01, 0.01])
    b = feed([0.02, 0.03, 0.02])
    c = feed([0.01, 0.02, 0.03])
    _, book = trade(a, b, c, spec=Rank())
    assert sizes(book) == [(1, "A", 2.0), (1, "C", -2.0), (2, "A", -2.0), (2, "C", 2.0), (2, "A", -2.0), (2, "B", 2.0)]


def test_only_new_bars_are_ranked():
    # on day 1 A and C are ranked alone; B keeps its side though its old prediction is the best
    a = feed([0.01, 0.02, NAN])
    b = feed([0.03, 0.9, NAN], skip=[1])
    c = feed([0.02, 0.01, NAN])
    run, book = trade(a, b, c, spec=Rank())
    assert [(row["created_at"].day - 6, row["symbol"], row["side"]) for row in book["orders"]] == [
        (0, "A", "sell"),
        (0, "B", "buy"),
        (1, "A", "buy"),
        (1, "A", "buy"),
        (1, "C", "sell"),
    ]
    assert [run.getposition(data).size for data in run.datas] == [2.0, 2.0, -2.0]


def test_a_symbol_that_has_not_begun_is_not_ranked():
    _, book = trade(feed([0.01] * 4), feed([0.02] * 4), feed([0.03] * 4, skip=[0, 1]), spec=Rank())
    assert sizes(book)[:2] == [(1, "A", -2.0), (1, "B", 2.0)]
    assert sizes(book)[2:] == [(3, "B", -2.0), (3, "C", 2.0)]


# --- rules that break


class Odd(Strategy):
    """A strategy whose rule does what it is told."""

    answer: object = None

    def rule(self, prediction, confidence, side, held, p):
        return 1 / 0 if self.answer is None else self.answer


class OddCross(CrossSectional):
    """The same across symbols."""

    answer: object = None

    def rule(self, prediction, confidence, side, p):
        return 1 / 0 if self.answer is None else self.answer


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (Odd(), "its rule failed on A at the bar of 2020-01-06 00:00:00: ZeroDivisionError: division by zero; mend"),
        (Odd(answer=0.5), "failed on A at the bar of 2020-01-06 00:00:00: ValueError: it gave 0.5, which is no side"),
        (Odd(answer=NAN), "ValueError: it gave nan, which is no side"),
        (Odd(answer="long"), "ValueError: it gave 'long', which is no side"),
        (OddCross(), "its rule failed on A, B at the bar of 2020-01-06 00:00:00: ZeroDivisionError: division by zero"),
        (
            OddCross(answer=[1]),
            r"failed on A, B .*: it gave an answer of shape \(1,\), not one side for each of \(2,\)",
        ),
        (OddCross(answer=[1, 2]), "ValueError: it gave 2, which is no side"),
    ],
)
def test_a_rule_that_breaks_is_one_line_with_its_place(spec, message):
    with pytest.raises(PluginError, match=message) as caught:
        trade(feed([0.01, 0.01]), feed([0.01, 0.01]), spec=spec)
    assert caught.value.line.startswith("strategy ")
    assert "\n" not in caught.value.line
