"""Folds in worker processes: the same bits as in one process, whichever finishes first.

Each worker is a fresh process with one thread. It is handed one fold at a time, the longest first, over a pipe of its
own, and sends back progress, log records, and an outcome or an error. Workers do not outlive the caller: they are
killed when it leaves, and leave by themselves when it dies.
"""

import logging
import logging.handlers
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import TypeAlias

from core.errors import ConfigError, ModelError, WorkbenchError
from core.processes import ONE_THREAD, interrupts_held, without_main
from core.progress import Progress, Report
from core.types import Fold

from .fitting import FoldOutcome, run_fold
from .panel import Panel
from .spec import Training

TASK = "folds"


Keep: TypeAlias = Callable[[Fold, FoldOutcome], None]
"""What is told of each fold as soon as it is finished, in whatever order."""


def forget(fold: Fold, outcome: FoldOutcome) -> None:
    """A :data:`Keep` that does nothing."""


def run_folds(
    panel: Panel, training: Training, folds: Sequence[Fold], workers: int, report: Report, keep: Keep = forget
) -> list[FoldOutcome]:
    """Train every fold; the outcomes in the order of the folds.

    Raises
    ------
    ConfigError
        ``workers`` is below 1.
    ModelError
        A fold failed, or a worker process died.
    """
    if workers < 1:
        raise ConfigError(f"workers: is {workers}, must be at least 1")
    report(Progress(TASK, 0, len(folds)))  # workers take seconds to start; say at once how much there is to do
    if min(workers, len(folds)) == 1:
        return list(_one_by_one(panel, training, folds, report, keep))
    return _side_by_side(panel, training, folds, min(workers, len(folds)), report, keep)


def _one_by_one(
    panel: Panel, training: Training, folds: Sequence[Fold], report: Report, keep: Keep
) -> Iterator[FoldOutcome]:
    for done, fold in enumerate(folds, start=1):
        outcome = run_fold(panel, training, fold, report)
        keep(fold, outcome)
        yield outcome
        report(Progress(TASK, done, len(folds)))


@dataclass
class _Worker:
    """A process, our end of its pipe, and the fold that it works on."""

    process: BaseProcess
    pipe: Connection
    fold: Fold | None = None

    def send(self, message: object) -> None:
        """Send, or say that there is nobody any more."""
        try:
            self.pipe.send(message)
        except OSError as error:
            raise self._death() from error

    def receive(self) -> object:
        """The next message, or say that there will be none."""
        try:
            return self.pipe.recv()
        except (EOFError, OSError) as error:
            raise self._death() from error

    def _death(self) -> ModelError:
        self.process.join()
        code = self.process.exitcode or 0
        how = f"died of signal {-code} ({signal.strsignal(-code)})" if code < 0 else f"ended with exit code {code}"
        error = ModelError(f"a worker process {how} before it was done; if memory ran out, use fewer workers")
        if self.fold:
            error.add_note(f"fold {self.fold.number}")
        return error


def _side_by_side(
    panel: Panel, training: Training, folds: Sequence[Fold], count: int, report: Report, keep: Keep
) -> list[FoldOutcome]:
    # The longest first: one of them begun last would leave the other workers idle at the end.
    waiting = sorted(folds, key=lambda fold: len(fold.train))
    outcomes: dict[int, FoldOutcome] = {}
    with _crew(count) as crew:
        for worker in crew:
            worker.send((panel, training))
            _next_fold(worker, waiting)
        while len(outcomes) < len(folds):
            for worker in _with_news(crew):
                message = worker.receive()
                if isinstance(message, FoldOutcome) and worker.fold:
                    outcomes[message.report.number] = message
                    keep(worker.fold, message)
                    report(Progress(TASK, len(outcomes), len(folds)))
                    _next_fold(worker, waiting)
                else:
                    _pass_on(message, report)
    return [outcomes[fold.number] for fold in folds]


def _next_fold(worker: _Worker, waiting: list[Fold]) -> None:
    worker.fold = waiting.pop() if waiting else None
    if worker.fold:
        worker.send(worker.fold)


def _with_news(crew: Sequence[_Worker]) -> list[_Worker]:
    """The busy workers that have sent something or died; waits for one."""
    ready = wait([worker.pipe for worker in crew if worker.fold])
    return [worker for worker in crew if worker.pipe in ready]


def _pass_on(message: object, report: Report) -> None:
    match message:
        case Progress():
            report(message)
        case logging.LogRecord():
            logger = logging.getLogger(message.name)
            if logger.isEnabledFor(message.levelno):
                logger.handle(message)
        case BaseException():
            raise message


@contextmanager
def _crew(count: int) -> Iterator[list[_Worker]]:
    """Started workers; whatever happens inside, none of them is left afterwards."""
    crew: list[_Worker] = []
    try:
        with _environment(ONE_THREAD), interrupts_held(), without_main():
            crew.extend(_start() for _ in range(count))
        yield crew
    finally:
        for worker in crew:
            worker.process.kill()
        for worker in crew:
            worker.process.join()
            worker.pipe.close()


def _start() -> _Worker:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    level = logging.getLogger(__name__).getEffectiveLevel()
    process = context.Process(target=_work, args=(theirs, level), daemon=True)
    process.start()
    theirs.close()  # or we would not see the end of the pipe when the worker dies
    return _Worker(process, ours)


@contextmanager
def _environment(values: Mapping[str, str]) -> Iterator[None]:
    """Environment variables for processes that are started inside: libraries read them when they are loaded."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


class _Line(logging.handlers.QueueHandler):
    """The worker's end of the pipe, for messages and for log records."""

    def __init__(self, pipe: Connection) -> None:
        super().__init__(queue=None)  # type: ignore[arg-type]  # a pipe takes its place
        self.pipe = pipe
        self.sending = threading.Lock()

    def send(self, message: object) -> None:
        try:
            with self.sending:
                self.pipe.send(message)
        except OSError:
            os._exit(1)  # the parent is gone; there is nobody to tell

    def enqueue(self, record: logging.LogRecord) -> None:
        self.send(record)


def _work(pipe: Connection, level: int) -> None:
    """A worker's life: folds in, outcomes out, until the pipe ends."""
    _leave_with_the_parent()
    line = _Line(pipe)
    root = logging.getLogger()
    root.handlers[:] = [line]
    root.setLevel(level)
    logging.captureWarnings(capture=True)
    try:
        panel, training = pipe.recv()
        while True:
            line.send(_answer(panel, training, pipe.recv(), line.send))
    except EOFError:
        return


def _answer(panel: Panel, training: Training, fold: Fold, report: Report) -> FoldOutcome | WorkbenchError:
    try:
        return run_fold(panel, training, fold, report)
    except WorkbenchError as error:
        return error


def _leave_with_the_parent() -> None:
    """End this process as soon as its parent has ended, in whatever way."""
    parent = multiprocessing.parent_process()

    def watch() -> None:
        if parent:
            parent.join()
            os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
