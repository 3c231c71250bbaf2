"""The config blocks `risk` and what a broker keeps."""

import pytest
from pydantic import ValidationError

from risk.spec import FillRule, RiskSpec

STOP = {"kind": "percent", "value": 0.05}


def message(values):
    with pytest.raises(ValidationError) as caught:
        RiskSpec.parse(values)
    error = caught.value.errors()[0]
    return ".".join(str(part) for part in (*error["loc"], *error.get("ctx", {}).get("path", ()))), error["msg"]


def test_defaults_are_the_two_and_five_percent_rule_at_the_fill():
    defaults = RiskSpec().dump()
    limits = defaults.pop("limits")
    assert defaults == {
        "base": 0.02,
        "cap": 0.05,
        "mode": "notional",
        "cap_at": "fill",
        "stop": None,
        "take_profit": None,
        "resize": None,
    }
    assert limits.pop("resume_after") == 20
    assert limits.pop("min_order") == 0.0
    assert set(limits.values()) == {None}


def test_a_base_above_the_cap_is_legal():
    assert RiskSpec.parse({"base": 0.95, "cap": 0.05}).base == 0.95


@pytest.mark.parametrize("field", ["base", "cap"])
@pytest.mark.parametrize(
    ("value", "text"),
    [
        (2, "above 0 and at most 1; for 2 % write 0.02"),
        (2.5, "above 0 and at most 1; for 2.5 % write 0.025"),
        (250, "above 0 and at most 1"),
        (0, "above 0 and at most 1"),
        (-0.02, "above 0 and at most 1"),
        ("0.02", "valid number"),
        (True, "valid number"),
    ],
)
def test_shares_that_cannot_be_are_refused(field, value, text):
    location, problem = message({field: value})
    assert location == field
    assert text in problem


@pytest.mark.parametrize(
    ("values", "location", "text"),
    [
        ({"mode": "kelly"}, "mode", "'notional' or 'stop'"),
        ({"cap_at": "close"}, "cap_at", "'fill' or 'signal'"),
        (
            {"mode": "stop"},
            "stop",
            "mode stop sizes by the loss at the stop: add a stop, such as {kind: percent, value",
        ),
        (
            {"limits": {"open_risk": 0.06}},
            "limits.open_risk",
            "open_risk counts the losses at the stops: add risk.stop",
        ),
        (
            {"mode": "stop", "stop": STOP, "limits": {"open_risk": 0.01}},
            "limits.open_risk",
            "open_risk (0.01) lies below base (0.02): not even one position fits",
        ),
        ({"limits": {"gross": 0.04}}, "limits.gross", "gross (0.04) lies below cap (0.05): not even one position fits"),
        ({"limits": {"gross": 1.0, "net": 1.5}}, "limits.net", "net (1.5) lies above gross (1) and could never act"),
        ({"limits": {"gross": 0.5, "short": 0.8}}, "limits.short", "short (0.8) lies above gross (0.5)"),
        (
            {"limits": {"daily_loss": 0.3, "drawdown": 0.2}},
            "limits.daily_loss",
            "daily_loss (0.3) lies above drawdown (0.2) and could never act; lower daily_loss or remove it",
        ),
        ({"limits": {"gross": 150}}, "limits.gross", "above 0 and at most 10; for 150 % write 1.5"),
        ({"limits": {"daily_loss": 3}}, "limits.daily_loss", "between 0 and 1, both excluded; for 3 % write 0.03"),
        ({"limits": {"positions": 0}}, "limits.positions", "greater than 0"),
        ({"limits": {"resume_after": 0}}, "limits.resume_after", "greater than 0"),
        ({"limits": {"min_order": -1}}, "limits.min_order", "greater than or equal to 0"),
        ({"stop": {"kind": "percent", "value": 5}}, "stop.percent.value", "for 5 % write 0.05"),
        ({"stop": {"kind": "percent", "value": 1.0}}, "stop.percent.value", "between 0 and 1, both excluded"),
        ({"stop": {"kind": "percent", "value": -0.05}}, "stop.percent.value", "between 0 and 1"),
        ({"stop": {"kind": "atr", "multiple": 0}}, "stop.atr.multiple", "greater than 0"),
        ({"stop": {"kind": "fixed"}}, "stop", "'percent', 'atr', 'trail_percent', 'trail_atr'"),
        ({"take_profit": {"kind": "trail_percent", "value": 0.1}}, "take_profit", "'percent', 'atr'"),
        ({"resize": {"band": 0}}, "resize.band", "between 0 and 1"),
    ],
)
def test_what_cannot_be_or_contradicts_itself_is_refused(values, location, text):
    problem = message(values)
    assert problem[0] == location
    assert text in problem[1]


def test_what_a_broker_keeps_is_checked():
    assert FillRule().cap is None
    with pytest.raises(ValidationError, match=r"for 5 % write 0\.05"):
        FillRule(cap=5.0)
