"""Overfitting tests of a sweep's winner: deflated Sharpe ratio, PBO, superior ability, and lengths of the record."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from core.digests import seed_of
from core.errors import DataError, WorkbenchError
from core.types import Matrix, Rows, Vector
from engine.ledger.settings import PriorTrials, pooled_variance
from engine.sweep.storage.trial_registry import SCORED
from engine.sweep.storage.trial_store import TrialStore
from engine.sweep.trials.plan import Plan
from engine.sweep.trials.ranking import TrialRanking
from engine.sweep.trials.trial_scores import Scores
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
from risk.periods import Year


@dataclass(frozen=True, eq=False)
class TrialSample:
    """Returns of the trials that were selected before the sweep, for the tests.

    Attributes
    ----------
    sums : over the blocks of time, of the trials ``summed``; None for fewer than two.
    returns : (D, R) daily, of the trials ``with_returns``.
    left_out : trials selected for the sums that have none: failed, ruined, or beginning later than the others.
    """

    sums: BlockSums | None
    summed: Rows
    returns: Matrix
    with_returns: Rows
    left_out: int

    def net_of(self, interest: Vector, rate: float) -> "TrialSample":
        """The sample less what cash earned: its returns session by session, its sums at the mean rate of a session."""
        return replace(self, sums=_net_sums(self.sums, rate), returns=net_of(self.returns, interest))


def net_of(returns: Matrix, interest: Vector) -> Matrix:
    """(D,) or (D, R) returns less what cash earned in the same sessions; a loss of all stays one."""
    return np.maximum(returns - (interest if returns.ndim == 1 else interest[:, None]), -1.0)


def sample_trials(sweep_plan: Plan, trial_store: TrialStore) -> TrialSample:
    """Read the stored sums and returns of the trials."""
    chunks = [chunk for chunk in trial_store.all() if len(chunk.summed)]
    if not chunks:
        no_trials = np.empty(0, dtype=np.int64)
        no_returns = np.empty((len(sweep_plan.span.sessions), 0))
        return TrialSample(None, no_trials, no_returns, no_trials, len(sweep_plan.summed))
    summed, sums = _block_sums(chunks, sweep_plan)
    with_returns = np.concatenate([chunk.with_returns for chunk in chunks])
    returns = np.concatenate([chunk.returns for chunk in chunks])
    order = np.argsort(with_returns)
    finite = order[np.isfinite(returns[order]).all(axis=1)]
    return TrialSample(
        sums=sums,
        summed=summed,
        returns=np.ascontiguousarray(returns[finite].T),
        with_returns=with_returns[finite],
        left_out=len(sweep_plan.summed) - len(summed),
    )


def _block_sums(chunks: Sequence[Scores], sweep_plan: Plan) -> tuple[Rows, BlockSums | None]:
    """Numbers of the trials that reach over all blocks of time, and their sums; None for fewer than two."""
    summed = np.concatenate([chunk.summed for chunk in chunks])
    total = np.concatenate([chunk.total for chunk in chunks])
    squares = np.concatenate([chunk.squares for chunk in chunks])
    order = np.argsort(summed)
    complete = order[np.isfinite(total[order]).all(axis=1)]
    if len(complete) < 2:
        return summed[complete], None
    return summed[complete], BlockSums(np.diff(sweep_plan.span.edges), total[complete], squares[complete])


@dataclass(frozen=True, eq=False)
class OverfittingTests:
    """Results of the tests of a sweep's winner; Sharpe ratios are per observation.

    Attributes
    ----------
    scored, prior : trials of this sweep that were run, and settings tried before on the same data.
    effective : clusters of trials; None where their returns do not vary.
    variance : of the Sharpe ratios of all trials with different results: clones would make it smaller.
    sharpe : of the winner, over the shared span.
    threshold : the expected Sharpe ratio of the best of as many trials without skill.
    probabilistic, deflated, deflated_effective : probabilities that the winner's true ratio is above 0, above the
        threshold, and above that of the clusters.
    track : minimum track record length: the number of returns from which the winner's ratio differs from 0.
    backtest : minimum backtest length: years in which the best of as many trials without skill shows its ratio.
    pbo : None where there are too few trials.
    cash, benchmark : superior ability against cash and against the benchmark, at equal volatility.
    observations, per_year : returns in the shared span, and in a year.
    """

    scored: int
    prior: int
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
        """All trials that were ever scored on these data."""
        return max(self.scored + self.prior, 1)


def run_overfitting_tests(
    sweep_plan: Plan,
    ranking: TrialRanking,
    sample: TrialSample,
    prior: PriorTrials,
    winner: Vector,
    benchmark: Vector,
    year: Year,
) -> OverfittingTests:
    """Run the tests on the winner of a sweep.

    Parameters
    ----------
    winner, benchmark : (D,) returns over the shared span.
    year : sessions in a year, and the annual rate that ratios compare with.
    """
    rate = year.rate
    sums = _net_sums(sample.sums, rate)
    scored = int(np.isin(ranking.status, SCORED).sum())
    trials = max(scored + prior.trials, 1)
    variance = pooled_variance(ranking.sharpe[ranking.distinct] / np.sqrt(year.periods), prior)
    excess = winner - rate
    deviation = float(excess.std(ddof=1))
    sharpe = float(excess.mean() / deviation) if deviation > 0 else 0.0
    clusters = _clusters(sample)
    seed = seed_of(sweep_plan.config.seed, "superior ability")
    spec = sweep_plan.spec.overfitting
    table = sample.returns if sample.returns.shape[1] else winner[:, None]
    return OverfittingTests(
        scored=scored,
        prior=prior.trials,
        effective=clusters,
        variance=variance,
        sharpe=sharpe,
        threshold=expected_maximum(trials, variance),
        probabilistic=probabilistic_sharpe(excess),
        deflated=deflated_sharpe(excess, trials, variance),
        deflated_effective=None if clusters is None else deflated_sharpe(excess, clusters.count, clusters.variance),
        track=minimum_track_record_length(excess),
        backtest=minimum_backtest_length(trials, sharpe * np.sqrt(year.periods)),
        pbo=None if sums is None else pbo_of_blocks(sums),
        cash=spa(against_cash(table, rate), reps=spec.reps, seed=seed % 2**32),
        benchmark=_against(benchmark, table, rate, spec.reps, seed % 2**32),
        observations=len(winner),
        per_year=year.periods,
    )


def _net_sums(sums: BlockSums | None, rate: float) -> BlockSums | None:
    """The sums of the returns less a rate per session: of ``r - c`` and of its square."""
    if sums is None or rate == 0.0:
        return sums
    count = sums.count[None, :]
    return BlockSums(sums.count, sums.total - count * rate, sums.squares - 2.0 * rate * sums.total + count * rate**2)


def _against(benchmark: Vector, table: Matrix, rate: float, reps: int, seed: int) -> Spa:
    """Superior ability against a benchmark; without a value, and with the reason, if the benchmark does not vary."""
    try:
        return spa(at_equal_volatility(table, benchmark, rate), reps=reps, seed=seed)
    except DataError as error:
        return Spa(None, None, None, None, None, None, None, reps, reason=str(error))


def _clusters(sample: TrialSample) -> EffectiveTrials | None:
    try:
        return effective_trials(sample.returns) if sample.returns.shape[1] else None
    except WorkbenchError:  # none of the trials' returns varies
        return None


def dump(tests: OverfittingTests) -> dict[str, Any]:
    """The content of sweep.json: every number with its unit."""
    annual = np.sqrt(tests.per_year)
    clusters = tests.effective
    return {
        "trials": {"scored": tests.scored, "earlier": tests.prior, "all": tests.trials},
        "effective_trials": None if clusters is None else {"count": clusters.count, "notes": list(clusters.notes)},
        "observations": tests.observations,
        "periods_per_year": tests.per_year,
        "sharpe": {"value": tests.sharpe * annual, "period": "per year", "of": "the winner, over the shared span"},
        "expected_maximum_sharpe": {"value": tests.threshold * annual, "period": "per year"},
        "sharpe_variance": {"value": tests.variance * tests.per_year, "period": "per year"},
        "probabilistic_sharpe": _estimate(tests.probabilistic),
        "deflated_sharpe": _estimate(tests.deflated),
        "deflated_sharpe_effective": None if tests.deflated_effective is None else _estimate(tests.deflated_effective),
        "minimum_track_record_length": {**_estimate(tests.track), "unit": "returns"},
        "minimum_backtest_length": {**_estimate(tests.backtest), "unit": "years"},
        "pbo": None if tests.pbo is None else _pbo(tests.pbo),
        "superior_ability": {"cash": _spa(tests.cash), "benchmark": _spa(tests.benchmark)},
    }


def _estimate(estimate: Estimate) -> dict[str, Any]:
    return {"value": estimate.value, "reason": estimate.reason}


def _pbo(pbo: Pbo) -> dict[str, Any]:
    names = ("pbo", "strict", "loss", "retained", "splits", "trials", "blocks")
    return {**{name: getattr(pbo, name) for name in names}, "notes": list(pbo.notes)}


def _spa(spa_result: Spa) -> Mapping[str, Any]:
    names = ("statistic", "lower", "consistent", "upper", "reality_check", "best", "block", "reps", "reason")
    return {**{name: getattr(spa_result, name) for name in names}, "notes": list(spa_result.notes)}
