"""Remarks of a sweep for the reader of its results."""

from collections.abc import Iterator

import numpy as np

from core.types import Vector
from engine.ledger.settings import PriorTrials
from engine.results.run_notes import hole_notes
from engine.sweep.trials.plan import Plan
from engine.sweep.trials.ranking import TrialRanking
from risk.periods import calendar
from risk.returns import warnings_of

from .overfitting_tests import TrialSample


def sweep_notes(sweep_plan: Plan, ranking: TrialRanking, sample: TrialSample, prior: PriorTrials) -> list[str]:
    """The notes of a sweep with or without a winner."""
    return [
        *sweep_plan.market.notes,
        *_span_notes(sweep_plan),
        *hole_notes(calendar(sweep_plan.span.sessions, sweep_plan.config.measures.periods_per_year)),
        *_sample_notes(sweep_plan, ranking, sample),
        *_selection_notes(sweep_plan),
        *_engine_notes(sweep_plan),
        *_holdout_notes(sweep_plan, prior),
    ]


def late_start_notes(winner_returns: Vector) -> list[str]:
    """A note if the winner begins later than the shared span.

    Parameters
    ----------
    winner_returns : (D,) NaN in sessions before its first return.
    """
    missing = int(np.isnan(winner_returns).sum())
    if not missing:
        return []
    return [f"the winner has no returns in the first {missing} sessions of the shared span: they count as 0"]


def unreliable_notes(winner_returns: Vector, periods_per_year: float) -> list[str]:
    """Notes that ratios of the winner, and so of the trials, are unreliable.

    Parameters
    ----------
    winner_returns : (D,) NaN in sessions before its first return.
    """
    returns = winner_returns[~np.isnan(winner_returns)]
    texts = warnings_of(returns, periods_per_year)
    return [f"ratios and annual figures of the winner: {text}" for text in texts]


def _span_notes(sweep_plan: Plan) -> Iterator[str]:
    starts = {group.start for group in sweep_plan.groups.by_key.values() if group.start is not None}
    if len(starts) > 1:
        yield (
            f"trials begin on {len(starts)} different days; their own measures are of their own spans, the tests of "
            f"the span that all share, from {sweep_plan.span.sessions[0]:%F}"
        )


def _sample_notes(sweep_plan: Plan, ranking: TrialRanking, sample: TrialSample) -> Iterator[str]:
    if len(sweep_plan.summed) < sweep_plan.count:
        yield (
            f"PBO is of {len(sweep_plan.summed):,} of {sweep_plan.count:,} trials, chosen at random before the sweep"
        )
    if len(sweep_plan.with_returns) < sweep_plan.count:
        yield (
            f"superior ability, clusters and walk-forward selection are of {len(sweep_plan.with_returns):,} of "
            f"{sweep_plan.count:,} trials, chosen at random before the sweep"
        )
    without_returns = sample.left_out - int((ranking.status[sweep_plan.summed] == "invalid").sum())
    if without_returns:
        yield f"{without_returns} of {len(sweep_plan.summed)} trials have no returns over the shared span"


def _selection_notes(sweep_plan: Plan) -> Iterator[str]:
    for constraint in sweep_plan.spec.constraints:
        if constraint.measure.kind == "turnover":
            name = constraint.measure.name
            yield f"the walk-forward selection leaves out the constraint on {name}: returns do not tell it"
            return


def _engine_notes(sweep_plan: Plan) -> Iterator[str]:
    reasons = {group.backtrader_reason for group in sweep_plan.groups.by_key.values()}
    for reason in sorted(reasons - {""}):
        yield f"run on backtrader, some thousand times slower: {reason}"


def _holdout_notes(sweep_plan: Plan, prior: PriorTrials) -> Iterator[str]:
    holdout = sweep_plan.spec.holdout
    if holdout:
        uses = f"; they were {prior.holdout_uses}, and are no holdout any more" if prior.holdout_uses else ""
        yield f"bars after {holdout} were seen by no trial; the confirmation has opened them{uses}"
