"""Brackets, resizes, limits at the signal and the account's stops, in a plain Cerebro and by hand."""

import backtrader as bt
import pandas as pd
import pytest

from core.errors import ConfigError
from core.types import Bars
from risk.account_limits import LimitsSpec
from risk.bt_adapter import RiskAudit, RiskBroker, RiskRuleSizer
from risk.spec import RiskSpec
from risk.stops import Distances
from strategies._backtrader import SignalStrategy
from strategies.threshold import Threshold

QUIET = (100.0, 101.0, 99.0, 100.0)


class SignalFeed(bt.feeds.PandasData):
    lines = ("prediction", "confidence")
    params = (("prediction", -1), ("confidence", -1))


def frame(rows, predictions, confidence=1.0):
    days = pd.date_range("2020-01-06", periods=len(rows))
    prices = pd.DataFrame(rows, columns=["open", "high", "low", "close"], index=days)
    return prices.assign(volume=1e6, prediction=predictions, confidence=confidence)


def trade(*frames, spec=None, sizing=None, broker=None, kind=SignalStrategy, **risk):
    rule = RiskSpec.parse(risk)
    cerebro = bt.Cerebro(stdstats=False)
    cerebro.broker = broker or RiskBroker(cash=10_000.0, cap=rule.cap, limits=rule.limits)
    distances = {}
    for number, item in enumerate(frames):
        cerebro.adddata(SignalFeed(dataname=item), name="ABC"[number])
        bars = Bars.of("ABC"[number], item.tz_localize("UTC"))
        distances["ABC"[number]] = Distances.of(bars, rule.stop, rule.take_profit)
    cerebro.addsizer(RiskRuleSizer, base=rule.base, cap=rule.cap, mode=rule.mode, **(sizing or {}))
    cerebro.addstrategy(kind, spec=spec or Threshold(), risk=rule, distances=distances)
    cerebro.addanalyzer(RiskAudit)
    run = cerebro.run()[0]
    return run, run.analyzers[0].get_analysis()


def fills(book):
    return [(row["time"].day - 6, row["kind"], row["size"], row["price"]) for row in book["fills"]]


STOP = {"kind": "percent", "value": 0.05}


def test_an_entry_is_a_bracket_that_begins_a_bar_after_its_fill():
    # 2 units at 100; the bar of the entry falls to 90, the next one to 94: only that one stops
    rows = [QUIET, (100.0, 101.0, 90.0, 100.0), (100.0, 101.0, 94.0, 96.0), QUIET]
    _, book = trade(frame(rows, [0.01] * 3 + [float("nan")]), stop=STOP, take_profit={"kind": "percent", "value": 0.1})
    assert fills(book)[:2] == [(1, "market", 2.0, 100.0), (2, "stop", -2.0, 95.0)]
    assert [(row["kind"], row["status"]) for row in book["orders"][:3]] == [
        ("market", "completed"),
        ("stop", "completed"),
        ("limit", "cancelled"),
    ]


def test_if_a_bar_holds_both_the_stop_is_taken():
    rows = [QUIET, QUIET, (100.0, 120.0, 80.0, 100.0), QUIET]
    _, book = trade(frame(rows, [0.01, 0.01, float("nan"), float("nan")]), stop=STOP, take_profit=STOP)
    assert fills(book)[1] == (2, "stop", -2.0, 95.0)


def test_a_target_is_taken_at_its_price_and_cancels_the_stop():
    rows = [QUIET, QUIET, (100.0, 112.0, 99.0, 110.0), (100.0, 101.0, 80.0, 100.0)]
    nan = float("nan")
    run, book = trade(frame(rows, [0.01, 0.01, nan, nan]), stop=STOP, take_profit={"kind": "percent", "value": 0.1})
    assert fills(book)[1:] == [(2, "limit", -2.0, pytest.approx(110.0))]
    assert run.position.size == 0


def test_an_exit_by_signal_cancels_the_bracket_first():
    rows = [QUIET, QUIET, QUIET, (100.0, 120.0, 80.0, 100.0)]
    run, book = trade(frame(rows, [0.01, 0.01, -0.01, -0.01]), stop=STOP, take_profit=STOP, spec=Threshold(side="long"))
    assert fills(book)[1:] == [(3, "market", -2.0, 100.0)]
    assert {row["reason"] for row in book["orders"] if row["kind"] != "market"} == {
        "its position was closed by the strategy"
    }
    assert run.position.size == 0


def test_a_trailing_stop_follows_the_close_and_never_falls_back():
    # from 100: stop 95; closes at 110 and 105 move it to 104.5, which the last bar's low of 104 reaches
    rows = [QUIET, QUIET, (100.0, 111.0, 99.0, 110.0), (108.0, 109.0, 105.0, 105.0), (106.0, 107.0, 104.0, 106.0)]
    nan = float("nan")
    _, book = trade(frame(rows, [0.01, 0.01, nan, nan, nan]), stop={"kind": "trail_percent", "value": 0.05})
    assert fills(book)[1] == (4, "trail", -2.0, pytest.approx(104.5))


def test_a_trailing_stop_by_the_average_range_keeps_its_distance():
    # The range is 2 at the signal: 1.5 x 2 below the close. It rests on the bar of the entry, on which it is not active
    # yet; the next close lifts it from 97 to 107.
    rows = [QUIET] * 3 + [(100.0, 110.0, 98.0, 110.0), (110.0, 111.0, 106.5, 110.0), (110.0, 111.0, 106.5, 108.0)]
    nan = float("nan")
    stop = {"kind": "trail_atr", "window": 2, "multiple": 1.5}
    _, book = trade(frame(rows, [nan, 0.01, 0.01, nan, nan, nan]), stop=stop)
    assert book["orders"][0]["reason"] == "no stop yet: its average true range needs more bars"
    assert fills(book) == [(3, "market", 2.0, 100.0), (5, "trail", -2.0, pytest.approx(107.0))]


def test_mode_stop_sizes_by_the_loss_at_the_stop():
    _, book = trade(frame([QUIET] * 2, 0.01), mode="stop", stop=STOP, base=0.002, cap=0.5)
    assert fills(book) == [(1, "market", pytest.approx(4.0), 100.0)]  # 20 may be lost, 5 a unit


def test_a_stop_below_any_price_is_refused():
    rows = [(100.0, 190.0, 10.0, 100.0)] * 4
    _, book = trade(frame(rows, 0.01), stop={"kind": "atr", "window": 1, "multiple": 1.0})
    assert book["orders"][-1]["reason"] == "no stop: it would lie at -80, below any price (the close is 100)"


def test_stops_by_the_average_range_need_its_numbers():
    cerebro = bt.Cerebro(stdstats=False)
    cerebro.adddata(SignalFeed(dataname=frame([QUIET] * 3, 0.01)), name="A")
    cerebro.addsizer(RiskRuleSizer)
    cerebro.addstrategy(SignalStrategy, risk=RiskSpec.parse({"stop": {"kind": "atr"}}))
    with pytest.raises(ConfigError, match="atr needs the bars before: hand the strategy `distances`"):
        cerebro.run()


# --- resizes


def test_by_default_a_position_stays_as_it_was_entered():
    _, book = trade(frame([QUIET] * 4, 0.01, [1.0, 0.2, 0.2, 0.2]))
    assert len(book["orders"]) == 1


def test_a_position_is_moved_back_to_the_rule_when_it_is_off_by_more_than_the_band():
    # 2 units; at confidence 0.9 the rule says 1.8: 11 % off; at 0.5 it says 1: 100 % off; at 1 it says 2
    data = frame([QUIET] * 6, 0.01, [1.0, 0.9, 0.5, 0.5, 1.0, 1.0])
    _, book = trade(data, resize={"band": 0.2}, stop=STOP)
    assert [(day, size) for day, _, size, _ in fills(book)] == [(1, 2.0), (3, -1.0), (5, 1.0)]
    stop = next(row for row in book["orders"] if row["kind"] == "stop")
    assert (stop["asked"], stop["trimmed"]) == (-3.0, -1.0)  # it followed the position: 2, then 1, then 2 again


def test_a_stop_follows_a_resized_position():
    rows = [QUIET] * 4 + [(100.0, 101.0, 94.0, 96.0)]
    _, book = trade(frame(rows, 0.01, [1.0, 0.5, 0.5, 0.5, 0.5]), resize={"band": 0.2}, stop=STOP)
    assert fills(book)[1:] == [(2, "market", -1.0, 100.0), (4, "stop", -1.0, 95.0)]


def test_a_resize_at_the_open_is_closed_with_the_position_by_a_stop_within_the_bar():
    rows = [QUIET, QUIET, (100.0, 101.0, 94.0, 96.0), QUIET]
    nan = float("nan")
    data = frame(rows, [0.01, 0.01, nan, nan], [0.5, 1.0, nan, nan])
    run, book = trade(data, resize={"band": 0.2}, stop=STOP)
    assert fills(book) == [(1, "market", 1.0, 100.0), (2, "market", 1.0, 100.0), (2, "stop", -2.0, 95.0)]
    assert run.position.size == 0


def test_an_open_beyond_the_stop_adds_nothing_and_closes_what_is_held():
    nan = float("nan")
    data = frame([QUIET, QUIET, (94.0, 101.0, 93.0, 96.0), QUIET], [0.01, 0.01, nan, nan], [0.5, 1.0, nan, nan])
    run, book = trade(data, resize={"band": 0.2}, stop=STOP)
    assert fills(book) == [(1, "market", 1.0, 100.0), (2, "stop", -1.0, 94.0)]
    assert book["orders"][-1]["reason"].startswith("stop_passed")
    assert run.position.size == 0


def test_dust_is_never_sent():
    # the position drifts by a trillionth: any band above that sends nothing
    rows = [QUIET] * 3 + [(100.0, 101.0, 99.0, 100.0 * (1 + 1e-12))] * 5
    _, book = trade(frame(rows, 0.01), resize={"band": 1e-13})
    assert len(book["orders"]) == 1


def test_a_resize_that_a_limit_bars_is_in_the_audit():
    # A holds 1 unit and B 2, which is all that gross allows; then A's confidence would have it at 2
    one = frame([QUIET] * 3, 0.01, [0.5, 1.0, 1.0])
    other = frame([QUIET] * 3, 0.01)
    _, book = trade(one, other, resize={"band": 0.2}, limits={"gross": 0.03}, cap=0.02)
    assert [(row["symbol"], row["size"]) for row in book["fills"]] == [("A", 1.0), ("B", 2.0)]
    assert [(row["symbol"], row["status"], row["reason"]) for row in book["orders"][2:]] == [
        ("A", "rejected", "gross exposure at the signal: 0 of 1 units fit")
    ] * 2


# --- limits at the signal


def test_positions_of_one_close_count_together():
    items = [frame([QUIET] * 3, 0.01) for _ in range(3)]
    _, book = trade(*items, limits={"positions": 2})
    assert [row["symbol"] for row in book["fills"]] == ["A", "B"]
    assert [row["reason"] for row in book["orders"] if row["symbol"] == "C"] == [
        "number of positions at the signal: 0 of 2 units fit"
    ] * 3


def test_a_limit_trims_at_the_signal_and_the_order_says_so():
    items = [frame([QUIET] * 2, 0.01) for _ in range(3)]
    _, book = trade(*items, limits={"gross": 0.05}, cap=0.03)
    assert [(row["asked"], row["trimmed"], row["filled"]) for row in book["orders"][:3]] == [
        (2.0, 0.0, 2.0),
        (2.0, 0.0, 2.0),
        (2.0, pytest.approx(1.0), pytest.approx(1.0)),
    ]
    assert book["orders"][2]["reason"] == "gross exposure at the signal: 1 of 2 units fit"


def test_what_is_about_to_be_closed_makes_room():
    one = frame([QUIET] * 4, [0.01, -0.01, -0.01, -0.01])
    other = frame([QUIET] * 4, [-0.01, 0.01, 0.01, 0.01])
    _, book = trade(one, other, limits={"positions": 1}, spec=Threshold(side="long"))
    fills = [(row["time"].day - 6, row["symbol"], row["size"]) for row in book["fills"]]
    assert fills == [(1, "A", 2.0), (2, "A", -2.0), (2, "B", 2.0)]


def test_limits_need_no_broker_of_ours_at_the_signal():
    items = [frame([QUIET] * 2, 0.01) for _ in range(2)]
    _, book = trade(*items, broker=bt.brokers.BackBroker(cash=10_000.0), limits={"positions": 1})
    assert [row["symbol"] for row in book["fills"]] == ["A"]


# --- the account's stops


def falling(*closes):
    return [(close, close * 1.01, close * 0.99, close) for close in closes]


def test_a_drawdown_sells_everything_at_the_next_open_and_refuses_entries_for_a_while():
    # 50 units at 100: at 78 the account is at 8,900, 11 % below its peak. Sold at 80; entries are refused on days 3
    # and 4. At 84 the rule says 53.6 units, at the open of 86 half of 9,000 are 52.3.
    rows = falling(100.0, 100.0, 78.0, 80.0, 82.0, 84.0, 86.0)
    limits = {"drawdown": 0.1, "resume_after": 3, "gross": 1.0}
    run, book = trade(frame(rows, 0.01), base=0.5, cap=0.5, limits=limits)
    assert [(day, round(size, 6)) for day, _, size, _ in fills(book)] == [(1, 50.0), (3, -50.0), (6, 52.325581)]
    assert [(row["created_at"].day - 6, row["status"]) for row in book["orders"]] == [
        (0, "completed"),
        (2, "completed"),
        (3, "rejected"),
        (4, "rejected"),
        (5, "completed"),
        (6, "pending"),
    ][: len(book["orders"])]
    assert book["orders"][1]["reason"] == "drawdown: the account is at 8900.00, 11 % below its peak"
    assert book["orders"][2]["reason"] == "drawdown stop: no new position for 2 more bars"
    assert "drawdown" in book["exit_reasons"]
    assert [halt.word for halt in run.account.halts] == ["drawdown"]


def test_a_daily_loss_is_taken_from_the_session_before():
    rows = falling(100.0, 100.0, 97.0, 94.5, 94.5)
    run, book = trade(frame(rows, 0.01), base=0.5, cap=0.5, limits={"daily_loss": 0.012, "resume_after": 9, "gross": 1})
    # 50 units: -1.5 % on day 2
    assert [day for day, *_ in fills(book)] == [1, 3]
    assert run.account.halts[0].text == "daily_loss: the account is at 9850.00, 1.5 % below the session before"


def test_the_limits_of_a_strategy_are_those_of_its_spec():
    assert RiskSpec().limits == LimitsSpec()


class Withdrawing(SignalStrategy):
    """Takes 4,000 out of the account at the close of day 2."""

    def next(self):
        super().next()
        if len(self) == 3:
            self.broker.add_cash(-4000.0)


@pytest.mark.parametrize(("fall", "halts"), [(90.0, []), (84.0, ["drawdown"])])
def test_a_withdrawal_is_no_loss_for_the_stops_of_the_account(fall, halts):
    # 40 units at 100; 6,000 are left of 10,000, which is no drawdown; at 84 it is 640 of 6,000, more than 10 %
    rows = falling(100.0, 100.0, 100.0, 100.0, fall, fall)
    run, _ = trade(frame(rows, 0.01), kind=Withdrawing, base=0.4, cap=0.4, limits={"drawdown": 0.1, "gross": 1.0})
    assert [halt.word for halt in run.account.halts] == halts
    if halts:
        assert run.account.halts[0].text == "drawdown: the account is at 5360.00, 10.67 % below its peak"
