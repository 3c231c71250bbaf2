"""Orders counted, the cap checked, and what stops missed, worked by hand."""

import numpy as np
import pandas as pd
import pytest

from core.table_schemas import COSTS, EQUITY, FILLS, ORDERS, STOPS, TRADES
from core.types import Bars, Market, RunResult
from engine.results.order_audit import check_cap, check_stops, close_shares, count_orders

TIMES = pd.DatetimeIndex(["2024-01-02", "2024-01-03", "2024-01-04"], tz="UTC").as_unit("ns")


def orders(*rows):
    base = dict.fromkeys(ORDERS.columns, 0) | {
        "created_at": TIMES[0],
        "symbol": "X",
        "side": "buy",
        "reason": "",
        "decision": "",
    }
    return ORDERS.frame([{**base, "kind": "market", "status": "completed", "decision": "", **row} for row in rows])


def test_orders_are_counted_by_status_and_reason():
    found = count_orders(
        orders(
            {},
            {"status": "margin", "reason": "no cash: 3 lacking"},
            {"reason": "cap at the fill: 3 of 4 units fit", "trimmed": 1.0},
            {"kind": "stop", "status": "cancelled", "reason": "its position was closed", "trimmed": -1.0},
            {"kind": "limit"},
        )
    )
    assert found.by_status == {"cancelled": 1, "completed": 3, "margin": 1}
    assert found.by_reason == {"no cash": 1}
    assert found.trimmed_by == {"cap at the fill": 1}
    assert found.brackets == {"limit completed": 1, "stop cancelled": 1}
    assert (found.requested, found.trimmed) == (5, 1)


def run(shares, sizes, after, held, equity):
    ids = range(1, len(shares) + 1)
    fill = dict.fromkeys(FILLS.columns, 0) | {"time": TIMES[1], "symbol": "X", "kind": "market"}
    table = [
        {**fill, "order_id": i, "size": size, "position_after": left}
        for i, size, left in zip(ids, sizes, after, strict=True)
    ]
    columns = dict.fromkeys(("cash", "gross_exposure", "net_exposure", "return"), 0.0)
    kept = {item.name: item.empty() for item in (TRADES, COSTS, STOPS)}
    return RunResult(
        "test",
        "0" * 12,
        100.0,
        "UTC",
        equity=pd.DataFrame({"time": TIMES, "equity": equity, **columns})[list(EQUITY.columns)],
        positions=pd.DataFrame({"X": held}, index=TIMES),
        orders=orders(*({"order_id": i, "share_at_fill": share} for i, share in zip(ids, shares, strict=True))),
        fills=FILLS.frame(table),
        **kept,
    )


def market(closes):
    frame = pd.DataFrame(dict.fromkeys(("open", "high", "low", "close", "volume"), closes), index=TIMES)
    return Market({"X": Bars.of("X", frame)}, ("X",), "X", "UTC")


def test_only_fills_that_open_or_add_can_break_the_cap():
    # A reduction from 9 % to 7 % stays above a cap of 5 %: no breach. The sale short of 6 % is one.
    result = run([0.05, 0.07, 0.06], [5.0, -2.0, -6.0], [5.0, 7.0, -6.0], [0.0, 5.0, -6.0], [100.0, 100.0, 100.0])
    found = check_cap(result, market([1.0, 1.0, 2.0]), 0.05)
    assert (found.opening, found.breaches, found.largest) == (2, 1, 0.06)
    assert (found.largest_close, found.closes_above) == (0.12, 1)


def test_a_share_above_the_cap_by_rounding_is_no_breach():
    result = run([0.05 * (1 + 1e-15)], [5.0], [5.0], [0.0, 5.0, 5.0], [100.0] * 3)
    assert check_cap(result, market([1.0, 1.0, 1.0]), 0.05).breaches == 0


def test_a_run_without_fills_has_no_largest_share():
    result = run([], [], [], [0.0] * 3, [100.0] * 3)
    found = check_cap(result, market([1.0] * 3), 0.05)
    assert (found.opening, found.breaches, found.largest, found.largest_close) == (0, 0, None, None)


def test_shares_at_the_closes():
    result = run([], [], [], [0.0, -5.0, 5.0], [100.0, 50.0, 200.0])
    assert close_shares(result, market([1.0, 2.0, 3.0])).ravel().tolist() == [0.0, 0.2, 0.075]


def stops(*rows):
    base = {"order_id": 1, "symbol": "X", "entered_at": TIMES[0], "size": 10.0, "entry_price": 100.0}
    none = {"stop_price": 95.0, "bar_extreme": 97.0, "bar_close": 99.0, "stopped_at": pd.NaT}
    unhit = dict.fromkeys(("stopped_size", "trigger", "quoted"), np.nan)
    return STOPS.frame([{**base, **none, **unhit, **row} for row in rows])


def test_what_the_entry_bar_missed():
    found = check_stops(
        stops(
            {},
            {"bar_extreme": 90.0, "bar_close": 96.0},  # went beyond and came back: no loss at the close
            {"bar_extreme": 92.0, "bar_close": 93.0},
            {"size": -10.0, "stop_price": 105.0, "bar_extreme": 106.0, "bar_close": 105.5},
        )
    )
    assert (found.entries, found.unprotected, found.stopped) == (4, 3, 0)
    assert found.unprotected_loss == pytest.approx(20.0 + 5.0)
    assert found.worst_unprotected == pytest.approx(50.0)


def test_what_gaps_cost_beyond_the_stop():
    hit = {"stopped_at": TIMES[2], "stopped_size": -8.0, "trigger": 95.0}
    found = check_stops(
        stops(
            {**hit, "quoted": 95.0},
            {**hit, "quoted": 91.0},
            {**hit, "size": -10.0, "stopped_size": 10.0, "trigger": 105.0, "quoted": 108.0},
            {},
        )
    )
    assert (found.stopped, found.gapped) == (3, 2)
    assert found.gap_loss == pytest.approx(8 * 4.0 + 10 * 3.0)


def test_no_stops_missed_nothing():
    assert check_stops(STOPS.empty()).unprotected_loss == 0.0
