import backtrader as bt
import pytest

from risk.bt_adapter import RiskBroker

QUIET = (100.0, 101.0, 99.0, 100.0)


def sell_stop(strategy):
    strategy.sell(data=strategy.datas[-1], size=1, exectype=bt.Order.Stop, price=95.0)


def notes(run):
    return list(run.broker.notes.values())


# --- fresh bars only


@pytest.mark.parametrize(("broker", "fills"), [(bt.brokers.BackBroker, [(1, "B", -1, 95.0)]), (RiskBroker, [])])
def test_a_stop_is_not_matched_against_the_bar_it_was_created_on(play, broker, fills):
    days = [(100.0, 101.0, 90.0, 100.0), None, QUIET]
    assert play([QUIET] * 3, days, script={0: sell_stop}, broker=broker()).fills == fills


def test_a_stop_fills_on_the_next_bar_of_its_own_symbol(play):
    days = [(100.0, 101.0, 90.0, 100.0), None, (96.0, 97.0, 94.0, 95.5)]
    assert play([QUIET] * 3, days, script={0: sell_stop}, broker=RiskBroker()).fills == [(2, "B", -1, 95.0)]


@pytest.mark.parametrize(("broker", "price"), [(bt.brokers.BackBroker, 100.0), (RiskBroker, 95.0)])
def test_a_trailing_stop_is_not_filled_on_a_bar_that_moved_it(play, broker, price):
    # B's second bar closes at 110 and lifts the stop from 95 to 105. On B's missing day the stock broker matches the
    # new stop against that old bar, which opened at 100. B's next bar opens at 95.
    def trail(strategy):
        strategy.sell(data=strategy.data1, size=1, exectype=bt.Order.StopTrail, trailamount=5.0)

    days = [QUIET, (100.0, 111.0, 99.0, 110.0), None, (95.0, 96.0, 94.0, 95.0)]
    run = play([QUIET] * 4, days, script={0: trail}, broker=broker())
    assert [fill[3] for fill in run.fills] == [price]


def test_children_of_a_bracket_never_see_the_bar_of_their_parent(play):
    def bracket(strategy):
        strategy.buy_bracket(data=strategy.data1, size=1, exectype=bt.Order.Market, stopprice=95.0, limitprice=150.0)

    days = [QUIET, (100.0, 101.0, 80.0, 100.0), None, QUIET]
    run = play([QUIET] * 4, days, script={0: bracket}, broker=RiskBroker())
    assert run.fills == [(1, "B", 1, 100.0)]


def test_with_one_symbol_it_is_the_stock_broker_to_the_bit(play):
    def some(strategy):
        strategy.buy(size=0.3)
        strategy.sell(size=0.7, exectype=bt.Order.Stop, price=99.5)
        strategy.buy(size=1.1, exectype=bt.Order.Limit, price=99.7)

    rows = [(100.0 + 0.1 * n, 101.3 + 0.1 * n, 98.9, 100.0 + 0.07 * n) for n in range(12)]
    info = bt.CommissionInfo(commission=0.001, interest=0.03)
    runs = [play(rows, script=dict.fromkeys(range(0, 12, 2), some), broker=kind(), info=info) for kind in BROKERS]
    assert runs[0].fills == runs[1].fills
    assert runs[0].broker.getvalue() == runs[1].broker.getvalue()
    assert len(runs[0].fills) > 10


BROKERS = (bt.brokers.BackBroker, RiskBroker)


# --- limits


def limit(price, size):
    def send(strategy):
        strategy.order_target_size(target=size, exectype=bt.Order.Limit, price=price)

    return send


@pytest.mark.parametrize(
    ("order", "bar", "slip_out", "stock", "mended"),
    [
        (limit(100.0, -1), (105.0, 106.0, 104.9, 105.0), False, 103.95, 104.9),  # not below the bar's low
        (limit(104.5, -1), (105.0, 106.0, 104.0, 105.0), True, 103.95, 104.5),  # may leave the bar, not the limit
        (limit(100.0, -1), (105.0, 106.0, 104.9, 105.0), True, 103.95, 103.95),
        (limit(101.0, 1), (100.5, 101.4, 99.0, 100.0), True, 101.505, 101.0),
        (limit(101.0, 1), (99.0, 99.5, 98.0, 99.0), False, 99.5, 99.5),
        (limit(99.5, 1), (100.0, 101.0, 99.0, 100.0), True, 99.5, 99.5),  # reached within the bar: exactly the limit
    ],
)
def test_slippage_ends_at_the_bar_and_at_the_limit(play, order, bar, slip_out, stock, mended):
    prices = []
    for kind in BROKERS:
        broker = kind()
        broker.set_slippage_perc(0.01, slip_out=slip_out)
        prices += [fill[3] for fill in play([QUIET, bar], script={0: order}, broker=broker).fills]
    assert prices == pytest.approx([stock, mended])


# --- orders at the close


def at_close(strategy):
    strategy.buy(data=strategy.datas[0], size=1, exectype=bt.Order.Close)


@pytest.mark.parametrize(
    ("bar", "slip_out", "price"),
    [
        ((101.0, 106.0, 99.0, 104.0), False, 105.04),
        ((101.0, 104.5, 99.0, 104.0), False, 104.5),
        ((101.0, 104.5, 99.0, 104.0), True, 105.04),
    ],
)
def test_an_order_at_the_close_slips_like_a_market_order(play, bar, slip_out, price):
    broker = RiskBroker()
    broker.set_slippage_perc(0.01, slip_out=slip_out)
    run = play([QUIET, bar], script={0: at_close}, broker=broker)
    assert [fill[3] for fill in run.fills] == [pytest.approx(price)]
    assert notes(run)[0].slippage == pytest.approx(price - 104.0)


def test_it_fills_after_all_that_the_bar_reaches_and_marks_others_at_their_closes(play):
    # Sent first, filled last: after the stop that cuts B, of which what is left is worth 50 each by then.
    def send(strategy):
        strategy.buy(data=strategy.data1, size=8)

    def both(strategy):
        strategy.buy(data=strategy.data0, size=5, exectype=bt.Order.Close)
        strategy.sell(data=strategy.data1, size=2, exectype=bt.Order.Stop, price=80.0)

    crash = (100.0, 100.0, 50.0, 50.0)
    run = play([QUIET] * 3, [QUIET, QUIET, crash], script={0: send, 1: both}, broker=RiskBroker(cash=2000.0))
    assert run.fills[1:] == [(2, "B", -2, 80.0), (2, "A", 5, 100.0)]
    # 1,200 in cash, 160 from the stop, 6 x 50.
    assert notes(run)[2].share_at_fill == pytest.approx(500.0 / 1660.0)


# --- the account


def test_positions_are_valued_in_the_order_of_the_feeds(play):
    def last_first(strategy):
        strategy.buy(data=strategy.data1, size=1)

    run = play([QUIET] * 3, [QUIET] * 3, script={0: last_first}, broker=RiskBroker())
    assert [data._name for data in run.broker.positions] == ["A", "B"]


def test_a_feed_without_bars_does_no_harm(play):
    run = play([QUIET] * 3, [], script={0: lambda s: s.buy(size=1)}, broker=RiskBroker())
    assert len(run.fills) == 1


def test_it_can_run_twice(play):
    broker = RiskBroker()
    assert play([QUIET] * 3, script={0: lambda s: s.buy(size=1)}, broker=broker).fills
    assert play([QUIET] * 3, script={0: lambda s: s.buy(size=1)}, broker=broker).fills
    assert len(broker.notes) == 1


# --- what it remembers


def test_the_share_at_the_fill_counts_slippage_and_the_gap(play):
    # 50 units at 110 x 1.01 of 100,000
    broker = RiskBroker(cash=100_000.0)
    broker.set_slippage_perc(0.01, slip_out=True)
    run = play([QUIET, (110.0, 110.0, 109.0, 110.0)], script={0: lambda s: s.buy(size=50)}, broker=broker)
    assert notes(run)[0].share_at_fill == pytest.approx(50 * 111.1 / 100_000)


def test_the_share_at_the_fill_marks_others_at_the_open_or_their_last_close(play):
    # A holds 20: its fresh bar opens at 120. B holds 10: it has no bar that day and last closed at 105.
    # C buys 5 at 50: account = 10,000 - 2,000 - 1,000 + 20 x 120 + 10 x 105 = 10,450.
    script = {
        0: lambda s: (s.buy(data=s.data0, size=20), s.buy(data=s.data1, size=10)),
        1: lambda s: s.buy(data=s.data2, size=5),
    }
    a = [QUIET, QUIET, (120.0, 131.0, 119.0, 130.0)]
    b = [QUIET, (100.0, 106.0, 99.0, 105.0), None]
    c = [(50.0, 51.0, 49.0, 50.0)] * 3
    run = play(a, b, c, script=script, broker=RiskBroker(), info=bt.CommissionInfo(commission=0.0))
    assert notes(run)[2].share_at_fill == pytest.approx(250.0 / 10_450.0)


def test_the_share_at_the_fill_of_an_addition_counts_the_whole_position(play):
    # 10 held, 10 more at 110: 20 x 110 of 10,000 - 1,000 + 10 x 110
    script = {0: lambda s: s.buy(size=10), 1: lambda s: s.buy(size=10)}
    run = play([QUIET, QUIET, (110.0, 111.0, 109.0, 110.0)], script=script, broker=RiskBroker())
    assert notes(run)[1].share_at_fill == pytest.approx(2_200.0 / 10_100.0)


def test_the_share_is_taken_before_the_commission_of_the_fill(play):
    run = play(
        [QUIET] * 2,
        script={0: lambda s: s.sell(size=10)},
        broker=RiskBroker(),
        info=bt.CommissionInfo(commission=0.01),
    )
    assert notes(run)[0].share_at_fill == 0.1


def test_interest_is_kept_apart_from_commission(play):
    # 1 a day for 2 days on 10 units sold at 100
    info = bt.CommissionInfo(commission=0.01, interest=0.365)
    script = {0: lambda s: s.sell(size=10), 2: lambda s: s.close()}
    run = play([QUIET] * 4, script=script, broker=RiskBroker(), info=info)
    assert [(note.interest, note.position_after) for note in notes(run)] == [(0.0, -10.0), (pytest.approx(2.0), 0.0)]


def test_why_an_order_was_refused_at_submission(play):
    script = {0: lambda s: [s.buy(size=size) for size in (10, 200, 10)]}
    run = play([QUIET] * 2, script=script, broker=RiskBroker())
    assert list(run.broker.reasons.values()) == [
        "not enough cash at submission: 9000.00 available, -11000.00 would be left",
        "not enough cash at submission: -11000.00 available, -12000.00 would be left",
    ]


def test_why_an_order_was_refused_at_the_fill(play):
    rows = [QUIET, (110.0, 111.0, 109.0, 110.0)]
    run = play(rows, script={0: lambda s: s.buy(size=95)}, broker=RiskBroker())
    assert list(run.broker.reasons.values()) == [
        "not enough cash at the fill: 10000.00 available, -450.00 would be left"
    ]
