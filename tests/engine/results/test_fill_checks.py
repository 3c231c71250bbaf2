"""L10 by hand: what a fill may and may not be."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from core.table_schemas import FILLS, ORDERS
from core.types import Bars, Market
from engine.results.fill_checks import execution
from risk.costs import BrokerSpec

TIMES = pd.date_range("2020-01-01 21:00", periods=6, tz="UTC").as_unit("ns")
OPEN = np.array([10.0, 11, 12, 13, 14, 15])
BARS = Bars("A", TIMES, OPEN, OPEN + 1, OPEN - 1, OPEN, np.ones(6))
MARKET = Market({"A": BARS}, ("A",), "A", "UTC")


@pytest.fixture(scope="module")
def outcome(make_outcome):
    return make_outcome()


def check(outcome, row=2, price=12.0, kind="market", **given):
    """The check of a run whose only fill is this one."""
    size, time = given.get("size", 1.0), given.get("time", TIMES[row])
    order = {
        "order_id": 1, "created_at": TIMES[1], "symbol": "A", "kind": kind, "side": "buy", "asked": size,
        "trimmed": 0.0, "filled": size, "price": price, "commission": 0.0, "status": "filled", "reason": "",
        "share_at_fill": 0.01,
    }  # fmt: skip
    fill = {
        "order_id": 1, "time": time, "symbol": "A", "kind": kind, "size": size, "price": price, "commission": 0.0,
        "position_after": size,
    }  # fmt: skip
    result = replace(outcome.result, orders=ORDERS.frame([order]), fills=FILLS.frame([fill]))
    return execution(result, MARKET, given.get("broker", BrokerSpec(slippage=0.0)))


def test_the_next_bar_inside_its_range_is_clean(outcome):
    assert check(outcome).status == "clean"
    assert check(outcome, price=13.0).status == "clean"
    assert check(outcome, kind="stop", row=4, price=13.5).status == "clean"


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"row": 1, "price": 11.0}, "no later than it was decided"),
        ({"row": 0, "price": 10.0}, "no later than it was decided"),
        ({"row": 3, "price": 13.0}, "not on the next bar"),
        ({"price": 13.5}, "outside the bar's 11 to 13"),
        ({"price": 10.5}, "outside the bar's 11 to 13"),
        ({"kind": "stop", "row": 1, "price": 11.0}, "no later than it was decided"),
        ({"time": TIMES[2] + pd.Timedelta("1h")}, "where the symbol has no bar"),
    ],
)
def test_what_could_not_have_happened_is_named(outcome, given, told):
    found = check(outcome, **given)
    assert found.status == "leak"
    assert told in found.detail
    assert "order 1 of A" in found.detail


def test_slippage_and_impact_are_taken_off_first(outcome):
    dear = BrokerSpec(slippage=0.01)
    assert check(outcome, price=13.0 * 1.01, broker=dear).status == "clean"
    assert check(outcome, price=13.0 * 1.02, broker=dear).status == "leak"
    assert check(outcome, price=11.0 * 0.99, size=-1.0, broker=dear).status == "clean"
    assert check(outcome, price=11.0 * 0.98, size=-1.0, broker=dear).status == "leak"
    impact = BrokerSpec.parse({"slippage": 0.0, "impact": {"kind": "volume_share", "coefficient": 0.1}})
    assert check(outcome, price=13.0 * 1.05, broker=impact).status == "clean"


def test_a_real_run_is_clean_and_an_idle_one_is_skipped(outcome):
    assert [each.status for each in outcome.checks if each.number == "L10"] == ["clean"]
    idle = replace(outcome.result, fills=outcome.result.fills.iloc[:0])
    assert execution(idle, outcome.market, BrokerSpec()).status == "skipped"
