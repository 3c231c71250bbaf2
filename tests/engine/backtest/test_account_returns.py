"""Daily returns and exposure, worked by hand."""

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

from core.errors import DataError
from core.table_schemas import COSTS, EQUITY, FILLS, ORDERS, STOPS, TRADES
from core.types import Bars, Market, RunResult
from engine.backtest.account_returns import (
    benchmark_gaps,
    benchmark_returns,
    cash_returns,
    daily_returns,
    exposure,
    session_exposure,
)
from engine.results.run_notes import _gap_notes

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
    tables_of_run = {table.name: table.empty() for table in (ORDERS, FILLS, TRADES, COSTS, STOPS)} | tables
    return RunResult("test", "0" * 12, cash, zone, equity=frame, positions=pd.DataFrame(index=times), **tables_of_run)


DAYS = ["2024-01-02 21:00", "2024-01-03 21:00", "2024-01-04 21:00", "2024-01-05 21:00"]


def test_daily_bars_start_after_the_decision_and_keep_flat_days():
    returns = daily_returns(result(DAYS, [100.0, 102.0, 102.0, 51.0]), market(bars(DAYS, [10.0, 11.0, 11.0, 22.0])))
    assert [f"{day:%F}" for day in returns.index] == ["2024-01-03", "2024-01-04", "2024-01-05"]
    assert returns.index.tz is None
    assert returns["strategy"].tolist() == pytest.approx([0.02, 0.0, -0.5])
    assert returns["benchmark"].tolist() == pytest.approx([0.1, 0.0, 1.0])


INTRADAY = ["2024-01-02 15:00", "2024-01-02 21:00", "2024-01-03 01:00", "2024-01-03 15:00", "2024-01-03 21:00"]
# 01:00 UTC is still the evening of the second of January in New York.


def test_bars_within_the_day_give_one_return_a_session_from_the_initial_cash():
    account = result(INTRADAY, [100.0, 101.0, 103.0, 50.0, 206.0])
    returns = daily_returns(account, market(bars(INTRADAY, [10.0, 12.0, 15.0, 1.0, 30.0])))
    assert [f"{day:%F}" for day in returns.index] == ["2024-01-02", "2024-01-03"]
    assert returns["strategy"].tolist() == pytest.approx([103 / 100 - 1, 206 / 103 - 1])
    assert returns["benchmark"].tolist() == pytest.approx([15 / 10 - 1, 30 / 15 - 1])


def test_a_decision_at_the_last_close_of_a_session_leaves_that_session_out():
    account = result(INTRADAY[2:], [100.0, 50.0, 110.0])
    returns = daily_returns(account, market(bars(INTRADAY, [10.0, 12.0, 15.0, 1.0, 30.0])))
    assert returns["strategy"].tolist() == pytest.approx([0.1])
    assert returns["benchmark"].tolist() == pytest.approx([30 / 15 - 1])


def test_the_benchmark_at_exposure_is_its_return_times_the_mean_gross_exposure():
    account = result(DAYS, [100.0] * 4, gross=[0.0, 0.3, 0.3, 0.0], net=[0.0, -0.3, 0.3, 0.0])
    returns = daily_returns(account, market(bars(DAYS, [10.0, 11.0, 11.0, 22.0])))
    assert returns["benchmark_at_exposure"].tolist() == pytest.approx([0.02, 0.0, 0.2])


def test_the_rest_of_the_benchmark_at_exposure_earns_what_the_accounts_cash_earns():
    """A tenth in the benchmark, nine tenths in cash at 36.5 % a year: 0.1 % a day, and three days over a weekend."""
    days = [*DAYS[1:], "2024-01-08 21:00"]
    account = result(days, [100.0] * 4, gross=[0.1] * 4)
    returns = daily_returns(account, market(bars(days, [10.0, 11.0, 11.0, 22.0])), cash_interest=0.365)
    assert returns["benchmark"].tolist() == pytest.approx([0.1, 0.0, 1.0])
    expected = [0.01 + 0.9 * 0.001, 0.9 * 0.001, 0.1 + 0.9 * 0.003]
    assert returns["benchmark_at_exposure"].tolist() == pytest.approx(expected)


def test_an_account_that_borrows_has_no_cash_and_pays_nothing_for_it():
    account = result(DAYS, [100.0] * 4, gross=[1.5] * 4)
    returns = daily_returns(account, market(bars(DAYS, [10.0, 11.0, 11.0, 22.0])), cash_interest=0.365)
    assert returns["benchmark_at_exposure"].tolist() == pytest.approx([0.15, 0.0, 1.5])


def test_cash_earns_by_calendar_day_at_each_close():
    times = pd.DatetimeIndex(INTRADAY, tz="UTC")
    days = pd.DatetimeIndex(["2024-01-02", "2024-01-03"])
    # 01:00 UTC is another day in UTC, by which the broker counts, and still the second of January in New York.
    assert cash_returns(times, days, NEW_YORK, 0.365).tolist() == pytest.approx([0.001, 0.0])
    assert cash_returns(times, days, NEW_YORK, 0.0).tolist() == [0.0, 0.0]


def basket(kind):
    """X doubles in three days and halves; LATE begins on the second of them, and rises by half on the last."""
    items = (bars(DAYS, [10.0, 20.0, 20.0, 10.0]), bars(DAYS[2:], [4.0, 6.0], symbol="LATE"))
    return Market({item.symbol: item for item in items}, ("X", "LATE"), "basket", NEW_YORK, basket=kind)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        # 1/2 in X, 1/2 in cash until LATE's first close: worth 0.5 + 0.5, 1 + 0.5, 1 + 0.5, 0.5 + 0.75
        ("held", [0.5, 0.0, 1.25 / 1.5 - 1]),
        # half of each part's return: 100 % and 0, 0 and 0, -50 % and 50 %
        ("rebalanced", [0.5, 0.0, 0.0]),
    ],
)
def test_a_basket_holds_equal_parts_and_cash_for_what_is_not_there_yet(kind, expected):
    returns = daily_returns(result(DAYS, [100.0] * 4), basket(kind))
    assert returns["benchmark"].tolist() == pytest.approx(expected)
    assert benchmark_gaps(basket(kind), returns.index, NEW_YORK).empty


def test_the_waiting_cash_of_a_basket_earns_interest():
    days = pd.DatetimeIndex([day[:10] for day in DAYS[1:]])
    start = pd.Timestamp(DAYS[0], tz="UTC")
    returns = benchmark_returns(basket("held"), start, days, NEW_YORK, np.array([0.1, 0.1, 0.1]))
    wealth = [1.0, 1.0 + 0.5 * 1.1, 1.0 + 0.5 * 1.1**2, 0.5 + 0.5 * 1.1**2 * 1.5]
    assert returns.tolist() == pytest.approx([after / before - 1 for before, after in pairwise(wealth)])


def test_a_basket_is_bought_at_the_first_decision_whatever_came_before():
    """Equal parts on the second day, not on the first, since when X has doubled."""
    items = (bars(DAYS, [10.0, 20.0, 20.0, 10.0]), bars(DAYS, [4.0, 4.0, 4.0, 6.0], symbol="Y"))
    both = Market({item.symbol: item for item in items}, ("X", "Y"), "basket", NEW_YORK, basket="held")
    returns = daily_returns(result(DAYS[1:], [100.0] * 3), both)
    assert returns["benchmark"].tolist() == pytest.approx([0.0, 0.5 * 0.5 + 0.5 * 1.5 - 1])


def test_exposure_counts_the_sessions_that_have_a_return():
    """The first day holds the first decision alone."""
    means = exposure(result(DAYS, [100.0] * 4, gross=[0.0, 0.6, 0.3, 0.0], net=[0.0, -0.6, 0.3, 0.0]))
    assert (means.gross_mean, means.net_mean, means.n) == pytest.approx((0.3, -0.1, 3))
    assert means.time_in_market == pytest.approx(2 / 3)


def test_exposure_of_a_session_is_the_mean_at_its_closes():
    account = result(INTRADAY, [100.0] * 5, gross=[0.1, 0.2, 0.3, 0.4, 0.0])
    days = daily_returns(account, market(bars(INTRADAY, [10.0] * 5))).index
    assert session_exposure(account, days).tolist() == pytest.approx([0.2, 0.2])
    means = exposure(account)
    assert (means.gross_mean, means.time_in_market, means.n) == pytest.approx((0.2, 0.75, 2))


def test_a_benchmark_of_its_own_calendar_is_valued_at_its_last_close():
    other = bars([DAYS[0], DAYS[1], DAYS[3]], [5.0, 6.0, 9.0], symbol="B")
    both = market(bars(DAYS, [10.0] * 4), other, benchmark="B")
    returns = daily_returns(result(DAYS, [100.0] * 4), both)
    assert returns["benchmark"].tolist() == pytest.approx([0.2, 0.0, 0.5])
    assert [f"{day:%F}" for day in benchmark_gaps(both, returns.index, NEW_YORK)] == ["2024-01-04"]
    note = "benchmark B has no bar in 1 of 3 sessions (the first is 2024-01-04); it is valued at its last close there"
    assert _gap_notes(both, returns.index, NEW_YORK) == (note,)


@pytest.mark.parametrize("covered", [slice(1, None), slice(0, 3)], ids=["begins too late", "ends too early"])
def test_a_benchmark_that_does_not_cover_the_run_is_refused_with_the_dates(covered):
    other = bars(DAYS[covered], [5.0] * 3, symbol="B")
    with pytest.raises(
        DataError, match=r"benchmark B has bars from 2024-01-0\d to 2024-01-0\d.* 2024-01-02 to 2024-01-05"
    ):
        daily_returns(result(DAYS, [100.0] * 4), market(bars(DAYS, [10.0] * 4), other, benchmark="B"))


def test_a_run_of_one_close_has_no_return():
    with pytest.raises(DataError, match="no session after its first decision at 2024-01-02"):
        daily_returns(result(DAYS[:1], [100.0]), market(bars(DAYS, [10.0] * 4)))
