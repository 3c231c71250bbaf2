import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.table_schemas import FILLS, TRADES
from engine.backtest.round_trips import Mark, round_trips

DAYS = pd.date_range("2020-01-06 21:00", periods=12, tz="UTC")


def fills(*rows):
    """Rows of (day, size, price, position_after) and, where it matters, commission, kind, symbol."""
    table = []
    for day, size, price, after, *more in rows:
        commission, kind, symbol = (*more, *(0.0, "market", "a")[len(more) :])
        row = {"order_id": len(table), "time": DAYS[day], "symbol": symbol, "kind": kind, "size": size}
        table.append({**row, "price": price, "commission": commission, "position_after": after})
    return FILLS.frame(table)


def trips(*rows, interest=None, reasons=None, close=100.0, due=0.0):
    mark = Mark(DAYS, close, due)
    return round_trips(
        fills(*rows), interest or [0.0] * len(rows), reasons or [""] * len(rows), {"a": mark, "b": mark}
    ).to_dict("records")


def test_no_fills_no_trades():
    table = round_trips(FILLS.empty(), [], [], {})
    assert len(table) == 0
    TRADES.check(table)


def test_a_long_round_trip():
    (trade,) = trips((1, 2.0, 100.0, 2.0, 0.5), (4, -2.0, 110.0, 0.0, 0.6))
    assert trade == {
        "symbol": "a",
        "side": "long",
        "entered_at": DAYS[1],
        "exited_at": DAYS[4],
        "size": 2.0,
        "entry_price": 100.0,
        "exit_price": 110.0,
        "commission": 1.1,
        "interest": 0.0,
        "pnl": pytest.approx(18.9),
        "pnl_fraction": pytest.approx(18.9 / 200.0),
        "bars": 3,  # held at the closes of days 1, 2 and 3
        "exit_reason": "signal",
        "entry_reason": "",
    }


def test_the_word_for_a_trade_s_entry_is_that_of_the_order_that_opened_it():
    legs = ((1, 2.0, 100.0, 2.0), (2, 1.0, 100.0, 3.0), (3, -5.0, 110.0, -2.0), (4, 2.0, 100.0, 0.0))
    mark = Mark(DAYS, 100.0)
    words = {0: "crossed", 1: "added", 2: "turned", 3: "out"}
    table = round_trips(fills(*legs), [0.0] * 4, [""] * 4, {"a": mark}, words)
    assert table["entry_reason"].tolist() == ["crossed", "turned"]


def test_a_short_pays_interest_and_earns_when_prices_fall():
    (trade,) = trips((0, -3.0, 100.0, -3.0), (2, 3.0, 90.0, 0.0), interest=[0.0, 4.0])
    assert (trade["side"], trade["size"], trade["interest"], trade["pnl"]) == ("short", -3.0, 4.0, 26.0)


def test_a_fill_that_reverses_splits():
    first, second = trips((0, 2.0, 100.0, 2.0), (1, -5.0, 110.0, -3.0, 1.0), (3, 3.0, 100.0, 0.0), interest=[0, 0, 2.0])
    assert (first["size"], first["exit_price"], first["commission"], first["pnl"]) == (2.0, 110.0, 0.4, 19.6)
    assert (second["size"], second["entry_price"], second["commission"]) == (-3.0, 110.0, pytest.approx(0.6))
    assert (second["entered_at"], second["pnl"]) == (DAYS[1], pytest.approx(30.0 - 0.6 - 2.0))


def test_an_addition_averages_the_entry():
    (trade,) = trips((0, 1.0, 100.0, 1.0), (1, 3.0, 120.0, 4.0), (2, -4.0, 130.0, 0.0))
    assert (trade["size"], trade["entry_price"], trade["pnl"]) == (4.0, 115.0, 60.0)


def test_an_exit_in_parts_averages_the_exit():
    (trade,) = trips((0, 4.0, 100.0, 4.0), (1, -1.0, 120.0, 3.0), (3, -3.0, 100.0, 0.0))
    assert (trade["exit_price"], trade["pnl"], trade["bars"]) == (105.0, 20.0, 3)


def test_an_open_trade_is_marked_at_the_last_close_and_bears_what_is_due():
    (trade,) = trips((9, -2.0, 100.0, -2.0, 0.5), close=90.0, due=1.5)
    assert pd.isna(trade["exited_at"])
    assert pd.isna(trade["exit_price"])
    assert (trade["exit_reason"], trade["interest"], trade["pnl"], trade["bars"]) == ("open", 1.5, 18.0, 3)


def test_an_open_trade_may_have_taken_profits():
    (trade,) = trips((0, 4.0, 100.0, 4.0), (1, -1.0, 120.0, 3.0), close=110.0)
    assert (trade["exit_reason"], trade["pnl"]) == ("open", 20.0 + 30.0)


@pytest.mark.parametrize(
    ("kind", "reason"), [("market", "signal"), ("stop", "stop"), ("limit", "take_profit"), ("trail", "trail")]
)
def test_the_exit_says_which_order_made_it(kind, reason):
    (trade,) = trips((0, 1.0, 100.0, 1.0), (1, -1.0, 90.0, 0.0, 0.0, kind))
    assert trade["exit_reason"] == reason


def test_the_strategys_word_for_an_exit_goes_before_that_of_a_market_order():
    legs = (0, 1.0, 100.0, 1.0), (1, -1.0, 90.0, 0.0)
    assert trips(*legs, reasons=["", "time"])[0]["exit_reason"] == "time"
    stopped = (0, 1.0, 100.0, 1.0), (1, -1.0, 90.0, 0.0, 0.0, "stop")
    assert trips(*stopped, reasons=["", "time"])[0]["exit_reason"] == "stop"


def test_entry_and_exit_within_one_bar_count_no_close():
    (trade,) = trips((2, 1.0, 100.0, 1.0), (2, -1.0, 99.0, 0.0, 0.0, "stop"))
    assert trade["bars"] == 0


def test_symbols_do_not_mix_and_trades_stand_in_the_order_of_entry():
    trades = trips(
        (0, 1.0, 100.0, 1.0, 0.0, "market", "b"),
        (1, 2.0, 100.0, 2.0, 0.0, "market", "a"),
        (2, -2.0, 101.0, 0.0, 0.0, "market", "a"),
        (3, -1.0, 102.0, 0.0, 0.0, "market", "b"),
    )
    assert [(trade["symbol"], trade["pnl"]) for trade in trades] == [("b", 2.0), ("a", 2.0)]


money = st.floats(0, 2)
leg = st.tuples(
    st.sampled_from([-3.0, -1.5, -0.1, 0.1, 1.0, 2.5]), st.floats(1, 200), money, money, st.sampled_from("ab")
)


@given(st.lists(leg, max_size=10), st.floats(1, 200), st.floats(0, 5))
def test_the_sum_of_pnl_is_what_the_account_gained(legs, close, due):
    held = {"a": 0.0, "b": 0.0}
    rows = []
    interest = []
    cash = 0.0
    for day, (size, price, commission, paid, symbol) in enumerate(legs):
        before = held[symbol]
        after = held[symbol] + size
        paid = paid if before * size < 0 else 0.0  # noqa: PLW2901 (interest is booked when a position shrinks)
        rows.append((day, size, price, after, commission, "market", symbol))
        interest.append(paid)
        held[symbol] = after
        cash -= size * price + commission + paid
    open_now = [symbol for symbol, units in held.items() if units != 0.0]
    gained = cash + sum(held.values()) * close - due * len(open_now)
    trades = trips(*rows, interest=interest, close=close, due=due)
    assert sum(trade["pnl"] for trade in trades) == pytest.approx(gained, rel=1e-9, abs=1e-7)
    assert sum(trade["commission"] for trade in trades) == pytest.approx(sum(row[4] for row in rows))
    assert sum(trade["exit_reason"] == "open" for trade in trades) == len(open_now)
