"""The rule at the fill in a plain Cerebro, each case worked by hand: the account begins with 10,000."""

import datetime
import math
from zoneinfo import ZoneInfo

import backtrader as bt
import pandas as pd
import pytest

from core.errors import ConfigError
from core.table_schemas import COSTS, STOPS
from risk.account_limits import LimitsSpec
from risk.bt_adapter import RiskAudit, RiskBroker, RuleCommission
from risk.costs import BrokerSpec, VolumeShare

from .conftest import Scripted

QUIET = (100.0, 101.0, 99.0, 100.0)
UP = (110.0, 111.0, 109.0, 110.0)  # opens 10 % higher


def buy(size, number=0):
    return {number: lambda s: s.buy(size=size)}


def run(play, script, *datas, broker, **more):
    finished = play(*datas, script=script, broker=broker, analyzers=[(RiskAudit, {})], **more)
    return finished, finished.analyzers[0].get_analysis()


# --- the cap


def test_a_gap_of_ten_percent_leaves_exactly_the_cap(play):
    finished, book = run(play, buy(5.0), [QUIET, UP], broker=RiskBroker(cap=0.05))
    (order,) = book["orders"]
    assert order["filled"] == pytest.approx(500.0 / 110.0, rel=1e-15)
    assert order["share_at_fill"] == pytest.approx(0.05, rel=1e-15)
    assert (order["asked"], order["status"]) == (5.0, "completed")
    assert order["trimmed"] == pytest.approx(5.0 - 500.0 / 110.0)
    assert order["reason"] == "cap at the fill: 4.54545 of 5 units fit"
    assert finished.broker.getposition(finished.data).size == order["filled"]


def test_without_a_cap_the_same_order_breaks_it(play):
    _, book = run(play, buy(5.0), [QUIET, UP], broker=RiskBroker())
    assert book["orders"][0]["share_at_fill"] == pytest.approx(0.055)


def test_a_lower_open_does_not_make_an_order_larger(play):
    _, book = run(play, buy(5.0), [QUIET, (90.0, 91.0, 89.0, 90.0)], broker=RiskBroker(cap=0.05))
    assert (book["orders"][0]["filled"], book["orders"][0]["trimmed"], book["orders"][0]["reason"]) == (5.0, 0.0, "")


def test_trims_are_rounded_down_to_lots(play):
    _, book = run(play, buy(5.0), [QUIET, UP], broker=RiskBroker(cap=0.05, lot=1.0))
    assert book["orders"][0]["filled"] == 4.0
    assert book["orders"][0]["reason"] == "cap at the fill: 4.54545 of 5 units fit"


def test_below_one_lot_nothing_opens(play):
    finished, book = run(play, buy(10.0), [QUIET, UP, UP], broker=RiskBroker(cap=0.05, lot=10.0))
    (order,) = book["orders"]
    assert (order["status"], order["filled"], order["asked"], order["trimmed"]) == ("rejected", 0, 10.0, 0.0)
    assert order["reason"].startswith("cap at the fill: 4.54545 of 10 units fit")
    assert finished.broker.getposition(finished.data).size == 0


def test_slippage_counts_and_other_positions_are_marked_at_the_open(play):
    # A is held with 10 units and opens at 110: the account is 9,000 + 1,100. B fills at 101 with 1 % slippage.
    script = {0: lambda s: s.buy(data=s.data0, size=10), 1: lambda s: s.buy(data=s.data1, size=80)}
    broker = RiskBroker(cap=0.25)
    broker.set_slippage_perc(0.01, slip_out=True)
    _, book = run(play, script, [QUIET, QUIET, UP], [QUIET] * 3, broker=broker)
    cash = 10_000 - 10 * 101.0
    assert book["fills"][1]["size"] == pytest.approx(0.25 * (cash + 10 * 110.0) / 101.0)


def test_an_addition_counts_what_is_held(play):
    _, book = run(
        play, {0: lambda s: s.buy(size=4), 1: lambda s: s.buy(size=4)}, [QUIET] * 3, broker=RiskBroker(cap=0.05)
    )
    assert [fill["size"] for fill in book["fills"]] == pytest.approx([4.0, 1.0])


def test_of_a_reversal_only_the_opening_part_is_trimmed(play):
    # 4 long, then 20 sold at 110: 4 close, and of 16 as many open as 5 % of 10,040 allow
    script = {0: lambda s: s.buy(size=4), 1: lambda s: s.sell(size=20)}
    _, book = run(play, script, [QUIET, QUIET, UP], broker=RiskBroker(cap=0.05))
    short = 0.05 * 10_040 / 110.0
    assert book["fills"][1]["size"] == pytest.approx(-4.0 - short)
    assert book["fills"][1]["position_after"] == pytest.approx(-short)
    assert (book["orders"][1]["asked"], book["orders"][1]["status"]) == (-20, "completed")
    assert book["orders"][1]["trimmed"] == pytest.approx(-(16.0 - short))


def test_closing_is_never_trimmed(play):
    finished, book = run(
        play,
        {0: lambda s: s.buy(size=5), 1: lambda s: s.close()},
        [QUIET, QUIET, (300.0, 301.0, 299.0, 300.0)],
        broker=RiskBroker(cap=0.05),
    )
    assert [fill["size"] for fill in book["fills"]] == [5.0, -5.0]
    assert finished.broker.getposition(finished.data).size == 0


def test_an_account_worth_nothing_opens_nothing(play):
    # 90 sold short at 100, then the price goes to 300: the account is at -8,000
    rows = [QUIET, QUIET, (300.0, 301.0, 299.0, 300.0), (300.0, 301.0, 299.0, 300.0)]
    script = {0: lambda s: s.sell(size=90), 2: lambda s: s.sell(size=1)}
    _, book = run(play, script, rows, broker=RiskBroker())
    assert (book["orders"][1]["status"], book["orders"][1]["reason"]) == (
        "rejected",
        "account at the fill: 0 of 1 units fit",
    )


# --- shorts and limits


def test_shorts_cannot_run_away(play):
    _, book = run(play, {0: lambda s: s.sell(size=10_000_000)}, [QUIET, QUIET], broker=RiskBroker())
    assert book["fills"][0]["size"] == -100.0  # worth the account, no more
    assert book["orders"][0]["reason"] == "short exposure at the fill: 100 of 1e+07 units fit"


@pytest.mark.parametrize(
    ("limits", "sizes", "reason"),
    [
        (LimitsSpec(gross=0.5), [30.0, 20.0], "gross exposure at the fill: 20 of 40 units fit"),
        (LimitsSpec(net=0.4), [30.0, 10.0], "net exposure at the fill: 10 of 40 units fit"),
        (LimitsSpec(positions=1), [30.0], "number of positions at the fill: 0 of 40 units fit"),
        (LimitsSpec(min_order=3_500.0), [40.0], "minimum order at the fill: it is worth 3000.00"),
    ],
)
def test_limits_hold_at_the_fill(play, limits, sizes, reason):
    script = {0: lambda s: s.buy(data=s.data0, size=30), 1: lambda s: s.buy(data=s.data1, size=40)}
    _, book = run(play, script, [QUIET] * 3, [QUIET] * 3, broker=RiskBroker(limits=limits))
    assert [fill["size"] for fill in book["fills"]] == pytest.approx(sizes)
    assert reason in [order["reason"] for order in book["orders"]]


def test_limits_count_the_position_that_is_added_to(play):
    script = {0: lambda s: s.buy(size=30), 1: lambda s: s.buy(size=40)}
    _, book = run(play, script, [QUIET] * 3, broker=RiskBroker(limits=LimitsSpec(gross=0.5, positions=1)))
    assert [fill["size"] for fill in book["fills"]] == pytest.approx([30.0, 20.0])


def test_open_risk_is_held_by_the_stops_of_brackets(play):
    # A: 20 units with a stop 10 below risk 200 of 300; B's stop is 5 below: 100 / 5
    script = {
        0: lambda s: s.buy_bracket(data=s.data0, size=20, exectype=bt.Order.Market, stopprice=90.0, limitprice=150.0),
        1: lambda s: s.buy_bracket(data=s.data1, size=50, exectype=bt.Order.Market, stopprice=95.0, limitprice=150.0),
    }
    _, book = run(play, script, [QUIET] * 3, [QUIET] * 3, broker=RiskBroker(limits=LimitsSpec(open_risk=0.03)))
    assert [fill["size"] for fill in book["fills"]] == pytest.approx([20.0, 20.0])


# --- brackets


def bracket(size, stop=95.0, target=150.0):
    return {
        0: lambda s: s.buy_bracket(size=size, exectype=bt.Order.Market, stopprice=stop, limitprice=target),
    }


def test_the_stop_and_the_target_shrink_with_their_entry(play):
    rows = [QUIET, UP, (110.0, 111.0, 94.0, 96.0), QUIET]
    finished, book = run(play, bracket(5.0), rows, broker=RiskBroker(cap=0.05))
    entry, stop, target = book["orders"]
    units = 500.0 / 110.0
    assert stop["filled"] == -entry["filled"] == pytest.approx(-units)
    assert (stop["asked"], stop["reason"]) == (-5.0, "follows the size of its entry")
    assert stop["trimmed"] == pytest.approx(-(5.0 - units))
    assert (target["status"], target["reason"]) == ("cancelled", "the other order of its bracket was filled")
    assert finished.broker.getposition(finished.data).size == 0.0


def test_a_stock_broker_would_reverse_the_position_with_the_stop_of_a_smaller_one(play):
    # What the shrinking is for: half of the position is sold before its stop, which then may only close the rest.
    script = {**bracket(4.0), 1: lambda s: s.sell(size=2)}
    rows = [QUIET, QUIET, QUIET, (100.0, 101.0, 94.0, 96.0), QUIET]
    stock = play(rows, script=script, broker=bt.brokers.BackBroker())
    assert stock.getposition(stock.data).size == -2
    ours, book = run(play, script, rows, broker=RiskBroker())
    assert ours.getposition(ours.data).size == 0
    assert [order["reason"] for order in book["orders"] if order["kind"] == "stop"] == [
        "only closes: a bracket's order never opens a position"
    ]


def test_a_market_that_opens_beyond_the_stop_cancels_the_entry(play):
    rows = [QUIET, (94.0, 95.5, 93.0, 94.0), QUIET]
    _, book = run(play, bracket(5.0), rows, broker=RiskBroker())
    assert [order["status"] for order in book["orders"]] == ["rejected", "cancelled", "cancelled"]
    assert book["orders"][0]["reason"] == "stop_passed: the market was at 94, the stop at 95"
    assert book["orders"][1]["reason"] == "its entry was not filled"
    assert (book["fills"], book["stops"]) == ([], [])


def test_a_stop_passed_by_slippage_alone_is_not_passed(play):
    broker = RiskBroker()
    broker.set_slippage_perc(0.06, slip_out=True)
    script = {0: lambda s: s.sell_bracket(size=5, exectype=bt.Order.Market, stopprice=105.0, limitprice=50.0)}
    _, book = run(play, script, [QUIET, QUIET], broker=broker)
    assert book["fills"][0]["price"] == pytest.approx(94.0)


def test_the_loss_at_the_stop_is_trimmed_at_the_fill(play):
    # 1 % of the account may be lost: 5 a unit at the signal are 20 units, 7 a unit at the open of 102 are 100 / 7
    def enter(strategy):
        entry = strategy.buy(size=20, transmit=False, loss_share=0.01)
        strategy.sell(size=20, exectype=bt.Order.Stop, price=95.0, parent=entry)

    _, book = run(play, {0: enter}, [QUIET, (102.0, 103.0, 101.0, 102.0)], broker=RiskBroker())
    assert book["fills"][0]["size"] == pytest.approx(100.0 / 7.0)
    assert book["orders"][0]["reason"].startswith("loss at the stop at the fill: 14.2857 of 20 units fit")


def test_the_costs_of_the_broker_count_in_the_loss_at_the_stop(play):
    def enter(strategy):
        entry = strategy.buy(size=20, transmit=False, loss_share=0.01)
        strategy.sell(size=20, exectype=bt.Order.Stop, price=95.0, parent=entry)

    broker = RiskBroker()
    broker.set_slippage_perc(0.01, slip_out=True)
    _, book = run(play, {0: enter}, [QUIET, QUIET], broker=broker, info=bt.CommissionInfo(commission=0.01))
    entry = 101.0
    exit_price = 95.0 * 0.99
    assert book["fills"][0]["size"] == pytest.approx(100.0 / (entry - exit_price + 0.01 * (entry + exit_price)))


def test_an_entry_whose_opening_part_is_refused_leaves_no_stop_behind(play):
    # 4 short in A; one order buys 4 to close and 5 to open, with a bracket. Then B has grown to all that gross allows.
    def reverse(strategy):
        entry = strategy.buy(size=9, transmit=False)
        strategy.sell(size=5, exectype=bt.Order.Stop, price=90.0, parent=entry)

    script = {0: lambda s: s.sell(size=4), 1: lambda s: s.buy(data=s.data1, size=1), 2: reverse}
    high = (600.0, 601.0, 599.0, 600.0)
    rows = [QUIET, QUIET, QUIET, QUIET, (80.0, 81.0, 79.0, 80.0), QUIET]
    broker = RiskBroker(limits=LimitsSpec(gross=0.05))
    finished, book = run(play, script, rows, [QUIET, QUIET, QUIET, high, high, high], broker=broker)
    reversal, stop = book["orders"][2:]
    assert (reversal["asked"], reversal["filled"], reversal["trimmed"]) == (9, 4, 5)
    assert (stop["status"], finished.getposition(finished.data0).size) == ("cancelled", 0)


# --- the ledger


def test_stops_are_remembered_with_what_they_missed(play):
    # entry at 100 with a stop at 95 on a bar that fell to 90: not stopped on it; the next bar opens at 93
    rows = [QUIET, (100.0, 101.0, 90.0, 94.0), (93.0, 94.0, 92.0, 93.0)]
    finished, book = run(play, bracket(5.0), rows, broker=RiskBroker())
    (row,) = book["stops"]
    STOPS.check(STOPS.frame(book["stops"]))
    assert (row["order_id"], row["size"], row["entry_price"], row["stop_price"]) == (1, 5.0, 100.0, 95.0)
    assert (row["bar_extreme"], row["bar_close"]) == (90.0, 94.0)
    assert (row["stopped_size"], row["trigger"], row["quoted"]) == (-5.0, 95.0, 93.0)
    assert finished.broker.getposition(finished.data).size == 0


def test_slippage_is_measured_from_the_price_of_the_market_for_every_kind_of_order(play):
    broker = RiskBroker()
    broker.set_slippage_perc(0.01, slip_out=True)
    rows = [QUIET, QUIET, (100.0, 101.0, 94.0, 96.0)]
    _, book = run(play, bracket(5.0), rows, broker=broker, info=bt.CommissionInfo(commission=0.001))
    COSTS.check(COSTS.frame(book["costs"]))
    paid = [(row["kind"], row["amount"]) for row in book["costs"]]
    assert [kind for kind, _ in paid] == ["commission", "slippage"] * 2
    assert [amount for _, amount in paid] == pytest.approx([0.505, 5.0, 5 * 95 * 0.99 * 0.001, 5 * 95 * 0.01])


def test_impact_moves_market_and_stop_orders_and_trims_what_is_too_much_of_the_volume(play):
    # a bar trades 100 units: at most 10 open; they move the price by 0.5 x 0.1^2 = 0.5 %
    broker = RiskBroker(impact=VolumeShare(coefficient=0.5, limit=0.1))
    finished = volumes(broker, lambda s: s.buy(size=30))
    book = finished.analyzers[0].get_analysis()
    assert book["fills"][0]["size"] == pytest.approx(10.0)
    assert book["fills"][0]["price"] == pytest.approx(100.5)
    assert [(row["kind"], row["amount"]) for row in book["costs"]] == [("impact", pytest.approx(5.0))]
    assert book["orders"][0]["reason"].startswith("share of volume at the fill: 10 of 30")


def test_impact_leaves_limit_orders_alone(play):
    broker = RiskBroker(impact=VolumeShare(coefficient=0.5, limit=1.0))
    finished = volumes(broker, lambda s: s.buy(size=30, exectype=bt.Order.Limit, price=99.5))
    assert finished.analyzers[0].get_analysis()["fills"][0]["price"] == 99.5


@pytest.mark.parametrize("side", ["buy", "sell"])
def test_the_cap_holds_with_the_impact(play, side):
    broker = RiskBroker(cap=0.05, impact=VolumeShare(coefficient=0.9, limit=1.0))
    finished = volumes(broker, lambda s: getattr(s, side)(size=60))
    (order,) = finished.analyzers[0].get_analysis()["orders"]
    assert 0.03 < order["share_at_fill"] <= 0.05 * (1 + 1e-12)


def volumes(broker, script):
    import pandas as pd

    from .conftest import Scripted, frame

    cerebro = bt.Cerebro(stdstats=False)
    bars = frame([QUIET] * 3).assign(volume=100.0)
    cerebro.adddata(bt.feeds.PandasData(dataname=pd.DataFrame(bars)), name="A")
    cerebro.broker = broker
    cerebro.addanalyzer(RiskAudit)
    cerebro.addstrategy(Scripted, script={0: script})
    return cerebro.run()[0]


def test_idle_cash_earns_by_calendar_day_and_the_proceeds_of_shorts_do_not(play):
    # 36.5 % a year is 0.1 % a day. Friday's 10 shorts at 100 bring 1,000; over the weekend 10,000 lie idle for 3 days.
    broker = RiskBroker(cash_interest=0.365)
    rows = [QUIET, QUIET, None, None, QUIET]
    finished, book = run(play, {0: lambda s: s.sell(size=10)}, rows, broker=broker, start="2020-01-09")
    earned = [(row["time"].day, row["amount"]) for row in book["costs"]]
    first = 10_000 * 0.001
    assert earned == [(10, pytest.approx(-first)), (13, pytest.approx(-0.003 * (10_000 + first)))]
    assert finished.broker.getvalue() == pytest.approx(10_000 + first + 0.003 * (10_000 + first))


def test_commission_by_value_by_unit_and_at_least(play):
    info = RuleCommission.of(BrokerSpec(commission=0.001, commission_per_unit=0.02, commission_minimum=1.0))
    _, book = run(
        play, {0: lambda s: s.buy(size=5), 1: lambda s: s.buy(size=50)}, [QUIET] * 3, broker=RiskBroker(), info=info
    )
    assert [fill["commission"] for fill in book["fills"]] == pytest.approx([1.0, 5.0 + 1.0])


def test_interest_is_a_cost_of_the_day_that_it_is_taken(play):
    info = RuleCommission.of(BrokerSpec(commission=0.0, short_interest=0.365))
    _, book = run(play, {0: lambda s: s.sell(size=10)}, [QUIET] * 4, broker=RiskBroker(), info=info)
    paid = [(row["kind"], row["amount"], row["time"].day) for row in book["costs"]]
    assert paid == [("short_interest", pytest.approx(1.0), day) for day in (8, 9)]


@pytest.mark.parametrize("checksubmit", [True, False])
@pytest.mark.parametrize(("zone", "nights"), [(None, 1), ("Australia/Sydney", 0)])
def test_interest_counts_the_days_of_the_feeds_zone(zone, nights, checksubmit):
    # sold at 23:20 UTC and bought back at 00:20: a night of UTC, and one morning of Sydney
    index = pd.date_range("2024-01-07 23:00", periods=4, freq="40min")
    bars = pd.DataFrame(dict.fromkeys(("open", "high", "low", "close", "volume"), 100.0), index=index)
    cerebro = bt.Cerebro(stdstats=False)
    feed = bt.feeds.PandasData(dataname=bars, timeframe=bt.TimeFrame.Minutes, tz=zone and Local(zone))
    cerebro.adddata(feed, name="A")
    cerebro.broker = RiskBroker(cash_interest=0.365, checksubmit=checksubmit)
    cerebro.broker.addcommissioninfo(RuleCommission.of(BrokerSpec(commission=0.0, short_interest=0.365)))
    cerebro.addanalyzer(RiskAudit)
    cerebro.addstrategy(Scripted, script={0: lambda s: s.sell(size=10), 1: lambda s: s.buy(size=10)})
    book = cerebro.run()[0].analyzers[0].get_analysis()
    assert [row["kind"] for row in book["costs"]] == ["short_interest", "cash_interest"] * nights


class Local(datetime.tzinfo):
    """A zone as backtrader takes it: with a method ``localize``, as those of pytz have."""

    def __init__(self, name):
        self._zone = ZoneInfo(name)

    def localize(self, time):
        return time.replace(tzinfo=self)

    def utcoffset(self, time):
        return self._zone.utcoffset(time)

    def dst(self, time):
        return self._zone.dst(time)

    def fromutc(self, time):
        return self._zone.fromutc(time.replace(tzinfo=self._zone)).replace(tzinfo=self)


# --- what cannot be


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"cap": 0.0}, "RiskBroker: cap=0.0: must be above 0 and at most 1"),
        ({"cap": 2.5}, "RiskBroker: cap=2.5: must be above 0 and at most 1; for 2.5 % write 0.025"),
        ({"cap": math.nan}, "RiskBroker: cap=nan: "),
        ({"lot": -1.0}, "RiskBroker: lot=-1.0: Input should be greater than or equal to 0"),
        ({"limits": {"gross": 150}}, "RiskBroker: limits.gross=150: must be above 0 and at most 10; for 150 %"),
        ({"cash_interest": 5.0}, "RiskBroker: cash_interest=5.0: must be at least 0 and below 1; for 5 % write 0.05"),
    ],
)
def test_impossible_parameters_are_refused_at_once(parameters, message):
    with pytest.raises(ConfigError, match=message.replace(".", r"\.")):
        RiskBroker(**parameters)
