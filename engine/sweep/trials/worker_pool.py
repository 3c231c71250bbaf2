"""The pool that runs trials on backtrader: a trial without a result is recorded, and the others go on."""

from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass

from core.errors import StoreError
from core.workers import Died, Failed, Finished, NotStarted, Outcome, Work, WorkerPool

from .backtrader_trials import Job, TrialContext, perform
from .trial_scores import Scores

ATTEMPTS = 2
"""A trial whose worker died is tried once more: the death may have been an accident."""


@dataclass(frozen=True)
class Lost:
    """A trial without a result, and the reason."""

    reason: str


def trial_pool(count: int, timeout: float | None) -> WorkerPool:
    """Workers that import backtrader before their first trial.

    Parameters
    ----------
    count : how many.
    timeout : seconds that a trial may take; None for any time.
    """
    return WorkerPool(Work(perform, ("engine.backtest.bt.engine",)), count, timeout, ATTEMPTS)


def run_jobs(pool: WorkerPool, context: TrialContext, jobs: Mapping[int, Job]) -> Iterator[tuple[int, Scores | Lost]]:
    """The scores of each trial or the reason why there are none, as the trials end.

    Parameters
    ----------
    pool : made by :func:`trial_pool`.
    context : shared by the trials.
    jobs : by the trials' numbers; the lowest is begun first.

    Raises
    ------
    StoreError
        No worker can be started.
    """
    with closing(pool.run(context, dict(sorted(jobs.items())))) as outcomes:
        for outcome in outcomes:
            if isinstance(outcome, NotStarted):
                died = f"worker died: {outcome.cause}"
                raise StoreError(f"no worker can be started: {died}; if memory ran out, set sweep.workers=1")
            yield outcome.index, _result(outcome, pool.timeout)


def _result(outcome: Outcome, timeout: float | None) -> Scores | Lost:
    if isinstance(outcome, Finished):
        scores: Scores = outcome.value
        return scores
    if isinstance(outcome, Failed):
        return Lost(outcome.error.text)
    if isinstance(outcome, Died):
        return Lost(f"worker died: {outcome.cause}")
    return Lost(f"took longer than sweep.timeout, {timeout or 0:g} s")
