"""What the measures are told of a run, worked by hand."""

import pandas as pd
import pytest

from core.table_schemas import COSTS, EQUITY, FILLS, ORDERS, STOPS, TRADES
from core.types import RunResult
from engine.backtest.account_returns import COLUMNS
from engine.results.measure_inputs import closed_trades, samples, traded
from risk.measures.cost_drag import CostDrag
from risk.measures.turnover import Turnover

TIMES = pd.DatetimeIndex(
    ["2024-01-02 21:00", "2024-01-03 15:00", "2024-01-03 21:00", "2024-01-04 21:00"], tz="UTC"
).as_unit("ns")
DAYS = pd.DatetimeIndex(["2024-01-03", "2024-01-04"], name="session")
DAILY = pd.DataFrame(dict(zip(COLUMNS, ([1.0, 0.05], [0.1, 0.2], [0.01, 0.02]), strict=True)), index=DAYS)


def fill(time, size, price):
    return {
        "time": time,
        "order_id": 1,
        "symbol": "X",
        "size": size,
        "price": price,
        "commission": 0.0,
        "kind": "market",
    }


def trade(pnl, exited_at):
    return {"symbol": "X", "side": "long", "entered_at": TIMES[0], "exited_at": exited_at, "pnl": pnl, "bars": 1}


def cost(time, kind, amount):
    return {"time": time, "symbol": "X", "kind": kind, "amount": amount}


@pytest.fixture
def result():
    columns = {"cash": 0.0, "gross_exposure": [0.0, 0.3, 0.5, 0.1], "net_exposure": 0.0, "return": 0.0}
    equity = pd.DataFrame({"time": TIMES, "equity": [100.0, 101.0, 200.0, 210.0], **columns})[list(EQUITY.columns)]
    return RunResult(
        "test",
        "0" * 12,
        100.0,
        "America/New_York",
        equity=equity,
        positions=pd.DataFrame(),
        fills=FILLS.frame([fill(TIMES[1], 2.0, 10.0), fill(TIMES[2], -1.0, 12.0), fill(TIMES[3], -1.0, 30.0)]),
        trades=TRADES.frame([trade(-3.0, TIMES[2]), trade(7.0, TIMES[3]), trade(50.0, None)]),
        costs=COSTS.frame([cost(TIMES[1], "commission", 2.0), cost(TIMES[3], "cash_interest", -5.0)]),
        orders=ORDERS.empty(),
        stops=STOPS.empty(),
    )


def test_what_was_bought_and_sold_is_a_share_of_the_account_before_the_session(result):
    assert traded(result, DAYS).tolist() == [(20.0 + 12.0) / 100.0, 30.0 / 200.0]


def test_a_trade_that_is_still_open_is_no_result(result):
    assert closed_trades(result).tolist() == [-3.0, 7.0]


def test_a_sample_for_each_column(result):
    told = samples(DAILY, result, 252.0, 0.03)
    assert list(told) == list(COLUMNS)
    for column, sample in told.items():
        assert sample.returns.tolist() == DAILY[column].tolist()
        assert sample.benchmark.tolist() == [0.1, 0.2]
        assert (sample.periods_per_year, sample.risk_free) == (252.0, 0.03)


def test_only_the_strategy_trades(result):
    strategy, *others = samples(DAILY, result, 252.0, 0.0).values()
    assert strategy.trades.tolist() == [-3.0, 7.0]
    assert strategy.costs.tolist() == [0.02, 0.0]  # interest earned is no cost of trading
    assert Turnover().of(strategy).value == pytest.approx((0.32 + 0.15) / 2 * 252)
    assert CostDrag().of(strategy).value == pytest.approx(0.01 * 252)
    for other in others:
        assert (other.trades, other.traded, other.costs) == (None, None, None)


def test_exposure_is_the_mean_of_a_sessions_closes(result):
    strategy, benchmark, scaled = samples(DAILY, result, 252.0, 0.0).values()
    assert strategy.exposure.tolist() == [0.4, 0.1]
    assert benchmark.exposure.tolist() == [1.0, 1.0]
    assert scaled.exposure.tolist() == pytest.approx([0.5 / 2, 0.5 / 2])
