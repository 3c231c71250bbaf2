"""How much of what a sweep found is luck: the numbers behind its verdict."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from core.digests import seed_of
from core.errors import DataError, WorkbenchError
from core.types import Matrix, Rows, Vector
from engine.sweep.storage.trial_registry import PriorTrials, pooled_variance
from engine.sweep.storage.trial_store import TrialStore
from engine.sweep.trials.plan import Plan
from engine.sweep.trials.ranking import TrialRanking
from risk.measures.base import Estimate
from risk.overfitting import (
    BlockSums,
    EffectiveTrials,
    Pbo,
    Spa,
    against_cash,
    at_equal_volatility,
    deflated_sharpe,
    effective_trials,
    expected_maximum,
    minimum_backtest_length,
    minimum_track_record_length,
    pbo_of_blocks,
    probabilistic_sharpe,
    spa,
)


@dataclass(frozen=True, eq=False)
class TrialSample:
    """Of the trials that were chosen beforehand, what the tests need.

    Attributes
    ----------
    sums : over the blocks of time, of the trials ``summed``.
    returns : (D, R) daily, of the trials ``kept``.
    left_out : trials chosen for the sums that have none: failed, ruined, or beginning later than the others.
    """

    sums: BlockSums | None
    summed: Rows
    returns: Matrix
    kept: Rows
    left_out: int


def sample_trials(plan: Plan, records: TrialStore) -> TrialSample:
    """Read what was kept of the trials."""
    parts = [part for part in records.all() if len(part.summed)]
    if not parts:
        none = np.empty(0, dtype=np.int64)
        return TrialSample(None, none, np.empty((len(plan.span.sessions), 0)), none, len(plan.summed))
    summed = np.concatenate([part.summed for part in parts])
    total, squares = (np.concatenate([getattr(part, name) for part in parts]) for name in ("total", "squares"))
    order = np.argsort(summed)
    whole = order[np.isfinite(total[order]).all(axis=1)]
    sums = BlockSums(np.diff(plan.span.edges), total[whole], squares[whole]) if len(whole) > 1 else None
    kept, returns = np.concatenate([p.with_returns for p in parts]), np.concatenate([p.returns for p in parts])
    order = np.argsort(kept)
    finite = order[np.isfinite(returns[order]).all(axis=1)]
    left_out = len(plan.summed) - len(whole)
    return TrialSample(sums, summed[whole], np.ascontiguousarray(returns[finite].T), kept[finite], left_out)


@dataclass(frozen=True, eq=False)
class OverfittingTests:
    """What the tests say of a sweep and its winner; Sharpe ratios per observation unless it is said otherwise.

    Attributes
    ----------
    scored, earlier : trials of this sweep that were run, and others on the same data.
    effective : clusters of trials; None where their returns do not vary.
    variance : of all trials' Sharpe ratios.
    sharpe : of the winner, over the shared span.
    threshold : the Sharpe ratio to expect of the best of as many trials without skill.
    probabilistic, deflated, deflated_effective : probabilities that the winner's true ratio is above 0, above the
        threshold, and above that of the clusters.
    track : the least number of returns that tells the winner's ratio from 0.
    backtest : the least number of years in which the best of as many trials without skill shows the winner's ratio.
    pbo : None where there are too few trials.
    cash, benchmark : superior ability against cash and against the benchmark, at equal volatility.
    observations, per_year : returns in the shared span, and in a year.
    """

    scored: int
    earlier: int
    effective: EffectiveTrials | None
    variance: float
    sharpe: float
    threshold: float
    probabilistic: Estimate
    deflated: Estimate
    deflated_effective: Estimate | None
    track: Estimate
    backtest: Estimate
    pbo: Pbo | None
    cash: Spa
    benchmark: Spa
    observations: int
    per_year: float

    @property
    def trials(self) -> int:
        """All that were ever scored on these data."""
        return max(self.scored + self.earlier, 1)


def run_overfitting_tests(
    plan: Plan,
    board: TrialRanking,
    sample: TrialSample,
    earlier: PriorTrials,
    winner: Vector,
    benchmark: Vector,
    year: tuple[float, float],
) -> OverfittingTests:
    """Put a sweep and its winner to the tests.

    Parameters
    ----------
    winner, benchmark : (D,) returns over the shared span.
    year : sessions in a year, and the risk-free rate of a session.
    """
    per_year, rate = year
    scored = int(np.isin(board.status, ("done", "ruined", "failed")).sum())
    sharpes = board.sharpe / np.sqrt(per_year)
    variance, trials = pooled_variance(sharpes, earlier), max(scored + earlier.trials, 1)
    excess = winner - rate
    spread = float(excess.std(ddof=1))
    sharpe = float(excess.mean() / spread) if spread > 0 else 0.0
    clusters = _clusters(sample)
    seed = seed_of(plan.config.seed, "superior ability")
    spec = plan.spec.overfitting
    table = sample.returns if sample.returns.shape[1] else winner[:, None]
    return OverfittingTests(
        scored=scored,
        earlier=earlier.trials,
        effective=clusters,
        variance=variance,
        sharpe=sharpe,
        threshold=expected_maximum(trials, variance),
        probabilistic=probabilistic_sharpe(excess),
        deflated=deflated_sharpe(excess, trials, variance),
        deflated_effective=None if clusters is None else deflated_sharpe(excess, clusters.count, clusters.variance),
        track=minimum_track_record_length(excess),
        backtest=minimum_backtest_length(trials, sharpe * np.sqrt(per_year)),
        pbo=None if sample.sums is None else pbo_of_blocks(sample.sums),
        cash=spa(against_cash(table, rate), reps=spec.reps, seed=seed % 2**32),
        benchmark=_against(benchmark, table, rate, spec.reps, seed % 2**32),
        observations=len(winner),
        per_year=per_year,
    )


def _against(benchmark: Vector, table: Matrix, rate: float, reps: int, seed: int) -> Spa:
    """The test against a benchmark; untested against one that does not vary, which is no reason to lose a sweep."""
    try:
        return spa(at_equal_volatility(table, benchmark, rate), reps=reps, seed=seed)
    except DataError as error:
        return Spa(None, None, None, None, None, None, None, reps, reason=str(error))


def _clusters(sample: TrialSample) -> EffectiveTrials | None:
    try:
        return effective_trials(sample.returns) if sample.returns.shape[1] else None
    except WorkbenchError:  # none of the trials' returns varies
        return None


def dumped(luck: OverfittingTests) -> dict[str, Any]:
    """For sweep.json: every number with what it is."""
    year = np.sqrt(luck.per_year)
    clusters = luck.effective
    return {
        "trials": {"scored": luck.scored, "earlier": luck.earlier, "all": luck.trials},
        "effective_trials": None if clusters is None else {"count": clusters.count, "notes": list(clusters.notes)},
        "observations": luck.observations,
        "periods_per_year": luck.per_year,
        "sharpe": {"value": luck.sharpe * year, "period": "per year", "of": "the winner, over the shared span"},
        "expected_maximum_sharpe": {"value": luck.threshold * year, "period": "per year"},
        "sharpe_variance": {"value": luck.variance * luck.per_year, "period": "per year"},
        "probabilistic_sharpe": _estimate(luck.probabilistic),
        "deflated_sharpe": _estimate(luck.deflated),
        "deflated_sharpe_effective": None if luck.deflated_effective is None else _estimate(luck.deflated_effective),
        "minimum_track_record_length": {**_estimate(luck.track), "unit": "returns"},
        "minimum_backtest_length": {**_estimate(luck.backtest), "unit": "years"},
        "pbo": None if luck.pbo is None else _pbo(luck.pbo),
        "superior_ability": {"cash": _spa(luck.cash), "benchmark": _spa(luck.benchmark)},
    }


def _estimate(found: Estimate) -> dict[str, Any]:
    return {"value": found.value, "reason": found.reason}


def _pbo(found: Pbo) -> dict[str, Any]:
    names = ("pbo", "strict", "loss", "splits", "trials", "blocks")
    return {**{name: getattr(found, name) for name in names}, "notes": list(found.notes)}


def _spa(found: Spa) -> Mapping[str, Any]:
    names = ("statistic", "lower", "consistent", "upper", "reality_check", "best", "block", "reps", "reason")
    return {**{name: getattr(found, name) for name in names}, "notes": list(found.notes)}
