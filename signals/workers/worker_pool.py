"""Worker processes that train folds together: the longest first, one fold each at a time."""

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import wait
from typing import TypeAlias

from core.errors import ConfigError
from core.progress import Progress, ProgressCallback
from core.types import Fold
from signals.folds.fit_fold import FoldOutcome
from signals.panel import Panel
from signals.spec import Training

from .worker_process import Job, Worker, started

TASK = "folds"
LOOK = 3600.0
"""Seconds after which a wait is begun again, however long the patience: what waits knows no years."""

Keep: TypeAlias = Callable[[Fold, FoldOutcome], None]
"""What is told of each fold as soon as it is finished, in whatever order."""


def forget(fold: Fold, outcome: FoldOutcome) -> None:
    """A :data:`Keep` that does nothing."""


@dataclass(frozen=True)
class Workers:
    """Who trains folds, as far as it does not change a bit of what comes out.

    Attributes
    ----------
    count : processes; 1 trains in this one.
    patience : seconds that a fold may take, from when a process takes it up; None for as long as it likes. What is to
        be ended has to be in a process of its own: folds train apart.
    apart : train in worker processes even with one worker or one fold, so that a crash of a library cannot take this
        process along.

    Examples
    --------
    >>> Workers(2, patience=60)
    Workers(count=2, patience=60, apart=False)
    """

    count: int = 1
    patience: float | None = None
    apart: bool = False

    def __post_init__(self) -> None:
        if self.count < 1:
            raise ConfigError(f"workers: is {self.count}, must be at least 1")
        if self.patience is not None and not self.patience > 0:
            raise ConfigError(f"patience: is {self.patience} s, must be above 0; None waits for ever")

    def here(self, folds: int) -> bool:
        """Whether so many folds are trained in this process."""
        return min(self.count, folds) <= 1 and not self.apart and self.patience is None


class Crew:
    """Worker processes that are kept from one call to the next; made by :func:`crew`, for one call at a time."""

    def __init__(self, workers: Workers) -> None:
        self.workers = workers
        self._members: list[Worker] = []
        self._left = False

    def train(
        self,
        panel: Panel,
        training: Training,
        folds: Sequence[Fold],
        on_progress: ProgressCallback,
        keep: Keep = forget,
    ) -> list[FoldOutcome]:
        """Train every fold apart, as :func:`.run_folds.run_folds`; the crew can be used again after an error."""
        try:
            return self._train(Job(panel, training, _level()), folds, on_progress, keep)
        except BaseException:
            self._dismiss([each for each in self._members if each.fold])  # nobody will read what these send
            raise

    def leave(self) -> None:
        """Kill every worker, and start no more."""
        self._left = True
        self._dismiss(self._members[:])

    def _train(self, job: Job, folds: Sequence[Fold], on_progress: ProgressCallback, keep: Keep) -> list[FoldOutcome]:
        # The longest first: one of them begun last would leave the other workers idle at the end.
        waiting = sorted(folds, key=lambda fold: len(fold.train))
        outcomes: dict[int, FoldOutcome] = {}
        members = self._mustered(min(self.workers.count, len(folds)))
        for worker in members:
            worker.hand(waiting.pop(), self.workers.patience, job)
        while len(outcomes) < len(folds):
            for worker in _with_news(members):
                message = worker.receive()
                if isinstance(message, FoldOutcome) and worker.fold:
                    outcomes[message.report.number] = message
                    keep(worker.fold, message)
                    on_progress(Progress(TASK, len(outcomes), len(folds)))
                    self._next_fold(worker, waiting)
                else:
                    _pass_on(message, worker, on_progress)
        return [outcomes[fold.number] for fold in folds]

    def _next_fold(self, worker: Worker, waiting: list[Fold]) -> None:
        worker.fold = None
        if waiting:
            worker.hand(waiting.pop(), self.workers.patience)

    def _mustered(self, count: int) -> list[Worker]:
        """So many workers that are alive and idle; what is missing is started."""
        if self._left:
            raise RuntimeError("this crew has left: use it inside its `with` block")
        self._dismiss([each for each in self._members if not each.process.is_alive()])
        self._members.extend(started(count - len(self._members)))
        return self._members[:count]

    def _dismiss(self, workers: Sequence[Worker]) -> None:
        for worker in workers:
            worker.kill()
        for worker in workers:
            worker.bury()
            self._members.remove(worker)


@contextmanager
def crew(workers: int, patience: float | None = None) -> Iterator[Crew]:
    """Worker processes to train one model after the other with: hand it on as ``workers``.

    The processes start when they are first needed. One that has died, and those that an error has left in the middle
    of a fold, are replaced at the next call. Leaving kills them all.

    Parameters
    ----------
    workers : processes; also a single one trains apart from this one.
    patience : seconds that a fold may take; None for as long as it likes.

    Raises
    ------
    ConfigError
        ``workers`` is below 1, or ``patience`` not above 0.
    """
    hands = Crew(Workers(workers, patience, apart=True))
    try:
        yield hands
    finally:
        hands.leave()


def _level() -> int:
    return logging.getLogger(__name__).getEffectiveLevel()


def _with_news(members: Sequence[Worker]) -> list[Worker]:
    """The busy workers that have sent something or died; waits for one, but no longer than a fold may take."""
    busy = [worker for worker in members if worker.fold]
    seconds = min(worker.until for worker in busy) - time.monotonic()
    ready = wait([worker.pipe for worker in busy], max(0.0, min(seconds, LOOK)))
    for worker in busy:
        worker.require_in_time(news=worker.pipe in ready)
    return [worker for worker in busy if worker.pipe in ready]


def _pass_on(message: object, worker: Worker, on_progress: ProgressCallback) -> None:
    match message:
        case Progress():
            on_progress(message)
        case logging.LogRecord():
            logger = logging.getLogger(message.name)
            if logger.isEnabledFor(message.levelno):
                logger.handle(message)
        case BaseException():
            worker.fold = None  # it has said what it has to say, and is ready for another
            raise message
