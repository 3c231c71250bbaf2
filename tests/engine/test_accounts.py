"""Daily returns, exposure, costs and orders, worked by hand."""

import numpy as np
import pandas as pd
import pytest

from core.errors import DataError
from core.tables import EQUITY, FILLS, ORDERS, TRADES
from core.types import Bars, Market, RunResult
from engine.accounts import benchmark_gaps, costs, count_orders, daily_returns, exposure, session_exposure
from engine.outcome import _gap_notes

NEW_YORK = "America/New_York"


def bars(times, closes, opens=None, symbol="X"):
    close = np.asarray(closes, float)
    opened = close if opens is None else np.asarray(opens, float)
    columns = {"open": opened, "high": np.maximum(opened, close), "low": np.minimum(opened, close), "close": close}
    return Bars.of(symbol, pd.DataFrame({**columns, "volume": 1.0}, index=pd.DatetimeIndex(times, tz="UTC")))


def market(*items, benchmark="X", zone=NEW_YORK):
    return Market({item.symbol: item for item in items}, ("X",), benchmark, zone)


def result(times, equity, gross=None, net=None, cash=100.0, zone=NEW_YORK, **tables):
    times = pd.DatetimeIndex(times, tz="UTC")
    gross = np.zeros(len(times)) if gross is None else gross
    columns = {"equity": equity, "cash": equity, "gross_exposure": gross, "net_exposure": gross if net is None else net}
    frame = EQUITY.frame([])
    frame = pd.DataFrame({"time": times.as_unit("ns"), **columns, "return": np.nan}).astype(frame.dtypes.to_dict())
    kept = {"orders": ORDERS.empty(), "fills": FILLS.empty(), "trades": TRADES.empty(), **tables}
    return RunResult("test", "0" * 12, cash, zone, equity=frame, positions=pd.DataFrame(index=times), **kept)


DAYS = ["2024-01-02 21:00", "2024-01-03 21:00", "2024-01-04 21:00", "2024-01-05 21:00"]


def test_daily_bars_start_after_the_decision_and_keep_flat_days():
    found = daily_returns(result(DAYS, [100.0, 102.0, 102.0, 51.0]), market(bars(DAYS, [10.0, 11.0, 11.0, 22.0])))
    assert [f"{day:%F}" for day in found.index] == ["2024-01-03", "2024-01-04", "2024-01-05"]
    assert found.index.tz is None
    assert found["strategy"].tolist() == pytest.approx([0.02, 0.0, -0.5])
    assert found["benchmark"].tolist() == pytest.approx([0.1, 0.0, 1.0])


INTRADAY = ["2024-01-02 15:00", "2024-01-02 21:00", "2024-01-03 01:00", "2024-01-03 15:00", "2024-01-03 21:00"]
# 01:00 UTC is still the evening of the second of January in New York.


def test_bars_within_the_day_give_one_return_a_session_from_the_initial_cash():
    account = result(INTRADAY, [100.0, 101.0, 103.0, 50.0, 206.0])
    found = daily_returns(account, market(bars(INTRADAY, [10.0, 12.0, 15.0, 1.0, 30.0])))
    assert [f"{day:%F}" for day in found.index] == ["2024-01-02", "2024-01-03"]
    assert found["strategy"].tolist() == pytest.approx([103 / 100 - 1, 206 / 103 - 1])
    assert found["benchmark"].tolist() == pytest.approx([15 / 10 - 1, 30 / 15 - 1])


def test_a_decision_at_the_last_close_of_a_session_leaves_that_session_out():
    account = result(INTRADAY[2:], [100.0, 50.0, 110.0])
    found = daily_returns(account, market(bars(INTRADAY, [10.0, 12.0, 15.0, 1.0, 30.0])))
    assert found["strategy"].tolist() == pytest.approx([0.1])
    assert found["benchmark"].tolist() == pytest.approx([30 / 15 - 1])


def test_the_benchmark_at_exposure_is_its_return_times_the_mean_gross_exposure():
    account = result(DAYS, [100.0] * 4, gross=[0.0, 0.4, 0.4, 0.0], net=[0.0, -0.4, 0.4, 0.0])
    found = daily_returns(account, market(bars(DAYS, [10.0, 11.0, 11.0, 22.0])))
    assert found["benchmark_at_exposure"].tolist() == pytest.approx([0.02, 0.0, 0.2])


def test_exposure_counts_closes():
    found = exposure(result(DAYS, [100.0] * 4, gross=[0.0, 0.4, 0.4, 0.0], net=[0.0, -0.4, 0.4, 0.0]))
    assert (found.gross_mean, found.net_mean, found.time_in_market, found.n) == (0.2, 0.0, 0.5, 4)


def test_session_exposure_is_the_last_of_the_session():
    account = result(INTRADAY, [100.0] * 5, gross=[0.1, 0.2, 0.3, 0.4, 0.5])
    days = daily_returns(account, market(bars(INTRADAY, [10.0] * 5))).index
    assert session_exposure(account, days).tolist() == [0.3, 0.5]


def test_a_benchmark_of_its_own_calendar_is_valued_at_its_last_close():
    other = bars([DAYS[0], DAYS[1], DAYS[3]], [5.0, 6.0, 9.0], symbol="B")
    both = market(bars(DAYS, [10.0] * 4), other, benchmark="B")
    found = daily_returns(result(DAYS, [100.0] * 4), both)
    assert found["benchmark"].tolist() == pytest.approx([0.2, 0.0, 0.5])
    assert [f"{day:%F}" for day in benchmark_gaps(both, found.index, NEW_YORK)] == ["2024-01-04"]
    note = "benchmark B has no bar in 1 of 3 sessions (the first is 2024-01-04); it is valued at its last close there"
    assert _gap_notes(both, found.index, NEW_YORK) == (note,)


@pytest.mark.parametrize("kept", [slice(1, None), slice(0, 3)], ids=["begins too late", "ends too early"])
def test_a_benchmark_that_does_not_cover_the_run_is_refused_with_the_dates(kept):
    other = bars(DAYS[kept], [5.0] * 3, symbol="B")
    with pytest.raises(
        DataError, match=r"benchmark B has bars from 2024-01-0\d to 2024-01-0\d.* 2024-01-02 to 2024-01-05"
    ):
        daily_returns(result(DAYS, [100.0] * 4), market(bars(DAYS, [10.0] * 4), other, benchmark="B"))


def test_a_run_of_one_close_has_no_return():
    with pytest.raises(DataError, match="no session after its first decision at 2024-01-02"):
        daily_returns(result(DAYS[:1], [100.0]), market(bars(DAYS, [10.0] * 4)))


def fills(*rows):
    names = ("order_id", "time", "symbol", "kind", "size", "price", "commission", "position_after")
    return FILLS.frame([dict(zip(names, (*row, 0.0), strict=True)) for row in rows])


def test_costs_by_hand():
    day = [pd.Timestamp(time, tz="UTC") for time in DAYS]
    done = fills(
        (1, day[1], "X", "market", 2.0, 10.5, 0.1),  # opened at 10: paid 0.5 too much, twice
        (2, day[2], "X", "market", -4.0, 19.0, 0.2),  # opened at 20: got 1 too little, four times
        (3, day[3], "X", "stop", 2.0, 99.0, 0.3),  # no market order: its slippage is not known from the open
    )
    trade = dict.fromkeys(TRADES.columns, 0) | {"symbol": "X", "side": "short", "exit_reason": "signal"}
    trades = TRADES.frame([{**trade, "entered_at": day[2], "exited_at": day[3], "interest": 0.25}])
    traded = market(bars(DAYS, [1.0] * 4, opens=[1.0, 10.0, 20.0, 30.0]))
    found = costs(result(DAYS, [100.0] * 4, fills=done, trades=trades), traded)
    assert (found.commission, found.slippage, found.interest) == pytest.approx((0.6, 5.0, 0.25))
    assert found.total == pytest.approx(5.85)
    assert found.fills == 3


def test_costs_of_a_run_without_fills_are_zero():
    found = costs(result(DAYS, [100.0] * 4), market(bars(DAYS, [1.0] * 4)))
    assert (found.total, found.fills) == (0.0, 0)


def test_a_fill_where_there_is_no_bar_is_refused():
    done = fills((1, pd.Timestamp("2024-01-03 12:00", tz="UTC"), "X", "market", 1.0, 10.0, 0.0))
    with pytest.raises(DataError, match="a fill of X stands at 2024-01-03 12:00:00"):
        costs(result(DAYS, [100.0] * 4, fills=done), market(bars(DAYS, [1.0] * 4)))


def test_orders_are_counted_by_status_and_reason():
    row = dict.fromkeys(ORDERS.columns, 0) | {
        "created_at": pd.Timestamp(DAYS[0], tz="UTC"),
        "symbol": "X",
        "kind": "market",
    }
    kinds = [("completed", "", 0.0), ("margin", "no cash", 0.0), ("completed", "cap", -1.0)]
    orders = ORDERS.frame(
        [{**row, "side": "buy", "status": status, "reason": reason, "trimmed": cut} for status, reason, cut in kinds]
    )
    found = count_orders(orders)
    assert found.by_status == {"completed": 2, "margin": 1}
    assert found.by_reason == {"cap": 1, "no cash": 1}
    assert (found.asked, found.trimmed) == (3, 1)
