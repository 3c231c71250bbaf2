"""From finished trials to a verdict: confirmed, tested, stressed; one frozen object that page and terminal read."""

from collections.abc import Mapping
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from core.clock import sessions
from core.errors import WorkbenchError
from core.progress import ProgressCallback
from core.types import Vector
from engine.audit.battery import audit
from engine.audit.trading_tests import one_bar_late
from engine.backtest.account_returns import STRATEGY, benchmark_returns, daily_returns
from engine.backtest.bt import engine
from engine.backtest.engine_output import BacktestInput
from engine.results.outcome import per_period
from engine.run_folder.verdict_cache import keep, recall
from engine.sweep.space.space_check import trial_config
from engine.sweep.storage.trial_registry import PriorTrials
from engine.sweep.trials.plan import Plan
from engine.sweep.trials.ranking import TrialRanking
from risk.costs import BrokerSpec
from risk.periods import periods_per_year

from . import overfitting_tests as luck
from . import sweep_verdict
from .confirm import Confirmation, Confirmed
from .overfitting_tests import OverfittingTests, TrialSample
from .parameter_stability import Stability, stability
from .sweep_verdict import Stress, SweepVerdict
from .walk_forward_selection import Selection, select

if TYPE_CHECKING:
    from engine.config.run_config import RunConfig

YEAR = 252
"""Sessions after which a rule, which has no test windows, may be chosen anew."""


@dataclass(frozen=True, eq=False)
class SweepAssessment:
    """All that a sweep has to say.

    Attributes
    ----------
    label : its folder's name.
    plan, board : what was tried and what came of it.
    winners : the best trials, confirmed, the best first; empty where none can be chosen.
    spot_checks : numbers of further trials that were compared with backtrader.
    sample : what was kept of the trials chosen beforehand.
    benchmark : (D,) its returns over the shared span.
    luck, stability, selection, stress : of the winner; None where there is none.
    verdict : what may be said.
    year : sessions in a year, and the annual risk-free rate.
    notes : what is worth knowing.
    asked : the points of ``tpe`` by trial; empty for other methods, whose points follow from their numbers.
    """

    label: str
    plan: Plan
    board: TrialRanking
    winners: tuple[Confirmed, ...]
    spot_checks: tuple[int, ...]
    sample: TrialSample
    benchmark: Vector
    luck: OverfittingTests | None
    stability: Stability | None
    selection: Selection | None
    stress: Stress | None
    verdict: SweepVerdict
    year: tuple[float, float]
    notes: tuple[str, ...]
    asked: Mapping[int, Mapping[str, Any]]

    @property
    def winner(self) -> Confirmed:
        """The best trial."""
        return self.winners[0]


def assess(
    label: str,
    confirmation: Confirmation,
    earlier: PriorTrials,
    folder: Path,
    pool: Executor | None,
    on_progress: ProgressCallback,
) -> SweepAssessment:
    """Confirm the best trials, and say how far to believe them.

    Parameters
    ----------
    label : the sweep's folder name.
    earlier : trials of other sweeps.
    folder : where winners' run folders go.
    pool : where measures are worked out.

    Raises
    ------
    ConfirmationError
        backtrader gives something else.
    """
    plan, board = confirmation.plan, confirmation.board
    found = [confirmation.compared(number) for number in board.best(plan.spec.confirm)]
    spots = confirmation.spot_checks([each.number for each in found])
    for number in spots:
        confirmation.compared(number)
    sample = luck.sample_trials(plan, confirmation.records)
    free = plan.config.measures.risk_free
    year = (periods_per_year(plan.span.sessions, plan.config.measures.periods_per_year), free)
    common: dict[str, Any] = {"label": label, "plan": plan, "board": board, "spot_checks": tuple(spots)}
    asked = {} if plan.points else {number: confirmation.point(number) for number in range(plan.count)}
    common |= {
        "asked": asked,
        "sample": sample,
        "year": year,
        "notes": tuple(_notes(plan, board, sample)),
    }
    if not found:
        verdict = sweep_verdict.without_winner(board.counts, bool(plan.spec.constraints))
        nothing: Any = dict.fromkeys(("luck", "stability", "selection", "stress"))
        return SweepAssessment(
            winners=(), benchmark=np.zeros(len(plan.span.sessions)), verdict=verdict, **nothing, **common
        )
    best = found[0]
    winner, benchmark = _shared(plan, best, STRATEGY), _benchmark(plan)
    late = int(np.isnan(winner).sum())
    if late:
        common["notes"] += (
            f"the winner has no returns in the first {late} sessions of the shared span: they count as 0",
        )
        winner = np.nan_to_num(winner)
    numbers = luck.run_overfitting_tests(
        plan, board, sample, earlier, winner, benchmark, (year[0], per_period(free, year[0]))
    )
    stress = _stress(plan, best)
    verdict = _verdict(sweep_verdict.by_numbers(numbers, stress), best, plan, on_progress)
    return SweepAssessment(
        winners=tuple(confirmation.saved(each, folder, pool) for each in found),
        benchmark=benchmark,
        luck=numbers,
        stability=stability(plan, best.number, board.objective, confirmation.point),
        selection=_selection(confirmation, sample, year),
        stress=stress,
        verdict=verdict,
        **common,
    )


def _benchmark(plan: Plan) -> Vector:
    """The benchmark's returns over the span that all trials share."""
    market = plan.market
    found = benchmark_returns(market.bars[market.benchmark], plan.span.start, plan.span.sessions, market.zone)
    return np.asarray(found, dtype=np.float64)


def _shared(plan: Plan, found: Confirmed, column: str) -> Vector:
    """Returns over the span that all trials share."""
    return np.asarray(found.daily[column].reindex(plan.span.sessions), dtype=np.float64)


def _verdict(
    tests: tuple[sweep_verdict.VerdictTest, ...], best: Confirmed, plan: Plan, on_progress: ProgressCallback
) -> SweepVerdict:
    """The gate; the leak battery is asked for what it said, or run if everything else was passed."""
    known = recall(best.config.id)
    if known is None and all(test.passed for test in tests):
        found = audit(best.config, plan.market, on_progress=on_progress)
        known = found.dump()
        keep(known)
    clean = None if known is None else not any(check["status"] == "leak" for check in known["checks"])
    return sweep_verdict.judged((*tests, sweep_verdict.leak_test("" if known is None else known["verdict"], clean)))


def _stress(plan: Plan, best: Confirmed) -> Stress:
    """The winner with doubled costs, and with every decision a bar late."""
    dear = best.config.model_copy(update={"broker": _doubled(best.config.broker)})
    return Stress(
        doubled_costs=_earned(plan, dear, best.signals.frame),
        one_bar_late=_earned(plan, best.config, one_bar_late(best.signals.frame)),
    )


def _doubled(broker: BrokerSpec) -> BrokerSpec:
    """A broker whose every cost is twice as high; a rate stays below 1."""
    rates = {name: min(2 * getattr(broker, name), 0.99) for name in ("commission", "slippage", "short_interest")}
    fees = {name: 2 * getattr(broker, name) for name in ("commission_per_unit", "commission_minimum")}
    impact = broker.impact and broker.impact.model_copy(update={"coefficient": 2 * broker.impact.coefficient})
    return broker.model_copy(update={**rates, **fees, "impact": impact})


def _earned(plan: Plan, config: "RunConfig", frame: Any) -> float | None:
    task = BacktestInput.of(plan.market, frame, config.strategy, config.risk, config.broker, config.id)
    value = engine.run_task(task, solvent=False).equity["equity"]
    return None if (value <= 0).any() else float(value.iloc[-1] / config.broker.cash - 1.0)


def _selection(confirmation: Confirmation, sample: TrialSample, year: tuple[float, float]) -> Selection | None:
    """Walk-forward selection among the trials whose returns were kept; None where there is nothing to choose from."""
    plan = confirmation.plan
    if sample.returns.shape[1] < 2:
        return None
    window = plan.config.walk_forward.test if plan.config.walk_forward else YEAR
    exposures: dict[int, Any] = {}

    def held(number: int, day: int) -> float:
        """What closing or opening a trial's position before a session costs, a fraction of the account."""
        if number < 0:
            return 0.0 if default is None else _exposed(default, day)
        if number not in exposures:
            exposures[number] = confirmation.compared(number)
        return _exposed(exposures[number], day)

    def _exposed(found: Confirmed, day: int) -> float:
        broker, before = found.config.broker, plan.span.sessions[day - 1]
        equity = found.result.equity
        days = sessions(pd.DatetimeIndex(equity["time"]), found.result.zone)
        known = equity["gross_exposure"][np.asarray(days <= before)]
        return float(known.iloc[-1]) * (broker.commission + broker.slippage) if len(known) else 0.0

    default = _as_it_stands(confirmation)
    flat = np.zeros(len(plan.span.sessions)) if default is None else _shared(plan, default, STRATEGY)
    flat = np.nan_to_num(flat)  # where it begins later than the others, it is cash until then
    return select(
        plan.spec,
        np.ascontiguousarray(sample.returns.T),
        sample.kept,
        flat,
        window,
        year,
        lambda before, after, day: held(before, day) + held(after, day),
    )


def _as_it_stands(confirmation: Confirmation) -> Confirmed | None:
    """The config without any point, where the sweep has trained its signals; else None, which is cash."""
    plan = confirmation.plan
    config = trial_config(plan.config, {})
    for group in plan.groups.by_key.values():
        if (
            group.config is not None
            and group.config.signals == config.signals
            and type(group.config.strategy) is type(config.strategy)
        ):
            try:
                signals = confirmation.shop.signals(group)
                task = BacktestInput.of(
                    plan.market, signals.frame, config.strategy, config.risk, config.broker, config.id
                )
                result = engine.run_task(task)
            except WorkbenchError:
                return None
            return Confirmed(-1, {}, config, signals, result, daily_returns(result, plan.market))
    return None


def _notes(plan: Plan, board: TrialRanking, sample: TrialSample) -> list[str]:
    notes = list(plan.market.notes)
    starts = {group.start for group in plan.groups.by_key.values() if group.start is not None}
    if len(starts) > 1:
        notes.append(
            f"trials begin on {len(starts)} different days; their own measures are of their own spans, the tests of "
            f"the span that all share, from {plan.span.sessions[0]:%F}"
        )
    if len(plan.summed) < plan.count:
        notes.append(f"PBO is of {len(plan.summed):,} of {plan.count:,} trials, chosen at random before the sweep")
    if len(plan.with_returns) < plan.count:
        notes.append(
            f"superior ability, clusters and walk-forward selection are of {len(plan.with_returns):,} of "
            f"{plan.count:,} trials, chosen at random before the sweep"
        )
    lost = sample.left_out - int((board.status[plan.summed] == "invalid").sum())
    if lost:
        notes.append(f"{lost} of {len(plan.summed)} trials have no returns over the shared span")
    told = [each.measure.name for each in plan.spec.constraints if each.measure.kind == "turnover"]
    if told:
        notes.append(f"the walk-forward selection leaves out the constraint on {told[0]}: returns do not tell it")
    slow = sorted({group.backtrader_reason for group in plan.groups.by_key.values() if group.backtrader_reason})
    notes += [f"run on backtrader, some thousand times slower: {reason}" for reason in slow]
    if plan.spec.holdout:
        notes.append(f"bars after {plan.spec.holdout} were seen by no trial; the confirmation has opened them")
    return notes
