"""Costs as money and as drag, worked by hand."""

import pandas as pd
import pytest

from core.table_schemas import COSTS, EQUITY, FILLS, ORDERS, STOPS, TRADES
from core.types import RunResult
from engine.results.costs_paid import KINDS, costs, session_costs

TIMES = pd.DatetimeIndex(
    ["2024-01-02 21:00", "2024-01-03 15:00", "2024-01-03 21:00", "2024-01-04 21:00"], tz="UTC"
).as_unit("ns")
DAYS = pd.DatetimeIndex(["2024-01-03", "2024-01-04"])


def result(*rows):
    names = ("time", "symbol", "kind", "amount")
    table = COSTS.frame([dict(zip(names, row, strict=True)) for row in rows])
    columns = dict.fromkeys(("cash", "gross_exposure", "net_exposure", "return"), 0.0)
    equity = pd.DataFrame({"time": TIMES, "equity": [100.0, 101.0, 200.0, 210.0], **columns})[list(EQUITY.columns)]
    kept = {item.name: item.empty() for item in (ORDERS, FILLS, TRADES, STOPS)}
    return RunResult(
        "test", "0" * 12, 100.0, "America/New_York", equity=equity, positions=pd.DataFrame(), costs=table, **kept
    )


ROWS = (
    (TIMES[1], "X", "commission", 1.0),
    (TIMES[2], "X", "commission", 2.0),
    (TIMES[3], "X", "slippage", 4.0),
    (TIMES[3], "", "cash_interest", -5.0),
)


def test_costs_of_a_session_are_a_share_of_the_account_before_it():
    found = session_costs(result(*ROWS), DAYS)
    assert list(found.columns) == list(KINDS)
    assert found["commission"].tolist() == [3.0 / 100.0, 0.0]  # the account at the first decision is the initial cash
    assert found["slippage"].tolist() == [0.0, 4.0 / 200.0]
    assert found["cash_interest"].tolist() == [0.0, -5.0 / 200.0]


def test_the_drag_is_the_mean_a_session_times_sessions_a_year():
    found = costs(result(*ROWS), DAYS, 252.0)
    assert found.money == {
        "commission": 3.0,
        "slippage": 4.0,
        "impact": 0.0,
        "short_interest": 0.0,
        "cash_interest": -5.0,
    }
    assert found.drag["commission"] == pytest.approx(0.03 / 2 * 252)
    assert found.drag["slippage"] == pytest.approx(0.02 / 2 * 252)
    assert (found.total, found.sessions) == (7.0, 2)
    assert found.total_drag == pytest.approx(0.05 / 2 * 252)


def test_a_run_without_costs_has_none():
    found = costs(result(), DAYS, 252.0)
    assert (found.total, found.total_drag, set(found.money)) == (0.0, 0.0, set(KINDS))
