"""Folds of an interrupted run: finished folds are read from the cache, the others are trained and stored at once."""

import logging
from collections.abc import Sequence

from core.progress import ProgressCallback
from core.types import Fold
from signals.cache.cache_keys import fold_keys
from signals.cache.store import SignalStore
from signals.folds.fit_fold import FoldOutcome
from signals.panel import Panel
from signals.spec import SignalSpec

from .run_folds import FoldWorkers, run_folds

log = logging.getLogger(__name__)


def resumed_folds(
    panel: Panel,
    spec: SignalSpec,
    folds: Sequence[Fold],
    workers: FoldWorkers,
    on_progress: ProgressCallback,
    store: SignalStore,
) -> list[FoldOutcome]:
    """The outcome of every fold in their order: those that the store has are not trained again.

    The signals are the same bits whichever folds it has: an outcome depends on the contents of its key alone.

    Raises
    ------
    ConfigError, ModelError
        As :func:`signals.workers.run_folds.run_folds`; what was finished before stays in the store.
    """
    keys = dict(zip(folds, fold_keys(panel, spec, folds), strict=True))
    done = {fold: outcome for fold in folds if (outcome := store.get_fold(keys[fold], fold))}
    missing = [fold for fold in folds if fold not in done]
    if done:
        log.info("%d of %d folds come from the cache", len(done), len(folds))

    def keep(fold: Fold, outcome: FoldOutcome) -> None:
        store.put_fold(keys[fold], fold, outcome)

    if missing:
        store.trim()
        done |= zip(missing, run_folds(panel, spec.training, missing, workers, on_progress, keep), strict=True)
    return [done[fold] for fold in folds]
