"""The content of metrics.json: every number of a run with its formula, period and sample; null with a reason."""

import math
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from engine.backtest.account_returns import STRATEGY, Exposure
from risk.measures.base import Measured
from signals.evaluation.evaluate import Evaluation
from signals.evaluation.scores import FORMULAS

from .costs_paid import KINDS, UNKNOWN, Costs
from .formulas import DRAG, EXPOSURE, TOTAL
from .outcome import Outcome


def metrics(outcome: Outcome) -> dict[str, Any]:
    """The content of metrics.json: every number with its formula, period and sample; null with a reason.

    No time of the run, no path, no engine name: equal runs give equal files.
    """
    first, last = outcome.span
    return {
        "config_id": outcome.config_id,
        "symbols": list(outcome.market.trade),
        "benchmark": outcome.market.benchmark,
        "span": {
            "first_decision": first.isoformat(),
            "last_close": last.isoformat(),
            "first_session": f"{outcome.daily.index[0]:%F}",
            "last_session": f"{outcome.daily.index[-1]:%F}",
            "sessions": len(outcome.daily),
            "bars": len(outcome.result.equity),
            "folds": len(outcome.signals.folds),
        },
        "cash": outcome.result.cash,
        "final_equity": float(outcome.result.equity["equity"].iloc[-1]),
        "risk_free": outcome.risk_free,
        "risk_free_note": outcome.risk_free_note,
        "cash_interest": outcome.cash_interest,
        "periods_per_year": outcome.periods_per_year,
        "period": outcome.calendar.period,
        "holes": [{"last": f"{last:%F}", "next": f"{first:%F}"} for last, first in outcome.calendar.holes],
        "headline": [item.name for item in outcome.measures[STRATEGY]],
        "measures": {column: _measures(outcome, column) for column in outcome.measures},
        "var_exam": {column: exam.dump() for column, exam in outcome.exams.items()},
        "exposure": _exposure(outcome.exposure),
        "costs": _costs(outcome.costs),
        "orders": {**asdict(outcome.orders), "asked": outcome.orders.requested},
        "cap": asdict(outcome.cap),
        "stops": asdict(outcome.stops) if outcome.stops else None,
        "stops_reason": "" if outcome.stops else _why_no_stops(outcome),
        "trades": len(outcome.result.trades),
        "notes": list(outcome.notes),
        "data_warnings": list(outcome.market.warnings),
        "folds": len(outcome.signals.folds),
        "forecasts": _forecasts(outcome.evaluation),
        "forecasts_reason": outcome.why_no_forecasts,
        "constant_confidence": outcome.constant_confidence.dump() if outcome.constant_confidence else None,
        "constant_confidence_reason": "" if outcome.constant_confidence else "the confidence does not vary",
        "leak_checks": [check.dump() for check in outcome.checks],
        "verdict": {**_with_lists(asdict(outcome.verdict)), "beats": outcome.verdict.beats},
    }


def _with_lists(values: Mapping[str, Any]) -> dict[str, Any]:
    """A mapping as JSON gives it back: lists in the place of tuples, in inner mappings, too."""
    return {
        key: _with_lists(item) if isinstance(item, Mapping) else list(item) if isinstance(item, tuple) else item
        for key, item in values.items()
    }


def _why_no_stops(outcome: Outcome) -> str:
    return "no RiskBroker recorded a bracket" if outcome.is_recording else "the config has no risk.stop"


def _forecasts(evaluation: Evaluation | None) -> dict[str, Any] | None:
    """The evaluation over all folds; the folds' own scores are in folds.json."""
    if evaluation is None:
        return None
    return {**{key: value for key, value in evaluation.dump().items() if key != "folds"}, "formulas": dict(FORMULAS)}


def _measures(outcome: Outcome, column: str) -> dict[str, Any]:
    """Every measure of a column by its name; the strategy's headline ones with their intervals."""
    measures = {item.name: _measured(item) for item in outcome.measures[column]}
    if column == STRATEGY:
        for name, interval in outcome.intervals.items():
            measures[name]["interval"] = interval.dump()
    others = (item for items in outcome.further[column].values() for item in items)
    return {**measures, **{item.name: _measured(item) for item in others}}


def _measured(item: Measured) -> dict[str, Any]:
    return {key: value for key, value in item.dump().items() if key != "name"}


def _number(value: float, formula: str, unit: str, period: str, n: int) -> dict[str, Any]:
    return {"value": value, "reason": "", "flags": [], "formula": formula, "unit": unit, "period": period, "n": n}


def _exposure(exposure: Exposure) -> dict[str, Any]:
    return {
        key: _number(getattr(exposure, key), text, "fraction", "whole span", exposure.n)
        for key, text in EXPOSURE.items()
    }


def _costs(costs: Costs) -> dict[str, Any]:
    texts = {**KINDS, "total": TOTAL}
    money = {**costs.money, "total": costs.total}
    drag = {**costs.drag, "total": costs.total_drag}
    return {
        key: {
            **_cost(money[key], text, "money", "whole span", costs.fills),
            "drag": _cost(drag[key], DRAG, "fraction", "per year", costs.sessions),
        }
        for key, text in texts.items()
    }


def _cost(value: float, formula: str, unit: str, period: str, n: int) -> dict[str, Any]:
    """A number, or none with the reason: of a broker that keeps no record."""
    number = _number(value, formula, unit, period, n)
    return {**number, "value": None, "reason": UNKNOWN} if math.isnan(value) else number
