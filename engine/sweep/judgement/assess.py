"""From finished trials to a verdict: the best trials confirmed and tested."""

from collections.abc import Mapping
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Any

import numpy as np

from core.progress import ProgressCallback
from core.types import Vector
from engine.audit.battery import audit
from engine.backtest.account_returns import benchmark_returns
from engine.run_folder import verdict_cache
from engine.sweep.session import SweepSession
from engine.sweep.trials.plan import Plan
from engine.sweep.trials.ranking import TrialRanking
from risk.periods import Year

from . import sweep_verdict
from .confirm import Confirmation, Confirmed
from .notes import late_start_notes, sweep_notes, unreliable_notes
from .overfitting_tests import OverfittingTests, TrialSample, net_of, run_overfitting_tests, sample_trials
from .parameter_stability import Stability, stability
from .stress import Stress, stress_test
from .sweep_verdict import SweepVerdict
from .untraded import or_untraded, untraded
from .walk_forward_selection import Selection, select_walk_forward


@dataclass(frozen=True, eq=False)
class WinnerTests:
    """Tests of the best trial of a sweep.

    Attributes
    ----------
    overfitting : of the winner among all trials.
    stability : the winner among its neighbours.
    stress : the winner under worse conditions.
    selection : walk-forward selection among the trials; None where there are fewer than two to choose from.
    """

    overfitting: OverfittingTests
    stability: Stability
    stress: Stress
    selection: Selection | None


@dataclass(frozen=True, eq=False)
class SweepAssessment:
    """The results of a sweep, as its page, its sweep.json and the terminal show them.

    Attributes
    ----------
    label : its folder's name.
    plan, ranking : the trials and their results.
    winners : the best trials, confirmed, the best first; empty where none can be chosen.
    spot_checks : numbers of further trials that were compared with backtrader.
    sample : returns of the trials that were selected beforehand.
    benchmark : (D,) its returns over the shared span.
    winner_tests : of the best trial; None where there is none.
    verdict : the conclusion.
    holdout_uses : uses of the holdout before this sweep, in words; empty if there were none.
    year : sessions in a year, and the annual risk-free rate.
    notes : remarks for the reader.
    sequential_points : the points of ``tpe`` by trial; empty for other methods, whose points follow from their numbers.
    """

    label: str
    plan: Plan
    ranking: TrialRanking
    winners: tuple[Confirmed, ...]
    spot_checks: tuple[int, ...]
    sample: TrialSample
    benchmark: Vector
    winner_tests: WinnerTests | None
    verdict: SweepVerdict
    holdout_uses: str
    year: Year
    notes: tuple[str, ...]
    sequential_points: Mapping[int, Mapping[str, Any]]

    @property
    def winner(self) -> Confirmed:
        """The best trial."""
        return self.winners[0]


def assess(session: SweepSession, confirmation: Confirmation, pool: Executor | None) -> SweepAssessment:
    """Confirm the best trials, test them, and save their run folders.

    Parameters
    ----------
    pool : computes measures; None computes them here.

    Raises
    ------
    ConfirmationError
        backtrader's result differs.
    """
    sweep_plan = session.plan
    ranking = confirmation.ranking
    winners = [confirmation.compare(number) for number in ranking.best(sweep_plan.spec.confirm)]
    spot_checks = confirmation.spot_checks([winner.number for winner in winners])
    for number in spot_checks:
        confirmation.compare(number)
    sample = sample_trials(sweep_plan, session.trial_store)
    year = Year(session.sessions_per_year, sweep_plan.config.risk_free)
    notes = sweep_notes(sweep_plan, ranking, sample, session.prior)
    benchmark = np.zeros(len(sweep_plan.span.sessions))
    winner_tests = None
    verdict = sweep_verdict.without_winner(ranking.counts, bool(sweep_plan.spec.constraints))
    if winners:
        winner_returns = winners[0].returns_over(sweep_plan.span.sessions)
        notes += [*late_start_notes(winner_returns), *unreliable_notes(winner_returns, year.periods)]
        benchmark = _benchmark(sweep_plan)
        winner_tests = _test_winner(session, confirmation, winners[0], sample, benchmark, year)
        verdict = _verdict(winner_tests, winners[0], sweep_plan, confirmation.runner.on_progress)
        verdict = sweep_verdict.with_holdout_uses(verdict, session.prior.holdout_uses)
    return SweepAssessment(
        label=session.label,
        plan=sweep_plan,
        ranking=ranking,
        winners=tuple(confirmation.save(winner, pool) for winner in winners),
        spot_checks=tuple(spot_checks),
        sample=sample,
        benchmark=benchmark,
        winner_tests=winner_tests,
        verdict=verdict,
        holdout_uses=session.prior.holdout_uses,
        year=year,
        notes=tuple(notes),
        sequential_points=_sequential_points(sweep_plan, confirmation),
    )


def _test_winner(
    session: SweepSession,
    confirmation: Confirmation,
    winner: Confirmed,
    sample: TrialSample,
    benchmark: Vector,
    year: Year,
) -> WinnerTests:
    sweep_plan = session.plan
    ranking = confirmation.ranking
    returns = or_untraded(winner.returns_over(sweep_plan.span.sessions), sweep_plan)
    tested_year = year
    tested_sample = sample
    interest = _interest(sweep_plan)
    if interest is not None:  # results are tested net of it, session by session, and so against a rate of 0
        tested_sample = sample.net_of(interest, max(year.rate, 0.0))
        returns = net_of(returns, interest)
        benchmark = net_of(benchmark, interest)
        tested_year = Year(year.periods, 0.0)
    return WinnerTests(
        overfitting=run_overfitting_tests(
            sweep_plan, ranking, tested_sample, session.prior, returns, benchmark, tested_year
        ),
        stress=stress_test(sweep_plan.market, winner.config, winner.signals.frame),
        stability=stability(
            sweep_plan, winner.number, ranking.objective, confirmation.point, ranking.equals(winner.number)
        ),
        selection=select_walk_forward(confirmation, sample, year),
    )


def _interest(sweep_plan: Plan) -> Vector | None:
    """(D,) what cash earned, where that is more than the stated risk-free rate; None where the rate counts."""
    config = sweep_plan.config
    return untraded(sweep_plan) if config.broker.cash_yield > config.measures.risk_free else None


def _benchmark(sweep_plan: Plan) -> Vector:
    """(D,) the benchmark's returns over the span that all trials share."""
    market = sweep_plan.market
    span = sweep_plan.span
    returns = benchmark_returns(market, span.start, span.sessions, market.zone, untraded(sweep_plan))
    return np.asarray(returns, dtype=np.float64)


def _verdict(
    winner_tests: WinnerTests, winner: Confirmed, sweep_plan: Plan, on_progress: ProgressCallback
) -> SweepVerdict:
    """The verdict; an earlier result of the leak battery is used, else it is run if every other test was passed."""
    tests = sweep_verdict.numeric_tests(
        winner_tests.overfitting, winner_tests.stress, sweep_plan.market.benchmark_in_words
    )
    audit_result = verdict_cache.recall(winner.config.id)
    if audit_result is None and all(test.passed for test in tests):
        audit_result = audit(winner.config, sweep_plan.market, on_progress=on_progress).dump()
        verdict_cache.keep(audit_result)
    if audit_result is None:
        return sweep_verdict.conclude((*tests, sweep_verdict.leak_test("", None)))
    is_clean = not any(check["status"] == "leak" for check in audit_result["checks"])
    return sweep_verdict.conclude((*tests, sweep_verdict.leak_test(audit_result["verdict"], is_clean)))


def _sequential_points(sweep_plan: Plan, confirmation: Confirmation) -> dict[int, Mapping[str, Any]]:
    if sweep_plan.points is not None:
        return {}
    return {number: confirmation.point(number) for number in range(sweep_plan.count)}
