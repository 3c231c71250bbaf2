"""The content of sweep.json: every number of a sweep that is not of a single trial."""

from dataclasses import asdict
from typing import Any

import numpy as np

from engine.backtest.account_returns import STRATEGY
from engine.sweep.space.dimensions import Dimension, table_cell
from engine.sweep.trials.plan import Plan
from risk.measure_set import ALWAYS
from risk.measures.base import Sample
from risk.periods import Year

from . import overfitting_tests
from .assess import SweepAssessment, WinnerTests
from .confirm import Confirmed
from .parameter_stability import Stability
from .walk_forward_selection import Selection


def sweep_numbers(assessment: SweepAssessment) -> dict[str, Any]:
    """A plain mapping for JSON, without the time of the run, any path, and the engine."""
    sweep_plan = assessment.plan
    spec = sweep_plan.spec
    return {
        "name": sweep_plan.config.name,
        "symbols": list(sweep_plan.market.trade),
        "benchmark": sweep_plan.market.benchmark,
        "method": spec.method,
        "space": {axis.path: _axis(axis) for axis in sweep_plan.axes},
        "objective": {"measure": spec.objective.measure.name, "direction": spec.objective.direction},
        "constraints": [
            f"{constraint.measure.name} {constraint.op} {constraint.value:g}" for constraint in spec.constraints
        ],
        "trials": {"all": sweep_plan.count, **assessment.ranking.counts},
        "groups": len(sweep_plan.groups.by_key),
        "span": _span(sweep_plan),
        "holdout": None if spec.holdout is None else spec.holdout.isoformat(),
        "holdout_uses": assessment.holdout_uses,
        "verdict": assessment.verdict.dump(),
        "winners": [_winner(assessment, winner) for winner in assessment.winners],
        "spot_checks": list(assessment.spot_checks),
        **_winner_tests(assessment.winner_tests, assessment.year),
        "notes": list(assessment.notes),
    }


def _axis(axis: Dimension) -> list[Any]:
    return [table_cell(value) for value in axis.representatives]


def _span(sweep_plan: Plan) -> dict[str, Any]:
    sessions = sweep_plan.span.sessions
    return {
        "first_session": f"{sessions[0]:%F}",
        "last_session": f"{sessions[-1]:%F}",
        "sessions": len(sessions),
        "blocks": sweep_plan.span.blocks,
    }


def _winner(assessment: SweepAssessment, winner: Confirmed) -> dict[str, Any]:
    metrics = winner.metrics
    measures = {} if metrics is None else metrics["measures"][STRATEGY]
    return {
        "trial": winner.number,
        "objective": float(assessment.ranking.objective[winner.number]),
        "final_value": float(assessment.ranking.final_value[winner.number]),
        "point": {path: table_cell(value) for path, value in winner.point.items()},
        "config_id": winner.config.id,
        "folder": f"winners/{winner.folder}",
        "intervals": {name: item["interval"] for name, item in measures.items() if item.get("interval")},
        "held_out": winner.held_out,
    }


def _winner_tests(winner_tests: WinnerTests | None, year: Year) -> dict[str, Any]:
    if winner_tests is None:
        return {"luck": None, "stress": None, "stability": None, "selection": None}
    selection = winner_tests.selection
    return {
        "luck": overfitting_tests.dump(winner_tests.overfitting),
        "stress": asdict(winner_tests.stress),
        "stability": _stability(winner_tests.stability),
        "selection": None if selection is None else selection_numbers(selection, year),
    }


def _stability(stability: Stability) -> dict[str, Any]:
    return {**asdict(stability), "neighbours": stability.neighbours.tolist()}


def selection_numbers(selection: Selection, year: Year) -> dict[str, Any]:
    """The results of the walk-forward selection."""
    sample = Sample(selection.returns, periods_per_year=year.periods, risk_free=year.risk_free)
    changes = int((np.diff(selection.chosen) != 0).sum())
    return {
        "judged_by": selection.judged_by,
        "blocks": len(selection.chosen),
        "changes": changes,
        "chosen": selection.chosen.tolist(),
        "measures": {measure.name: measure.of(sample).dump() for measure in ALWAYS},
    }
