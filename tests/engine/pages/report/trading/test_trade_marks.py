"""Fills as marks, by hand and against the tables."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from engine.pages.report.trading.trade_marks import fill_kinds, marks


@pytest.fixture(scope="module")
def outcome(make_outcome):
    return make_outcome(bars=400, stop={"kind": "percent", "value": 0.01})


def test_kinds_by_hand(outcome):
    times = pd.date_range("2020-01-01", periods=6, tz="UTC")
    after = [2.0, 3.0, 1.0, -1.0, 0.0, 0.0]
    fills = pd.DataFrame(
        {
            "order_id": range(1, 7),
            "time": times,
            "symbol": [*["A"] * 5, "B"],
            "kind": "market",
            "size": [2.0, 1.0, -2.0, -2.0, 1.0, 1.0],
            "price": 10.0,
            "commission": 0.0,
            "position_after": after,
        }
    )
    orders = pd.DataFrame(
        {"order_id": range(1, 7), "decision": ["signal", "resize", "resize", "signal", "", ""], "trimmed": 0.0}
    )
    trades = pd.DataFrame(
        {"symbol": ["A", "A"], "exited_at": [times[3], times[4]], "pnl": [5.0, -1.0], "exit_reason": ["signal", "stop"]}
    )
    run = replace(outcome.result, fills=fills, orders=orders, trades=trades)
    found = fill_kinds(run, "A")
    assert found["kind"].tolist() == ["long", "resize", "resize", "short", "stop"]
    assert found["word"].tolist() == [
        "entry long (signal):",
        "added (resize):",
        "trimmed (resize):",
        "entry short (signal):",
        "stop (stop):",
    ]
    np.testing.assert_array_equal(found["gain"], [np.nan, np.nan, np.nan, 5.0, -1.0])


def test_every_fill_is_a_mark_at_its_bar_and_price(outcome):
    fills = fill_kinds(outcome.result, "X")
    bars = outcome.market.bars["X"]
    drawn = list(marks(fills, bars))
    assert sum(len(part.rows) for part in drawn) == len(outcome.result.fills)
    stops = next(part for part in drawn if part.label == "Stop")
    assert len(stops.rows) == (outcome.result.trades["exit_reason"] == "stop").sum()
    for part in drawn:
        for row, price in zip(part.rows, part.heights, strict=True):
            at = outcome.result.fills[outcome.result.fills["time"] == bars.times[row]]
            assert price in at["price"].to_numpy()


def test_gains_of_the_marks_are_those_of_the_closed_trades(outcome):
    gains = fill_kinds(outcome.result, "X")["gain"].dropna()
    closed = outcome.result.trades.dropna(subset="exited_at").groupby("exited_at")["pnl"].last()
    assert gains.sum() == pytest.approx(closed.sum())
