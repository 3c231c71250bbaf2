"""Folds trained in this process or in worker processes: the same bits, whichever fold finishes first.

Each worker is a fresh process with one thread. It receives one fold at a time, the longest first, over a pipe of its
own, and sends back progress, log records, and an outcome or an error. Workers end with the caller, however it ends.
They take seconds to start; a :func:`fold_pool` keeps them for one model after the other.
"""

from collections.abc import Iterator, Sequence
from typing import TypeAlias

from core.progress import Progress, ProgressCallback
from core.types import Fold
from signals.folds.fit_fold import FoldOutcome, run_fold
from signals.panel import Panel
from signals.spec import Training

from .worker_pool import TASK, FoldPool, Keep, Workers, fold_pool, forget

__all__ = ["FoldPool", "FoldWorkers", "Keep", "Workers", "fold_pool", "forget", "run_folds"]

FoldWorkers: TypeAlias = int | Workers | FoldPool
"""The workers that train folds: a number of processes, their settings, or a pool that is kept."""


def run_folds(
    panel: Panel,
    training: Training,
    folds: Sequence[Fold],
    workers: FoldWorkers,
    on_progress: ProgressCallback,
    keep: Keep = forget,
) -> list[FoldOutcome]:
    """Train every fold; the outcomes in the order of the folds.

    Parameters
    ----------
    workers : a number of processes, :class:`Workers` with a time limit or in a subprocess, or a :func:`fold_pool`.
    keep : called with each fold as soon as it is finished.

    Raises
    ------
    ConfigError
        ``workers`` is below 1.
    ModelError
        A fold failed or took too long.
    WorkerDiedError
        A worker process died.
    """
    settings = Workers(workers) if isinstance(workers, int) else workers
    on_progress(Progress(TASK, 0, len(folds)))  # workers take seconds to start; show at once how much there is to do
    if isinstance(settings, FoldPool):
        return settings.train(panel, training, folds, on_progress, keep)
    if settings.train_here(len(folds)):
        return list(_one_by_one(panel, training, folds, on_progress, keep))
    with fold_pool(settings.count, settings.timeout) as pool:
        return pool.train(panel, training, folds, on_progress, keep)


def _one_by_one(
    panel: Panel, training: Training, folds: Sequence[Fold], on_progress: ProgressCallback, keep: Keep
) -> Iterator[FoldOutcome]:
    for done, fold in enumerate(folds, start=1):
        outcome = run_fold(panel, training, fold, on_progress)
        keep(fold, outcome)
        yield outcome
        on_progress(Progress(TASK, done, len(folds)))
