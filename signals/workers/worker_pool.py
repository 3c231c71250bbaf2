"""The pool that trains folds: an error of any fold ends the call."""

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import NoReturn, TypeAlias

from core.errors import ConfigError, ModelError, WorkerDiedError
from core.progress import Progress, ProgressCallback
from core.types import Fold
from core.workers import Died, Failed, Finished, NotStarted, Outcome, Work, WorkerPool
from signals.folds.fit_fold import FoldOutcome, run_fold
from signals.panel import Panel
from signals.spec import Training

TASK = "folds"

Keep: TypeAlias = Callable[[Fold, FoldOutcome], None]
"""Called with each fold as soon as it is finished, in any order."""


def forget(fold: Fold, outcome: FoldOutcome) -> None:
    """A :data:`Keep` that does nothing."""


@dataclass(frozen=True)
class Workers:
    """The processes that train folds; none of it changes a bit of the results.

    Attributes
    ----------
    count : processes; 1 trains in this one.
    timeout : seconds that a fold may take, from when a process has received it; None for any time. A fold that can be
        ended needs a process of its own.
    in_subprocess : train in worker processes even with one worker or one fold, so that a crash of a library cannot end
        this process.

    Examples
    --------
    >>> Workers(2, timeout=60)
    Workers(count=2, timeout=60, in_subprocess=False)
    """

    count: int = 1
    timeout: float | None = None
    in_subprocess: bool = False

    def __post_init__(self) -> None:
        if self.count < 1:
            raise ConfigError(f"workers: is {self.count}, must be at least 1")
        if self.timeout is not None and not self.timeout > 0:
            raise ConfigError(f"timeout: is {self.timeout} s, must be above 0; None waits for any time")

    def train_here(self, folds: int) -> bool:
        """True if so many folds are trained in this process."""
        return min(self.count, folds) <= 1 and not self.in_subprocess and self.timeout is None


class FoldPool:
    """Worker processes that are kept from one call to the next; made by :func:`fold_pool`, for one call at a time."""

    def __init__(self, workers: Workers) -> None:
        self.workers = workers
        self._pool = WorkerPool(Work(_train_fold, ("signals.folds.fit_fold",)), workers.count, workers.timeout)

    def train(
        self,
        panel: Panel,
        training: Training,
        folds: Sequence[Fold],
        on_progress: ProgressCallback,
        keep: Keep = forget,
    ) -> list[FoldOutcome]:
        """Train every fold, as :func:`.run_folds.run_folds`; the pool can be used again after an error."""
        # The longest first: one of them begun last would leave the other workers idle at the end.
        longest_first = sorted(folds, key=lambda fold: len(fold.train), reverse=True)
        tasks = {fold.number: fold for fold in longest_first}
        outcomes: dict[int, FoldOutcome] = {}
        with closing(self._pool.run((panel, training), tasks, on_progress)) as results:
            for result in results:
                if not isinstance(result, Finished):
                    self._raise(result)
                outcomes[result.index] = result.value
                keep(tasks[result.index], result.value)
                on_progress(Progress(TASK, len(outcomes), len(folds)))
        return [outcomes[fold.number] for fold in folds]

    def close(self) -> None:
        """End every worker, and start no more."""
        self._pool.close()

    def _raise(self, outcome: Outcome) -> NoReturn:
        if isinstance(outcome, NotStarted):
            raise WorkerDiedError.from_exit_code(outcome.exit_code)
        if isinstance(outcome, Failed):
            raise outcome.error.error or ModelError(f"fold {outcome.index}: {outcome.error.text}; see the log")
        if isinstance(outcome, Died):
            died = WorkerDiedError.from_exit_code(outcome.exit_code)
            died.add_note(f"fold {outcome.index}")
            raise died
        seconds = f"{self.workers.timeout or math.inf:g} s"
        raise ModelError(
            f"fold {outcome.index} took longer than {seconds}; give it more time, or take a model that trains faster"
        )


@contextmanager
def fold_pool(count: int, timeout: float | None = None) -> Iterator[FoldPool]:
    """Worker processes to train one model after the other with: pass it on as ``workers``.

    The processes start when they are first needed. One that has died, and those that an error has left in the middle
    of a fold, are replaced at the next call. Leaving the block ends them all.

    Parameters
    ----------
    count : processes; also a single one trains apart from this one.
    timeout : seconds that a fold may take; None for any time.

    Raises
    ------
    ConfigError
        ``count`` is below 1, or ``timeout`` not above 0.
    """
    pool = FoldPool(Workers(count, timeout, in_subprocess=True))
    try:
        yield pool
    finally:
        pool.close()


def _train_fold(context: tuple[Panel, Training], fold: Fold, on_progress: ProgressCallback) -> FoldOutcome:
    panel, training = context
    return run_fold(panel, training, fold, on_progress)
