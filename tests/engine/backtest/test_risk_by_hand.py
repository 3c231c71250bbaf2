"""The risk rule case by case, each number worked out by hand from docs/risk-rule.md.

An account of 10,000 and no costs unless a test says otherwise; a bar is a price, or (open, high, low, close). Every
case runs on both engines, whose tables are equal.
"""

import numpy as np
import pandas as pd
import pytest

from core.types import Bars, Market, SignalFrame
from engine.backtest import compiled
from engine.backtest.bt import engine as bt_engine
from engine.backtest.engine_output import BacktestInput
from engine.backtest.engines import first_difference
from risk.costs import BrokerSpec
from risk.spec import RiskSpec
from strategies.threshold import Threshold

NAN = np.nan
FREE = {"commission": 0.0, "slippage": 0.0, "short_interest": 0.0}
pytestmark = pytest.mark.usefixtures("general")
STOP = {"kind": "percent", "value": 0.05}
TRAIL = {"kind": "trail_percent", "value": 0.05}


def trade(rows, predictions, risk, *, times=None, **costs):
    """Backtest bars and predictions by symbol; a prediction may be (prediction, confidence), None is no bar."""
    times = pd.date_range("2024-01-01 21:00", periods=len(rows["a"]), tz="UTC") if times is None else times
    market = Market({s: bars(s, prices, times) for s, prices in rows.items()}, tuple(rows), "a", "UTC")
    pairs = np.array([[word if isinstance(word, tuple) else (word, 1.0) for word in predictions[s]] for s in rows])
    prediction = pairs[..., 0].T
    confidence = np.where(np.isnan(pairs[..., 0]), NAN, pairs[..., 1]).T
    signals = SignalFrame(times, tuple(rows), prediction, confidence, np.zeros(len(times), dtype=np.int64))
    broker = BrokerSpec.parse(FREE | costs)
    task = BacktestInput.of(market, signals, Threshold(), RiskSpec.parse(risk), broker, "0123456789ab")
    result = bt_engine.run_task(task)
    assert first_difference(result, compiled.run_task(task)) == ""
    return result


def bars(symbol, prices, times):
    frame = pd.DataFrame(
        [price if isinstance(price, tuple) else (price,) * 4 for price in prices if price is not None],
        columns=["open", "high", "low", "close"],
        index=times[[price is not None for price in prices]],
        dtype=float,
    )
    return Bars.of(symbol, frame.assign(volume=1.0))


def one(prices, predictions, risk, **more):
    return trade({"a": prices}, {"a": predictions}, risk, **more)


def fills(result):
    """Day, kind, size and price of each fill."""
    table = result.fills
    days = list(result.equity["time"])
    where = [days.index(time) for time in table["time"]]
    return list(zip(where, table["kind"], table["size"], table["price"], strict=True))


def market_orders(result):
    table = result.orders[result.orders["kind"] == "market"]
    columns = ("asked", "trimmed", "filled", "status")
    return list(zip(*(table[name] for name in columns), table["reason"].str.partition(":")[0], strict=True))


def near(*rows):
    return [pytest.approx(row, rel=1e-12) if isinstance(row, float) else tuple(map(close, row)) for row in rows]


def close(value):
    return pytest.approx(value, rel=1e-12) if isinstance(value, float) else value


# --- the worked example of the document


def example(opened, **broker):
    return one([100, opened, opened], [1, NAN, NAN], {"base": 0.06, "cap": 0.05}, **broker)


def test_a_gap_of_ten_per_cent_gives_exactly_five_per_cent():
    result = example(110)
    assert market_orders(result) == near((5.0, 5 - 500 / 110, 500 / 110, "completed", "cap at the fill"))
    assert result.orders["share_at_fill"].iloc[0] == pytest.approx(0.05, rel=1e-15)
    assert result.fills["size"].iloc[0] * 110 == pytest.approx(500, rel=1e-15)


def test_what_fits_is_rounded_down_to_whole_lots():
    assert market_orders(example(110, lot=1.0)) == [(5.0, 1.0, 4.0, "completed", "cap at the fill")]


def test_less_than_a_lot_is_rejected():
    assert market_orders(example(110, lot=10.0)) == [(0.0, 0.0, 0.0, "rejected", "size 0")]
    assert market_orders(example(110, lot=5.0)) == [(5.0, 0.0, 0.0, "rejected", "cap at the fill")]


def test_an_order_only_ever_shrinks():
    result = example(90)
    assert market_orders(result) == [(5.0, 0.0, 5.0, "completed", "")]
    assert result.orders["share_at_fill"].iloc[0] == pytest.approx(0.045)


def test_a_cap_at_the_signal_lets_the_gap_break_it():
    result = one([100, 110, 110], [1, NAN, NAN], {"base": 0.06, "cap": 0.05, "cap_at": "signal"})
    assert result.orders["share_at_fill"].iloc[0] == pytest.approx(0.055)


@pytest.mark.parametrize(("wednesday", "lost"), [((97, 98, 94, 96), 68.18), ((90, 99, 89, 96), 90.91)])
def test_what_the_stop_of_the_example_was_meant_to_lose_and_what_can_go_wrong(wednesday, lost):
    risk = {"base": 0.06, "cap": 0.05, "stop": STOP}
    equity = one([100, (110, 110, 92, 93), wednesday], [1, NAN, NAN], risk).equity["equity"]
    assert 10_000 - equity.iloc[1] == pytest.approx(77.27, abs=0.005)  # the bar of the entry closes beyond the stop
    assert 10_000 - equity.iloc[2] == pytest.approx(lost, abs=0.005)


# --- the other things that hold at the fill


@pytest.mark.parametrize(("opened", "reason"), [(95.0, "stop_passed"), (94.0, "stop_passed"), (95.01, "")])
def test_an_open_at_the_stop_cancels_the_entry(opened, reason):
    result = one([100, opened, opened], [1, NAN, NAN], {"stop": STOP})
    assert [order[-1] for order in market_orders(result)] == [reason]
    assert len(result.fills) == (not reason)


@pytest.mark.parametrize("side", [1, -1])
@pytest.mark.parametrize(("moved", "reason"), [(10.0, "target_passed"), (2.0, "target_passed"), (1.99, "")])
def test_an_open_at_the_target_cancels_the_entry(side, moved, reason):
    # decided at 100 with a target 2 away: at or beyond it nothing is left to be gained
    opened = 100 + side * moved
    result = one([100, opened, opened], [side, NAN, NAN], {"take_profit": {"kind": "percent", "value": 0.02}})
    assert [order[-1] for order in market_orders(result)] == [reason]
    assert len(result.fills) == (1 if not reason else 0)
    if reason:
        assert list(result.orders["status"]) == ["rejected", "cancelled"]
        assert (
            result.orders["reason"].iloc[0]
            == f"target_passed: the market was at {opened:g}, the target at {100 + 2 * side:g}"
        )


def test_a_target_passed_by_slippage_alone_is_not_passed():
    risk = {"take_profit": {"kind": "percent", "value": 0.02}}
    assert len(one([100, 101.5, 101.5], [1, NAN, NAN], risk, slippage=0.01).fills) == 1


def test_an_addition_that_opens_beyond_the_target_is_not_made():
    # 10 units are to become 20; at 110 the target of 105 takes the 10, and no more are bought to be sold there at once
    risk = {"base": 0.2, "cap": 0.3, "take_profit": {"kind": "percent", "value": 0.05}, "resize": {"band": 0.1}}
    result = one([100, 100, 110], [(1, 0.5), (1, 1.0), NAN], risk)
    assert market_orders(result)[1] == (10.0, 0.0, 0.0, "rejected", "target_passed")
    assert fills(result)[1:] == near((2, "limit", -10.0, 110.0))


def test_a_reversal_trims_only_what_it_opens():
    result = one([100, 100, 110, 110], [1, -1, NAN, NAN], {"base": 0.06, "cap": 0.05})
    # long 5 of 500; the close earns 50, so that the short may be 5 % of 10,050 at 110
    assert fills(result) == near(
        (1, "market", 5.0, 100.0), (2, "market", -5.0, 110.0), (2, "market", -502.5 / 110, 110.0)
    )
    assert market_orders(result)[1:] == near(
        (-5.0, 0.0, -5.0, "completed", ""), (-5.0, 502.5 / 110 - 5, -502.5 / 110, "completed", "cap at the fill")
    )


def test_the_loss_at_the_stop_holds_at_the_signal_and_again_at_the_fill():
    risk = {"base": 0.01, "cap": 0.5, "mode": "stop", "stop": STOP}
    result = one([100, 102, 102], [(1, 0.8), NAN, NAN], risk, commission=0.001)
    # 80 may be lost; of one unit 5 to the stop and 0.1 + 0.095 of commission, at 102 it is 7 and 0.102 + 0.095
    requested = 80 / 5.195
    fit = 80 / 7.197
    assert market_orders(result) == near((requested, requested - fit, fit, "completed", "loss at the stop at the fill"))


def test_a_minimum_commission_counts_at_each_end_where_it_is_more():
    risk = {"base": 0.01, "cap": 0.5, "mode": "stop", "stop": STOP}
    result = one([100, 100, 94, 94], [1, NAN, NAN, NAN], risk, commission=0.001, commission_minimum=2.0)
    # the rate would be 0.1 x 19.2 = 1.92 and 1.82: 2 is paid at both ends, 96 is left for a loss of 5 a unit
    assert result.fills["size"].iloc[0] == pytest.approx(96 / 5)
    assert list(result.fills["commission"]) == [2.0, 2.0]


def test_slippage_counts_in_the_cap_and_in_the_loss():
    risk = {"base": 0.01, "cap": 0.05, "mode": "stop", "stop": STOP}
    result = one([100, 100, 100], [-1, NAN, NAN], risk, slippage=0.01)
    assert fills(result) == near((1, "market", -5.0, 99.0))
    risk["cap"] = 0.9
    # a short at 99 with a stop at 105, which slips to 106.05
    assert one([100, 100, 100], [-1, NAN, NAN], risk, slippage=0.01).fills["size"].iloc[0] == pytest.approx(-100 / 7.05)


# --- stops and targets


def long(prices, **risk):
    return fills(one([100, *prices], [1, *[NAN] * len(prices)], {"base": 0.05, "stop": STOP} | risk))[1:]


def test_the_bracket_of_a_trimmed_entry_shrinks_with_it():
    risk = {"base": 0.06, "cap": 0.05, "stop": STOP, "take_profit": {"kind": "percent", "value": 0.2}}
    result = one([100, 110, (110, 125, 110, 120)], [1, NAN, NAN], risk)
    assert fills(result) == near((1, "market", 500 / 110, 110.0), (2, "limit", -500 / 110, 120.0))
    assert list(result.positions["a"])[-1] == 0.0


def test_the_stop_is_taken_if_a_bar_holds_both():
    assert long([100, (100, 121, 94, 100)], take_profit={"kind": "percent", "value": 0.2}) == [(2, "stop", -5.0, 95.0)]


def test_a_gap_through_the_stop_fills_at_the_open():
    assert long([100, (90, 99, 89, 98)]) == [(2, "stop", -5.0, 90.0)]


def test_the_bar_of_the_entry_has_no_stop():
    assert long([(100, 100, 80, 99), 98, 98]) == []
    assert long([(100, 100, 80, 85), (86, 99, 86, 98)]) == [(2, "stop", -5.0, 86.0)]


@pytest.mark.parametrize(("bar", "price"), [((110, 125, 110, 110), 120.0), ((130, 131, 130, 130), 130.0 * 0.99)])
def test_a_target_fills_at_its_price_or_better(bar, price):
    risk = {"base": 0.05, "take_profit": {"kind": "percent", "value": 0.2}}
    result = one([100, 100, bar], [1, NAN, NAN], risk, slippage=0.01)
    assert result.fills["price"].iloc[1] == pytest.approx(price)


def test_an_open_that_slips_beyond_the_target_is_held_at_it():
    risk = {"base": 0.05, "take_profit": {"kind": "percent", "value": 0.2}}
    assert one([100, 100, 120.5], [1, NAN, NAN], risk, slippage=0.01).fills["price"].iloc[1] == 120.0


def test_a_trailing_stop_by_per_cent_step_by_step():
    # 95 on the bar of the entry and on the next, though the close was 110; then 114; a worse close moves nothing
    path = [(100, 110, 100, 110), (110, 120, 96, 120), (118, 118, 115, 116), (116, 116, 113, 113)]
    assert long(path, stop=TRAIL) == near((4, "trail", -5.0, 114.0))


def test_a_trailing_stop_by_the_average_range_keeps_the_distance_of_its_signal():
    # Wilder's range of two bars at the signal: (4 + 6) / 2 = 5, twice that is 10; the later bars are calmer
    rows = [100, (100, 102, 98, 100), (100, 103, 97, 100), 100, 100, 120, (120, 120, 109, 109)]
    risk = {"base": 0.05, "stop": {"kind": "trail_atr", "window": 2, "multiple": 2.0}}
    result = one(rows, [NAN, NAN, 1, NAN, NAN, NAN, NAN], risk)
    assert fills(result) == near((3, "market", 5.0, 100.0), (6, "trail", -5.0, 110.0))


def test_a_short_is_the_mirror():
    risk = {"base": 0.05, "stop": TRAIL}
    result = one([100, 100, 80, (80, 85, 80, 85)], [-1, NAN, NAN, NAN], risk)
    assert fills(result) == near((1, "market", -5.0, 100.0), (3, "trail", 5.0, 84.0))


# --- limits, halts, costs


def pair(risk, *, predictions=(1, 1), opened=100):
    rows = {"a": [100, opened, opened], "b": [100, opened, opened]}
    result = trade(rows, {s: [word, NAN, NAN] for s, word in zip(rows, predictions, strict=True)}, risk)
    return list(result.orders["filled"]), list(result.orders["reason"].str.partition(":")[0])


@pytest.mark.parametrize(
    ("limits", "predictions", "filled", "reason"),
    [
        ({"gross": 0.35}, (1, -1), [20.0, -15.0], "gross exposure at the signal"),
        ({"net": 0.3}, (1, 1), [20.0, 10.0], "net exposure at the signal"),
        ({"net": 0.1}, (1, -1), [10.0, -20.0], ""),
        ({"short": 0.03}, (1, -1), [20.0, -3.0], "short exposure at the signal"),
        ({"positions": 1}, (1, -1), [20.0, 0.0], "number of positions at the signal"),
        ({"open_risk": 0.015}, (1, -1), [20.0, -10.0], "open risk at the signal"),
        ({"min_order": 2001.0}, (1, 1), [0.0, 0.0], "minimum order at the signal"),
    ],
)
def test_a_limit_trims_or_refuses_what_comes_second(limits, predictions, filled, reason):
    sizes, reasons = pair({"base": 0.2, "cap": 0.2, "stop": STOP, "limits": limits}, predictions=predictions)
    assert sizes[:: 2 if sizes[0] else 1] == near(*filled)
    assert reasons[-2 if filled[1] else -1] == reason


def test_a_limit_holds_again_at_the_fill():
    # 20 % and 15 % at the signal; at 110 the first is 22 %, which leaves 13 % of 10,000
    sizes, reasons = pair({"base": 0.2, "cap": 0.3, "limits": {"gross": 0.35}}, opened=110)
    assert sizes == near(20.0, 1300 / 110)
    assert reasons[1] == "gross exposure at the fill"


@pytest.mark.parametrize(("opened", "reason"), [(97, "minimum order at the fill"), (98, "")])
def test_an_order_that_is_worth_too_little_at_its_fill_is_rejected(opened, reason):
    result = one([100, opened, opened], [1, NAN, NAN], {"limits": {"min_order": 195.0}})  # 2 units
    assert [order[-1] for order in market_orders(result)] == [reason]


def test_a_position_beyond_its_stop_makes_no_room_in_the_open_risk_of_another():
    # a may lose 50, 5 a unit, and closes at 90, beyond its stop at 95; b may lose 49.5 of 9,900, 5 a unit
    rows = {"a": [100, (100, 100, 90, 90), 90], "b": [100] * 3}
    risk = {"base": 0.2, "cap": 0.2, "stop": STOP, "limits": {"open_risk": 0.005}}
    result = trade(rows, {"a": [1, NAN, NAN], "b": [NAN, 1, NAN]}, risk)
    assert list(result.orders["filled"][result.orders["kind"] == "market"]) == near(10.0, 9.9)


def test_shorts_are_held_to_the_account_when_nothing_is_said():
    sizes, reasons = pair({"base": 0.8, "cap": 0.8}, predictions=(-1, -1))
    assert sizes == near(-80.0, -20.0)
    assert reasons[1] == "short exposure at the signal"


HALT = {"drawdown": 0.1, "resume_after": 2}


def test_a_drawdown_closes_everything_and_trading_resumes_with_a_new_peak():
    # 20 units; at 40 the account is 8,800: sold at the next open, 39; the close of day 4 may buy again, day 3 may not
    rows = [100, 100, 40, 39, 39, 39, 33, 33]
    result = one(rows, [1, 1, 1, 1, 1, NAN, NAN, NAN], {"base": 0.2, "cap": 0.2, "limits": HALT})
    assert fills(result)[:2] == near((1, "market", 20.0, 100.0), (3, "market", -20.0, 39.0))
    assert fills(result)[2:] == near((5, "market", 0.2 * 8780 / 39, 39.0))  # 33 is 3 % below the new peak
    assert [order[-1] for order in market_orders(result)] == ["", "drawdown", "drawdown stop", ""]
    assert list(result.trades["exit_reason"]) == ["drawdown", "open"]


def test_the_loss_of_a_day_is_counted_from_the_close_of_the_session_before():
    times = pd.DatetimeIndex([f"2024-01-0{day} {at}:00" for day in (1, 2, 3) for at in (15, 21)], tz="UTC")
    risk = {"base": 0.2, "cap": 0.2, "limits": {"daily_loss": 0.02, "resume_after": 9}}
    # 98 % of the day before is reached in two steps of 1.2 % within a day, not by 1.2 % on each of two days
    rows = [100, 100, 94, 88, 88, 88]
    predictions = [1, *[NAN] * 5]
    assert fills(one(rows, predictions, risk, times=times))[1:] == [(4, "market", -20.0, 88.0)]
    assert fills(one([100, 100, 100, 94, 88, 88], predictions, risk, times=times))[1:] == []


def test_cash_earns_by_calendar_day_over_a_weekend():
    times = pd.DatetimeIndex(["2024-01-04 21:00", "2024-01-05 21:00", "2024-01-08 21:00"], tz="UTC")  # Thursday, Friday
    result = one([100, 100, 100], [NAN, NAN, NAN], {}, times=times, cash_interest=0.0365)
    assert list(result.equity["cash"]) == near(10_000.0, 10_001.0, 10_001.0 * 1.0003)


def test_the_proceeds_of_a_short_earn_nothing_and_cost_interest_on_the_entry():
    result = one([100, 100, 50], [-1, NAN, NAN], {"base": 0.05}, cash_interest=0.0365, short_interest=0.365)
    # a day on 10,000 earns 1; then 10,001 are our own and 500 the short's: 1.0001 is earned and 0.5 paid
    assert list(result.equity["cash"]) == near(10_000.0, 10_501.0, 10_501.5001)


def test_the_minimum_commission_is_paid():
    result = one([100, 100, 100], [1, NAN, NAN], {}, commission=0.001, commission_per_unit=0.2, commission_minimum=0.5)
    assert list(result.fills["commission"]) == near(2 * 100 * 0.001 + 2 * 0.2)
    assert list(one([100, 100, 100], [1, NAN, NAN], {}, commission_minimum=3.0).fills["commission"]) == [3.0]


def test_a_resize_moves_position_and_stop_and_never_closes():
    risk = {"base": 0.05, "stop": STOP, "resize": {"band": 0.2}}
    result = one([100, 100, 100, (100, 100, 94, 95)], [(1, 1.0), (1, 0.5), (1, 1e-12), NAN], risk, lot=0.5)
    assert fills(result) == near((1, "market", 5.0, 100.0), (2, "market", -2.5, 100.0), (3, "stop", -2.5, 95.0))
    assert not any(order[-1] for order in market_orders(result))


def test_a_stop_of_the_account_refuses_an_entry_that_waits_for_a_bar():
    # b is told on day 1 and has no bar on day 2, at whose close the account is 12 % down: it may not open on day 3
    rows = {"a": [100, 100, 40, 40, 40], "b": [100, 100, None, 100, 100]}
    predictions = {"a": [1, NAN, NAN, NAN, NAN], "b": [NAN, 1, NAN, NAN, NAN]}
    result = trade(rows, predictions, {"base": 0.2, "cap": 0.2, "limits": HALT})
    assert list(result.fills["symbol"]) == ["a", "a"]


@pytest.mark.parametrize("last", [109, 112, 120])
def test_an_addition_at_the_open_knows_no_later_stop(last):
    # 10 units with a stop at 95, which rests; at an open of 110 they alone risk 150 of 10,100, the rule allows 101
    risk = {"base": 0.01, "cap": 0.9, "mode": "stop", "stop": TRAIL, "resize": {"band": 0.1}}
    result = one([100, 100, (110, 120, 109, last), last], [(1, 0.5), (1, 1.0), NAN, NAN], risk)
    assert market_orders(result) == [
        (10.0, 0.0, 10.0, "completed", ""),
        (10.0, 0.0, 0.0, "rejected", "loss at the stop at the fill"),
    ]


def test_the_account_at_an_open_knows_no_stop_that_is_hit_later_in_the_bar():
    # a is stopped at 50 after the open of day 2; at that open the account is 10,000, and b gets 20 % of it at 105
    rows = {"a": [100, 100, (100, 100, 40, 60)], "b": [100, 100, 105]}
    predictions = {"a": [1, NAN, NAN], "b": [NAN, 1, NAN]}
    result = trade(rows, predictions, {"base": 0.2, "cap": 0.2, "stop": {"kind": "percent", "value": 0.5}})
    assert result.fills["size"][result.fills["symbol"] == "b"].iloc[0] == pytest.approx(2000 / 105)


def test_a_resize_at_the_open_comes_before_a_stop_within_the_bar():
    risk = {"base": 0.2, "cap": 0.2, "stop": STOP, "resize": {"band": 0.2}}
    result = one([100, 100, (110, 110, 90, 90)], [(1, 1.0), (1, 0.5), NAN], risk)
    assert fills(result)[1:] == near((2, "market", -10.0, 110.0), (2, "stop", -10.0, 95.0))


# --- orders that are dated, sized and refused at the close that decides


def test_an_exit_by_a_stop_of_the_account_is_written_down_at_the_close_that_acted():
    rows = {"a": [100, 100, 40, 40], "b": [100, 100, None, 100]}
    result = trade(rows, {"a": [1, NAN, NAN, NAN], "b": [1, NAN, NAN, NAN]}, {"base": 0.2, "cap": 0.2, "limits": HALT})
    exits = result.orders[result.orders["side"] == "sell"]
    assert list(exits["created_at"]) == [result.equity["time"].iloc[2]] * 2


def test_a_reduction_sent_at_the_same_close_makes_room():
    # a goes from 20 % to 10 %, so that 25 % of 35 are left for b, which asks for 20
    rows = {"a": [100] * 3, "b": [100] * 3}
    predictions = {"a": [(1, 1.0), (1, 0.5), NAN], "b": [NAN, 1, NAN]}
    risk = {"base": 0.2, "cap": 0.2, "resize": {"band": 0.2}, "limits": {"gross": 0.35}}
    assert fills(trade(rows, predictions, risk))[1:] == near((2, "market", -10.0, 100.0), (2, "market", 20.0, 100.0))


def test_a_resize_in_lots_of_a_hundredth_loses_none():
    # from 3.00 units to 1.12; as floats the difference is a hair below 188 lots
    result = one([100] * 3, [(1, 0.601), (1, 0.225), NAN], {"base": 0.05, "resize": {"band": 0.1}}, lot=0.01)
    assert list(result.fills["size"]) == near(3.0, -1.88)


def test_a_refused_order_says_what_it_wanted():
    result = trade({s: [100] * 3 for s in "ab"}, {s: [1, NAN, NAN] for s in "ab"}, {"limits": {"positions": 1}})
    assert list(result.orders["asked"]) == near(2.0, 2.0)


def test_a_reduction_makes_room_whatever_the_order_of_the_symbols():
    rows = {"a": [100] * 3, "b": [100] * 3}
    predictions = {"b": [(1, 1.0), (1, 0.5), NAN], "a": [NAN, 1, NAN]}
    risk = {"base": 0.2, "cap": 0.2, "resize": {"band": 0.2}, "limits": {"gross": 0.35}}
    assert fills(trade(rows, predictions, risk))[1:] == near((2, "market", -10.0, 100.0), (2, "market", 20.0, 100.0))


# --- symbols that end

SHORT_LIFE = {"a": [100.0] * 9, "b": [50.0, 50.0, 60.0, *[None] * 6]}
B_ALONE = {"a": [NAN] * 9, "b": [1, NAN, NAN, *[NAN] * 6]}
QUARTER = {"base": 0.25, "cap": 0.25}


@pytest.mark.parametrize(
    ("delisting", "price"), [("close_at_last", 60.0), ({"return": -0.3}, 42.0), ({"return": -1.0}, 0.0)]
)
@pytest.mark.parametrize("side", [1, -1])
def test_a_position_in_a_symbol_that_ended_is_closed_after_five_sessions(delisting, price, side):
    # 50 units at 50; the last bar is that of day 2, and day 7 is the fifth session of the account after it
    signals = {**B_ALONE, "b": [side, *[NAN] * 8]}
    result = trade(SHORT_LIFE, signals, QUARTER, delisting=delisting, commission=0.001)
    units = side * 50.0
    assert fills(result) == near((1, "market", units, 50.0), (7, "market", -units, price))
    assert list(result.trades["exit_reason"]) == ["delisting"]
    assert result.trades["pnl"].iloc[0] == pytest.approx(units * (price - 50) - 0.05 * (50 + price))
    assert list(result.positions["b"]) == [0.0, *[units] * 6, 0.0, 0.0]
    assert result.orders["reason"].iloc[-1] == "delisting: the symbol has no later bar"
    assert result.orders["created_at"].iloc[-1] == result.equity["time"].iloc[7]
    note = f"b has no bar after 2024-01-03: its position was closed on 2024-01-08 at {price:g} (broker.delisting)"
    assert result.notes == (note,)


def test_a_position_in_a_symbol_that_ended_is_held_if_so_asked():
    result = trade(SHORT_LIFE, B_ALONE, QUARTER, delisting="hold")
    assert len(result.fills) == 1
    assert list(result.positions["b"]) == [0.0, *[50.0] * 8]
    assert list(result.trades["exit_reason"]) == ["open"]


def test_a_symbol_that_misses_five_sessions_or_is_missing_for_four_at_the_end_has_not_ended():
    gap = {"a": [100.0] * 9, "b": [50.0, 50.0, *[None] * 6, 55.0]}
    assert len(trade(gap, B_ALONE, QUARTER).fills) == 1
    four = {"a": [100.0] * 7, "b": [50.0, 50.0, 60.0, *[None] * 4]}
    assert len(trade(four, {name: words[:7] for name, words in B_ALONE.items()}, QUARTER).fills) == 1


def test_what_waits_for_a_symbol_that_ended_is_taken_back():
    # at its last bar b is told to reverse: neither its exit nor its entry finds another bar
    risk = QUARTER | {"stop": {"kind": "percent", "value": 0.9}}
    result = trade(SHORT_LIFE, {**B_ALONE, "b": [1, NAN, -1, *[NAN] * 6]}, risk)
    rows = list(zip(result.orders["kind"], result.orders["side"], result.orders["status"], strict=True))
    assert rows == [
        ("market", "buy", "completed"),
        ("stop", "sell", "cancelled"),
        ("market", "sell", "cancelled"),
        ("market", "sell", "cancelled"),
        ("stop", "buy", "cancelled"),
        ("market", "sell", "completed"),
    ]
    reasons = list(result.orders["reason"].str.partition(":")[0])
    assert reasons == ["", "its position was closed by the strategy", *["delisting"] * 4]
    assert result.positions["b"].iloc[-1] == 0.0


def test_the_stop_of_a_symbol_that_ended_is_taken_back():
    result = trade(SHORT_LIFE, B_ALONE, QUARTER | {"stop": {"kind": "percent", "value": 0.9}})
    assert list(result.orders["status"]) == ["completed", "cancelled", "completed"]
    assert list(result.orders["reason"].str.partition(":")[0]) == ["", "delisting", "delisting"]


@pytest.mark.parametrize(("delisting", "units"), [("close_at_last", 106.2), ("hold", 10.0)])
def test_the_money_of_a_symbol_that_ended_can_be_used_again(delisting, units):
    # 180 units of b are worth 10,800 of 11,800; a wants 90 % of it at the close of day 7, where b is closed
    signals = {"a": [*[NAN] * 7, 1, NAN], "b": B_ALONE["b"]}
    result = trade(SHORT_LIFE, signals, {"base": 0.9, "cap": 0.9, "limits": {"gross": 1.0}}, delisting=delisting)
    assert result.positions["a"].iloc[-1] == pytest.approx(units)
