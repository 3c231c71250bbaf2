"""Folds in worker processes: the same bits as in one process, whichever finishes first.

Each worker is a fresh process with one thread. It is handed one fold at a time, the longest first, over a pipe of its
own, and sends back progress, log records, and an outcome or an error. Workers do not outlive the caller: they are
killed when it leaves, and leave by themselves when it dies. They take seconds to start; a :func:`crew` keeps them for
one model after the other.
"""

from collections.abc import Iterator, Sequence
from typing import TypeAlias

from core.progress import Progress, ProgressCallback
from core.types import Fold
from signals.folds.fit_fold import FoldOutcome, run_fold
from signals.panel import Panel
from signals.spec import Training

from .worker_pool import TASK, Crew, Keep, Workers, crew, forget

__all__ = ["Crew", "Hands", "Keep", "Workers", "crew", "forget", "run_folds"]

Hands: TypeAlias = int | Workers | Crew
"""Who trains folds: so many processes, so many and how, or those that are there."""


def run_folds(
    panel: Panel,
    training: Training,
    folds: Sequence[Fold],
    workers: Hands,
    on_progress: ProgressCallback,
    keep: Keep = forget,
) -> list[FoldOutcome]:
    """Train every fold; the outcomes in the order of the folds.

    Parameters
    ----------
    workers : a number of processes, :class:`Workers` with a time limit or apart from this process, or a :func:`crew`.
    keep : told of each fold as soon as it is finished.

    Raises
    ------
    ConfigError
        ``workers`` is below 1.
    ModelError
        A fold failed or took too long, or a worker process died.
    """
    hands = Workers(workers) if isinstance(workers, int) else workers
    on_progress(Progress(TASK, 0, len(folds)))  # workers take seconds to start; say at once how much there is to do
    if isinstance(hands, Crew):
        return hands.train(panel, training, folds, on_progress, keep)
    if hands.here(len(folds)):
        return list(_one_by_one(panel, training, folds, on_progress, keep))
    with crew(hands.count, hands.patience) as started_now:
        return started_now.train(panel, training, folds, on_progress, keep)


def _one_by_one(
    panel: Panel, training: Training, folds: Sequence[Fold], on_progress: ProgressCallback, keep: Keep
) -> Iterator[FoldOutcome]:
    for done, fold in enumerate(folds, start=1):
        outcome = run_fold(panel, training, fold, on_progress)
        keep(fold, outcome)
        yield outcome
        on_progress(Progress(TASK, done, len(folds)))
