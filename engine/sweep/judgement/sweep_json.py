"""What sweep.json holds: every number of a sweep that is not a trial's."""

from dataclasses import asdict
from typing import Any

import numpy as np

from engine.backtest.account_returns import STRATEGY
from engine.sweep.space.dimensions import table_cell
from risk.measure_set import ALWAYS
from risk.measures.base import Sample

from . import overfitting_tests
from .assess import SweepAssessment
from .confirm import Confirmed
from .walk_forward_selection import Selection


def dump(found: SweepAssessment) -> dict[str, Any]:
    """A plain mapping for JSON: no time of the run, no path, no engine."""
    plan, spec = found.plan, found.plan.spec
    days = plan.span.sessions
    return {
        "name": plan.config.name,
        "symbols": list(plan.market.trade),
        "benchmark": plan.market.benchmark,
        "method": spec.method,
        "space": {axis.path: _axis(axis) for axis in plan.axes},
        "objective": {"measure": spec.objective.measure.name, "direction": spec.objective.direction},
        "constraints": [f"{each.measure.name} {each.op} {each.value:g}" for each in spec.constraints],
        "trials": {"all": plan.count, **found.board.counts},
        "groups": len(plan.groups.by_key),
        "span": {
            "first_session": f"{days[0]:%F}",
            "last_session": f"{days[-1]:%F}",
            "sessions": len(days),
            "blocks": plan.span.blocks,
        },
        "holdout": None if spec.holdout is None else spec.holdout.isoformat(),
        "verdict": found.verdict.dump(),
        "winners": [_winner(found, each) for each in found.winners],
        "spot_checks": list(found.spot_checks),
        "luck": None if found.luck is None else overfitting_tests.dumped(found.luck),
        "stress": None if found.stress is None else asdict(found.stress),
        "stability": None if found.stability is None else _stability(found),
        "selection": None if found.selection is None else selection_numbers(found.selection, found.year),
        "notes": list(found.notes),
    }


def _axis(axis: Any) -> Any:
    return [table_cell(value) for value in axis.representatives]


def _winner(found: SweepAssessment, each: Confirmed) -> dict[str, Any]:
    number, metrics = each.number, each.metrics
    measures = {} if metrics is None else metrics["measures"][STRATEGY]
    return {
        "trial": number,
        "objective": float(found.board.objective[number]),
        "final_value": float(found.board.final_value[number]),
        "point": {path: table_cell(value) for path, value in each.point.items()},
        "config_id": each.config.id,
        "folder": f"winners/{each.folder}",
        "intervals": {name: item["interval"] for name, item in measures.items() if item.get("interval")},
        "held_out": each.held_out,
    }


def _stability(found: SweepAssessment) -> dict[str, Any]:
    each = found.stability
    assert each is not None  # noqa: S101 - asked only where there is one
    return {**asdict(each), "neighbours": each.neighbours.tolist()}


def selection_numbers(selection: Selection, year: tuple[float, float]) -> dict[str, Any]:
    """What the walk-forward selection earned."""
    sample = Sample(selection.returns, periods_per_year=year[0], risk_free=year[1])
    changes = int((np.diff(selection.chosen) != 0).sum())
    return {
        "judged_by": selection.judged_by,
        "blocks": len(selection.chosen),
        "changes": changes,
        "chosen": selection.chosen.tolist(),
        "measures": {measure.name: measure.of(sample).dump() for measure in ALWAYS},
    }
