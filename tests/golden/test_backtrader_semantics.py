"""Hand-worked cases of backtrader's own behaviour, on its own broker and feed.

An upgrade that changes any of them changes our numbers; then this file says where. Prices are chosen so that every
expected number can be checked in one's head.
"""

import math
from datetime import time

import backtrader as bt
import pandas as pd
import pytest

MONDAY = "2020-01-06"
QUIET = (100.0, 101.0, 99.0, 100.0)


class Scripted(bt.Strategy):
    """Runs one function per bar of the script and keeps every piece of news."""

    params = (("script", {}),)

    def __init__(self):
        self.calls = ""
        self.news = []
        self.fills = []
        self.trades = []
        self.cash = []

    def prenext(self):
        self.calls += "p"
        self.act()

    def nextstart(self):
        self.calls += "S"
        self.act()

    def next(self):
        self.calls += "n"
        self.act()

    def act(self):
        self.cash.append(self.broker.getcash())
        action = self.p.script.get(len(self.calls) - 1)
        if action:
            action(self)

    def notify_order(self, order):
        self.news.append((len(self.calls), order.getstatusname()))
        for bit in order.executed.iterpending():
            self.fills.append((len(self.calls), order.data._name, order.getordername(), bit.size, bit.price, bit.comm))

    def notify_trade(self, trade):
        if trade.isclosed:
            self.trades.append((trade.pnl, trade.pnlcomm))


def frame(rows, start=MONDAY):
    """Daily bars; None leaves a day out."""
    days = pd.date_range(start, periods=len(rows))
    given = {day: row for day, row in zip(days, rows, strict=True) if row}
    return pd.DataFrame.from_dict(given, orient="index", columns=["open", "high", "low", "close"])


def play(*datas, script, broker=None, info=None, start=MONDAY):
    cerebro = bt.Cerebro(stdstats=False)
    for number, rows in enumerate(datas):
        cerebro.adddata(bt.feeds.PandasData(dataname=frame(rows, start)), name="AB"[number])
    cerebro.broker = broker or bt.brokers.BackBroker(cash=10_000.0)
    if info:
        cerebro.broker.addcommissioninfo(info)
    cerebro.addstrategy(Scripted, script=script)
    return cerebro.run()[0]


def prices(run):
    return [fill[4] for fill in run.fills]


# --- when and in which order orders fill


def test_a_market_order_fills_at_the_next_open():
    run = play([QUIET, (103.0, 104.0, 102.0, 103.5), QUIET], script={0: lambda s: s.buy(size=2)})
    assert run.fills == [(1, "A", "Market", 2, 103.0, 0.0)]


def test_submitted_accepted_and_completed_arrive_together_before_the_next_bar():
    run = play([QUIET] * 3, script={0: lambda s: s.buy(size=1)})
    assert run.news == [(1, "Submitted"), (1, "Accepted"), (1, "Completed")]


def test_submitting_changes_nothing_until_the_next_cycle():
    seen = []
    play([QUIET] * 2, script={0: lambda s: (s.buy(size=1), seen.append((s.broker.getcash(), s.broker.getvalue())))})
    assert seen == [(10_000.0, 10_000.0)]


def test_orders_fill_in_the_order_in_which_they_were_sent_not_in_that_of_the_datas():
    script = {0: lambda s: (s.buy(data=s.data1, size=1), s.buy(data=s.data0, size=2))}
    run = play([QUIET] * 2, [QUIET] * 2, script=script)
    assert [(fill[1], fill[3]) for fill in run.fills] == [("B", 1), ("A", 2)]


def test_orders_of_the_last_bar_stay_silent():
    run = play([QUIET] * 2, script={1: lambda s: s.buy(size=1)})
    assert (run.news, [order.getstatusname() for order in run.broker.orders]) == ([], ["Submitted"])


def test_an_ended_data_never_fills_its_orders_and_keeps_its_last_close():
    script = {0: lambda s: s.buy(data=s.data1, size=1), 1: lambda s: s.close(data=s.data1)}
    run = play([QUIET] * 4, [QUIET, (100.0, 121.0, 99.0, 120.0), None, None], script=script)
    assert (len(run.fills), run.broker.getvalue()) == (1, 10_020.0)


def test_next_waits_until_every_data_has_begun():
    run = play([QUIET] * 8, [None] * 5 + [QUIET] * 3, script={})
    assert run.calls == "pppppSnn"


def test_a_data_that_has_not_begun_shows_a_bar_of_its_future():
    seen = []
    script = {0: lambda s: seen.append((len(s.data1), s.data1.close[0]))}
    play([QUIET] * 3, [None, None, (7.0, 8.0, 6.0, 7.5)], script=script)
    assert seen == [(0, 7.5)]


def test_an_order_without_size_is_none_and_a_negative_size_loses_its_sign():
    sent = []
    run = play([QUIET] * 2, script={0: lambda s: sent.extend([s.buy(size=0), s.buy(size=-3)])})
    assert (sent[0], [fill[3] for fill in run.fills]) == (None, [3])


def test_a_cancelled_order_of_the_same_bar_fills_all_the_same():
    run = play([QUIET] * 2, script={0: lambda s: s.cancel(s.buy(size=1))})
    assert len(run.fills) == 1


def test_a_reversal_by_two_orders_closes_first():
    script = {0: lambda s: s.buy(size=2), 1: lambda s: (s.close(), s.sell(size=3))}
    run = play([QUIET] * 3, script=script)
    assert [(fill[0], fill[3]) for fill in run.fills] == [(1, 2), (2, -2), (2, -3)]


def test_a_reversal_by_one_order_pays_commission_on_both_parts():
    script = {0: lambda s: s.buy(size=2), 1: lambda s: s.sell(size=5)}
    run = play([QUIET] * 3, script=script, info=bt.CommissionInfo(commission=0.01))
    assert run.fills[1][3:] == (-5, 100.0, pytest.approx(5.0))  # 2 + 3 units of 100 at 1 %


def test_datas_that_differ_in_the_time_of_day_make_two_cycles_a_day_and_start_twice():
    cerebro = bt.Cerebro(stdstats=False)
    for hours in (0, 16):
        rows = frame([QUIET] * 3)
        cerebro.adddata(bt.feeds.PandasData(dataname=rows.set_axis(rows.index + pd.Timedelta(hours=hours))))
    cerebro.addstrategy(Scripted)
    assert cerebro.run()[0].calls == "pSSnnn"


def test_rows_out_of_order_and_twice_are_accepted_silently():
    rows = frame([QUIET] * 4).iloc[[2, 0, 0, 1]]
    cerebro = bt.Cerebro(stdstats=False)
    cerebro.adddata(bt.feeds.PandasData(dataname=rows))
    cerebro.addstrategy(Scripted)
    assert cerebro.run()[0].calls == "Snnn"


def test_a_missing_open_poisons_the_account():
    run = play([QUIET, (float("nan"), 101.0, 99.0, 100.0), QUIET], script={0: lambda s: s.buy(size=1)})
    assert math.isnan(run.broker.getvalue())


def test_an_order_of_no_number_of_units_is_refused():
    run = play([QUIET] * 2, script={0: lambda s: s.buy(size=float("nan"))})
    assert run.news[-1] == (1, "Margin")


def test_cheating_on_close_is_capped_by_the_next_bar():
    broker = bt.brokers.BackBroker(slip_perc=0.0001, slip_open=True, coc=True)
    run = play([QUIET, (90.0, 91.0, 89.0, 90.0)], script={0: lambda s: s.buy(size=1)}, broker=broker)
    assert prices(run) == [91.0]  # although the close was 100


# --- orders at the close


def hourly(script, sessionend=None, days=2):
    """Three bars a day, closing at 100, 101, 102 on the first and ten higher on the next."""
    times = [pd.Timestamp(MONDAY) + pd.Timedelta(days=day, hours=hour) for day in range(days) for hour in (10, 11, 12)]
    closes = [100.0 + 10 * day + bar for day in range(days) for bar in range(3)]
    rows = [(close - 0.5, close + 1, close - 1, close) for close in closes]
    feed = pd.DataFrame(rows, index=pd.DatetimeIndex(times), columns=["open", "high", "low", "close"])
    cerebro = bt.Cerebro(stdstats=False)
    cerebro.adddata(bt.feeds.PandasData(dataname=feed, **({"sessionend": sessionend} if sessionend else {})), name="A")
    cerebro.addstrategy(Scripted, script=script)
    return cerebro.run()[0]


def at_close(strategy):
    strategy.buy(size=1, exectype=bt.Order.Close)


def test_an_order_at_the_close_fills_at_the_next_one_on_daily_bars_and_never_slips():
    broker = bt.brokers.BackBroker()
    broker.set_slippage_perc(0.01)
    run = play([QUIET, (101.0, 106.0, 99.0, 104.0)], script={0: at_close}, broker=broker)
    assert run.fills == [(1, "A", "Close", 1, 104.0, 0.0)]


@pytest.mark.parametrize(
    ("bar", "sessionend", "filled_before", "price"),
    [
        (0, None, 3, 102.0),  # the day's last close, but booked only at the first bar of the next day
        (0, time(12), 2, 102.0),  # in time, if a bar is stamped at the end of the session
        (2, None, 3, 110.0),  # from the day's last bar: the first close of the next day
        (2, time(12), 3, 110.0),
    ],
)
def test_an_order_at_the_close_waits_within_the_day_for_the_end_of_the_session(bar, sessionend, filled_before, price):
    run = hourly({bar: at_close}, sessionend)
    assert [(fill[0], fill[4]) for fill in run.fills] == [(filled_before, price)]


# --- stops, limits, brackets


def bracket(strategy):
    strategy.buy_bracket(size=1, exectype=bt.Order.Market, stopprice=95.0, limitprice=105.0)


def test_the_entry_bar_is_not_protected():
    run = play([QUIET, (100.0, 101.0, 80.0, 100.0), QUIET], script={0: bracket})
    assert prices(run) == [100.0]


def test_the_stop_wins_over_the_limit_within_one_bar():
    run = play([QUIET, QUIET, (100.0, 110.0, 90.0, 100.0)], script={0: bracket})
    assert run.fills[1][2:5] == ("Stop", -1, 95.0)


def test_a_stop_that_the_open_has_passed_fills_at_the_open():
    script = {0: lambda s: s.sell(size=1, exectype=bt.Order.Stop, price=95.0)}
    assert prices(play([QUIET, (90.0, 92.0, 88.0, 91.0)], script=script)) == [90.0]


def test_a_limit_that_the_open_betters_fills_at_the_open():
    script = {0: lambda s: s.buy(size=1, exectype=bt.Order.Limit, price=95.0)}
    assert prices(play([QUIET, (90.0, 96.0, 88.0, 91.0)], script=script)) == [90.0]


def test_a_trailing_stop_is_checked_before_it_is_moved_on_the_close():
    # stop 95; the second bar closes at 110 and moves it to 105 only after its low of 96 was checked
    script = {0: lambda s: s.sell(size=1, exectype=bt.Order.StopTrail, trailamount=5.0)}
    run = play([QUIET, (100.0, 111.0, 96.0, 110.0), (109.0, 110.0, 104.0, 108.0)], script=script)
    assert run.fills == [(2, "A", "StopTrail", -1, 105.0, 0.0)]


def test_a_trailing_stop_in_percent_follows_the_close():
    script = {0: lambda s: s.sell(size=1, exectype=bt.Order.StopTrail, trailpercent=0.1)}
    run = play([QUIET, (100.0, 121.0, 99.0, 120.0), (119.0, 120.0, 100.0, 110.0)], script=script)
    assert prices(run) == [pytest.approx(108.0)]


def test_of_orders_that_cancel_each_other_one_fills():
    def either(strategy):
        first = strategy.buy(size=1, exectype=bt.Order.Limit, price=99.5)
        strategy.buy(size=2, exectype=bt.Order.Limit, price=99.6, oco=first)

    run = play([QUIET] * 3, script={0: either})
    assert [order.getstatusname() for order in run.broker.orders] == ["Completed", "Canceled"]


def test_a_forgotten_stop_opens_a_short():
    script = {0: bracket, 1: lambda s: s.sell(size=1)}
    run = play([QUIET, QUIET, QUIET, (96.0, 97.0, 94.0, 95.0)], script=script)
    assert run.position.size == -1


def test_a_stop_is_matched_against_an_old_bar_when_its_data_has_none():
    # created at the close of the bar whose low of 90 it fills at, on a day on which B does not trade
    script = {0: lambda s: s.sell(data=s.data1, size=1, exectype=bt.Order.Stop, price=95.0)}
    run = play([QUIET] * 3, [(100.0, 101.0, 90.0, 100.0), None, QUIET], script=script)
    assert run.fills == [(1, "B", "Stop", -1, 95.0, 0.0)]


def test_a_limit_sell_slips_below_the_low_of_its_bar():
    broker = bt.brokers.BackBroker(slip_perc=0.01, slip_open=True)
    script = {0: lambda s: s.sell(size=1, exectype=bt.Order.Limit, price=100.0)}
    run = play([QUIET, (105.0, 106.0, 104.9, 105.0)], script=script, broker=broker)
    assert prices(run) == [pytest.approx(103.95)]


# --- cash


def test_a_rejected_order_drains_the_cash_of_its_batch():
    script = {0: lambda s: [s.buy(size=size) for size in (10, 200, 10)]}  # 1,000, 20,000 and 1,000 of 10,000
    run = play([QUIET] * 2, script=script)
    assert [order.getstatusname() for order in run.broker.orders] == ["Completed", "Margin", "Margin"]


def test_cash_is_checked_again_at_the_fill():
    run = play([QUIET, (110.0, 111.0, 109.0, 110.0)], script={0: lambda s: s.buy(size=95)})  # 9,500, then 10,450
    assert (run.news[-1], run.position.size, run.broker.getcash()) == ((1, "Margin"), 0, 10_000.0)


def test_the_closing_part_of_an_order_always_executes():
    # short 10; buying 105 costs 1,000 + 9,500 of 11,000 at the close, but 1,100 + 10,450 at the next open
    script = {0: lambda s: s.sell(size=10), 1: lambda s: s.buy(size=105)}
    run = play([QUIET, QUIET, (110.0, 111.0, 109.0, 110.0)], script=script)
    assert run.fills[1][3:5] == (10, 110.0)
    assert ([status for _, status in run.news][-2:], run.position.size) == (["Partial", "Margin"], 0)


def test_closing_may_leave_less_cash_than_nothing():
    script = {0: lambda s: s.sell(size=100), 1: lambda s: s.close()}
    run = play([QUIET, QUIET, (250.0, 251.0, 249.0, 250.0)], script=script)
    assert run.broker.getcash() == 20_000.0 - 25_000.0


def test_a_close_that_cash_cannot_pay_is_refused_at_submission():
    script = {0: lambda s: s.sell(size=100), 1: lambda s: s.close()}
    run = play([QUIET, (250.0, 251.0, 249.0, 250.0), QUIET], script=script)  # 35,000 pays 25,000
    assert run.news[-1] == (2, "Completed")
    run = play([QUIET, (100.0, 251.0, 99.0, 250.0), QUIET], script=script)  # 20,000 does not
    assert (run.news[-1], run.position.size) == ((2, "Margin"), -100)


def test_shorts_are_not_limited_by_cash():
    run = play([QUIET] * 2, script={0: lambda s: s.sell(size=10_000)})
    assert run.position.size == -10_000


def test_a_five_percent_order_is_more_after_a_gap():
    broker = bt.brokers.BackBroker(cash=100_000.0)
    script = {0: lambda s: s.order_target_percent(target=0.05)}
    close = (100.8, 101.0, 99.0, 100.8)
    run = play([close, (110.87, 111.0, 110.0, 110.87)], script=script, broker=broker)
    assert (run.fills[0][3], round(49 * prices(run)[0] / 100_000, 4)) == (49, 0.0543)


def test_fifty_units_of_five_percent_are_five_and_a_half_after_a_gap_of_ten():
    broker = bt.brokers.BackBroker(cash=100_000.0)
    run = play([QUIET, (110.0, 111.0, 109.0, 110.0)], script={0: lambda s: s.buy(size=50)}, broker=broker)
    assert 50 * prices(run)[0] / 100_000 == 0.055


def test_a_target_in_percent_is_cut_to_whole_units():
    dear = (30_000.0, 30_100.0, 29_900.0, 30_000.0)
    broker = bt.brokers.BackBroker(cash=20_000.0)
    run = play([dear] * 2, script={0: lambda s: s.order_target_percent(target=0.5)}, broker=broker)
    assert run.broker.orders == []


def test_a_fractional_position_has_no_len():
    run = play([QUIET] * 2, script={0: lambda s: s.buy(size=0.5)})
    with pytest.raises(TypeError):
        len(run.position)


# --- slippage, commission, interest


@pytest.mark.parametrize(
    ("high", "slip_out", "price"),
    [
        (103.0, False, 101.0),
        (100.5, False, 100.5),  # capped at the high: half of the slippage is lost
        (100.0, False, 100.0),  # the open is the high: no slippage at all
        (100.5, True, 101.0),
        (100.0, True, 101.0),
    ],
)
def test_slippage_stops_at_the_high_unless_it_may_leave_the_bar(high, slip_out, price):
    broker = bt.brokers.BackBroker()
    broker.set_slippage_perc(0.01, slip_out=slip_out)
    run = play([QUIET, (100.0, high, 99.0, 99.5)], script={0: lambda s: s.buy(size=1)}, broker=broker)
    assert prices(run) == [pytest.approx(price, abs=1e-12)]


def test_slippage_at_the_open_is_off_by_parameter_and_on_by_method():
    run = play([QUIET] * 2, script={0: lambda s: s.buy(size=1)}, broker=bt.brokers.BackBroker(slip_perc=0.01))
    assert prices(run) == [100.0]
    assert bt.brokers.BackBroker().p.slip_open is False
    broker = bt.brokers.BackBroker()
    broker.set_slippage_perc(0.01)
    assert broker.p.slip_open is True


@pytest.mark.parametrize(
    ("info", "cost"),
    [
        (bt.CommissionInfo(commission=0.001), 1.0),  # 0.1 % of 1,000
        (bt.CommInfoBase(commission=0.1), 1.0),  # the base class reads 0.1 as 0.1 %
        (bt.CommissionInfo(commission=0.05, commtype=bt.CommInfoBase.COMM_FIXED, stocklike=True), 0.5),  # 10 units
    ],
)
def test_what_a_commission_means(info, cost):
    run = play([QUIET] * 2, script={0: lambda s: s.buy(size=10)}, info=info)
    assert run.fills[0][5] == pytest.approx(cost)
    assert run.broker.getcash() == pytest.approx(9_000.0 - cost)


def test_a_commission_per_share_without_stocklike_makes_a_future():
    info = bt.CommissionInfo(commission=0.05, commtype=bt.CommInfoBase.COMM_FIXED)
    assert (info.stocklike, info.margin) == (False, 1.0)


def test_short_interest_runs_by_the_calendar_on_the_entry_price_and_is_booked_when_closed():
    # 36.5 % a year: 0.1 % a day of 10 units entered at 100: 1 a day. Friday's entry, Monday 3 days, Tuesday 1 day.
    rows = [QUIET, QUIET, None, None, (200.0, 201.0, 199.0, 200.0), (200.0, 201.0, 199.0, 200.0)]
    script = {0: lambda s: s.sell(size=10), 2: lambda s: s.close()}
    run = play(rows, script=script, info=bt.CommissionInfo(interest=0.365), start="2020-01-09")
    assert run.cash == pytest.approx([10_000.0, 11_000.0, 10_997.0, 10_996.0 - 2_000.0])
    assert run.fills[1][5] == pytest.approx(4.0)
    assert run.trades == [(pytest.approx(-1_000.0), pytest.approx(-1_004.0))]


def test_long_positions_pay_no_interest():
    run = play([QUIET] * 4, script={0: lambda s: s.buy(size=10)}, info=bt.CommissionInfo(interest=0.365))
    assert run.broker.getvalue() == 10_000.0
