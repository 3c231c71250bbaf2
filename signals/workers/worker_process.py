"""One process that trains folds: its life, and our end of the pipe to it."""

import logging
import logging.handlers
import math
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess

from core.errors import ModelError, WorkbenchError
from core.processes import ONE_THREAD, end_with_parent, interrupts_held, without_main
from core.progress import ProgressCallback
from core.types import Fold
from signals.folds.fit_fold import FoldOutcome, run_fold
from signals.panel import Panel
from signals.spec import Training

BEGUN = "begun"
"""What a worker sends when it takes up a fold: from here on its time counts."""
STARTING = 120.0
"""Seconds that a process may take to start and to read what it is handed, where folds have a time limit at all."""
GRACE = 10.0
"""Seconds for what a fold sent in time to be read in a busy caller."""


@dataclass(frozen=True, eq=False)
class Job:
    """What all folds of a call have in common, and the level of log records that are wanted."""

    panel: Panel
    training: Training
    level: int


@dataclass(eq=False)
class Worker:
    """A process, our end of its pipe, the fold that it works on, how long that may take and when it is overdue."""

    process: BaseProcess
    pipe: Connection
    fold: Fold | None = None
    patience: float = math.inf
    until: float = math.inf

    def hand(self, fold: Fold, patience: float | None, job: Job | None = None) -> None:
        """Give it a fold; before the first of a call, the job."""
        self.fold = fold  # first of all: a worker with a fold whose call ends in an error is not used again
        self.patience = math.inf if patience is None else patience
        self.until = time.monotonic() + self.patience + STARTING
        for message in (fold,) if job is None else (job, fold):
            self._send(message)

    def receive(self) -> object:
        """The next message, or say that there will be none."""
        try:
            message: object = self.pipe.recv()
        except (EOFError, OSError) as error:
            raise self._death() from error
        if message == BEGUN:
            self.until = time.monotonic() + self.patience
        return message

    def require_in_time(self, news: bool) -> None:
        """Raise if its fold takes too long; ``news`` says that it has sent something that was not read yet.

        Raises
        ------
        ModelError
            The fold has taken longer than its patience.
        """
        if self.fold and time.monotonic() > self.until + (GRACE if news else 0.0):
            what = f"fold {self.fold.number} took longer than {self.patience:g} s"
            raise ModelError(f"{what}; give it more time, or take a model that trains faster")

    def kill(self) -> None:
        """End the process, whatever it does."""
        self.process.kill()

    def bury(self) -> None:
        """Wait for the end of a process that was killed."""
        self.process.join()
        self.pipe.close()

    def _send(self, message: object) -> None:
        try:
            self.pipe.send(message)
        except OSError as error:
            raise self._death() from error

    def _death(self) -> ModelError:
        self.process.join()
        code = self.process.exitcode or 0
        how = f"died of signal {-code} ({signal.strsignal(-code)})" if code < 0 else f"ended with exit code {code}"
        error = ModelError(f"a worker process {how} before it was done; if memory ran out, use fewer workers")
        if self.fold:
            error.add_note(f"fold {self.fold.number}")
        return error


def started(count: int) -> Iterator[Worker]:
    """Start workers, one after the other; they get ready side by side."""
    if count > 0:
        with _environment(ONE_THREAD), interrupts_held(), without_main():
            for _ in range(count):
                yield _start()


def _start() -> Worker:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_work, args=(theirs,), daemon=True)
    process.start()
    theirs.close()  # or we would not see the end of the pipe when the worker dies
    return Worker(process, ours)


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


def _work(pipe: Connection) -> None:
    """A worker's life: jobs and folds in, outcomes out, until the pipe ends."""
    end_with_parent()
    line = _Line(pipe)
    root = logging.getLogger()
    root.handlers[:] = [line]
    logging.captureWarnings(capture=True)
    job: Job | None = None
    try:
        while True:
            message = pipe.recv()
            if isinstance(message, Job):
                job = message
                root.setLevel(job.level)
            elif job:
                line.send(BEGUN)
                line.send(_answer(job, message, line.send))
    except EOFError:
        return


def _answer(job: Job, fold: Fold, on_progress: ProgressCallback) -> FoldOutcome | WorkbenchError:
    try:
        return run_fold(job.panel, job.training, fold, on_progress)
    except WorkbenchError as error:
        return error
