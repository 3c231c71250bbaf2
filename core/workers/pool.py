"""A pool of worker processes, each with a pipe of its own: the death of one concerns its task alone.

The pool reports each task's outcome and decides nothing: a caller raises at the first failure, or records it and goes
on. A task whose worker died can be tried again.
"""

import logging
import math
import os
import signal
import time
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any, TypeAlias

from core.processes import ONE_THREAD, interrupts_held, without_main
from core.progress import Progress, ProgressCallback, no_progress

from .process import BEGUN, READY, Context, Error, Result, Work, serve

log = logging.getLogger(__name__)

START_ATTEMPTS = 3
"""Workers that may die one after the other before they are ready; after that, none can be started."""
START_SECONDS = 120.0
"""Seconds that a worker may take to start, or to receive a task, in a pool whose tasks have a time limit."""
GRACE_SECONDS = 10.0
"""Seconds after its time limit in which the messages of a task are still read by a busy parent."""
POLL_SECONDS = 3600.0
"""Seconds after which a wait begins again, however long a task may take: the system's wait takes no years."""


@dataclass(frozen=True)
class Finished:
    """A task's result."""

    index: int
    value: Any


@dataclass(frozen=True)
class Failed:
    """A task that raised an error."""

    index: int
    error: Error


@dataclass(frozen=True)
class Died:
    """A task whose worker died, in its last attempt.

    Attributes
    ----------
    exit_code : of the process; negative for the number of the signal that ended it.
    """

    index: int
    exit_code: int

    @property
    def cause(self) -> str:
        """``signal 9`` or ``exit code 1``."""
        return cause_of(self.exit_code)


@dataclass(frozen=True)
class TimedOut:
    """A task that took longer than the pool's time limit; its worker was ended."""

    index: int


@dataclass(frozen=True)
class NotStarted:
    """The end of a call in which no worker could be started.

    Attributes
    ----------
    exit_code : of the last process that was tried.
    """

    exit_code: int

    @property
    def cause(self) -> str:
        """``signal 9`` or ``exit code 1``."""
        return cause_of(self.exit_code)


Outcome: TypeAlias = Finished | Failed | Died | TimedOut | NotStarted


def cause_of(exit_code: int) -> str:
    """The end of a process in words.

    >>> cause_of(-9), cause_of(3)
    ('signal 9', 'exit code 3')
    """
    return f"signal {-exit_code}" if exit_code < 0 else f"exit code {exit_code}"


@dataclass(eq=False)
class _Worker:
    """A process, the parent's end of its pipe, and its task.

    Attributes
    ----------
    ready : whether it has imported all it needs.
    call : the number of the call whose context it has.
    task : the index of the task that it works on; None while it is idle.
    deadline : when its start or its task is overdue, by the monotonic clock.
    """

    process: BaseProcess
    pipe: Connection
    deadline: float
    ready: bool = False
    call: int = 0
    task: int | None = None


@dataclass(eq=False)
class WorkerPool:
    """Worker processes that start when there are tasks for them and are kept from call to call.

    Attributes
    ----------
    work : the code that they run.
    count : how many processes at most.
    timeout : seconds that a task may take, from when a worker has received it; None for any time.
    attempts : how often a task is tried whose worker dies.
    """

    work: Work
    count: int
    timeout: float | None = None
    attempts: int = 1
    _workers: list[_Worker] = field(default_factory=list)
    _calls: int = 0
    _failed_starts: int = 0
    _closed: bool = False

    def run(
        self, context: Any, tasks: Mapping[int, Any], on_progress: ProgressCallback = no_progress
    ) -> Generator[Outcome, None, None]:
        """The outcome of each task, as they end; close the iterator (``contextlib.closing``) to end a call early.

        Parameters
        ----------
        context : sent to each worker once a call, before its first task.
        tasks : by index, in the order in which they are begun.
        on_progress : called with each step that a task reports.

        Yields
        ------
        One outcome a task. :class:`NotStarted` ends the call: the remaining tasks have none.

        Raises
        ------
        RuntimeError
            The pool was closed.
        """
        if self._closed:
            raise RuntimeError("this worker pool is closed: use it inside its `with` block")
        self._calls += 1
        self._failed_starts = 0
        self._discard([worker for worker in self._workers if not worker.process.is_alive()])
        call = _Call(Context(context, log.getEffectiveLevel()), tasks, list(tasks), self.attempts)
        try:
            while call.open:
                self._hand_out(call)
                for outcome in self._outcomes(on_progress):
                    if not call.is_last_attempt(outcome):
                        continue
                    yield outcome
                    if isinstance(outcome, NotStarted):
                        return
        finally:
            self._discard([worker for worker in self._workers if worker.task is not None])

    def close(self) -> None:
        """End every worker at once, and start no more."""
        self._closed = True
        self._discard(self._workers[:])

    def __enter__(self) -> "WorkerPool":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _hand_out(self, call: "_Call") -> None:
        """Start the workers that are needed, and give each ready and idle one a task."""
        busy = sum(worker.task is not None for worker in self._workers)
        missing = min(self.count, busy + len(call.waiting)) - len(self._workers)
        self._workers.extend(_started(self.work, missing, self._allowance(START_SECONDS)))
        for worker in self._workers:
            if call.waiting and worker.ready and worker.task is None:
                self._send(worker, call.waiting.pop(0), call)

    def _send(self, worker: _Worker, index: int, call: "_Call") -> None:
        context = call.context if worker.call != self._calls else None
        worker.task = index
        worker.call = self._calls
        worker.deadline = self._allowance(START_SECONDS)
        with suppress(OSError):  # the worker has died; the end of its pipe is read as its outcome
            worker.pipe.send((context, call.tasks[index]))

    def _allowance(self, extra: float) -> float:
        """The deadline of what begins now."""
        return math.inf if self.timeout is None else time.monotonic() + self.timeout + extra

    def _outcomes(self, on_progress: ProgressCallback) -> Iterator[Outcome]:
        """Wait until some worker sends a message, dies or is overdue."""
        seconds = min(worker.deadline for worker in self._workers) - time.monotonic()
        readable = wait([worker.pipe for worker in self._workers], max(0.0, min(seconds, POLL_SECONDS)))
        for worker in self._workers[:]:
            if time.monotonic() > worker.deadline + (GRACE_SECONDS if worker.pipe in readable else 0.0):
                yield from self._overdue(worker)
            elif worker.pipe in readable:
                yield from self._received(worker, on_progress)

    def _received(self, worker: _Worker, on_progress: ProgressCallback) -> Iterator[Outcome]:
        try:
            message = worker.pipe.recv()
        except (EOFError, OSError):
            yield from self._died(worker)
            return
        match message:
            case Progress():
                on_progress(message)
            case logging.LogRecord():
                _handle(message)
            case str() if message == READY:
                worker.ready = True
                worker.deadline = math.inf
                self._failed_starts = 0
            case str() if message == BEGUN:
                worker.deadline = self._allowance(0.0)
            case Result() | Error():
                yield self._ended(worker, message)

    def _ended(self, worker: _Worker, message: Result | Error) -> Outcome:
        index = worker.task
        assert index is not None  # noqa: S101 - results come from workers that have a task
        worker.task = None
        worker.deadline = math.inf
        return Finished(index, message.value) if isinstance(message, Result) else Failed(index, message)

    def _overdue(self, worker: _Worker) -> Iterator[Outcome]:
        index = worker.task
        self._discard([worker])
        if index is None:
            yield from self._not_started(-signal.SIGKILL)
        else:
            yield TimedOut(index)

    def _died(self, worker: _Worker) -> Iterator[Outcome]:
        index = worker.task
        worker.process.join()
        exit_code = worker.process.exitcode or 0
        self._discard([worker])
        if index is not None:
            yield Died(index, exit_code)
        elif not worker.ready:
            yield from self._not_started(exit_code)

    def _not_started(self, exit_code: int) -> Iterator[Outcome]:
        self._failed_starts += 1
        if self._failed_starts == START_ATTEMPTS:
            yield NotStarted(exit_code)

    def _discard(self, workers: list[_Worker]) -> None:
        """End some workers, whatever they do, and wait for their end."""
        for worker in workers:
            worker.process.kill()
        for worker in workers:
            worker.process.join()
            worker.pipe.close()
            self._workers.remove(worker)


@dataclass(eq=False)
class _Call:
    """The tasks of one call: those that wait, those without an outcome, and the attempts left of each."""

    context: Context
    tasks: Mapping[int, Any]
    waiting: list[int]
    attempts: int
    _left: dict[int, int] = field(init=False)

    def __post_init__(self) -> None:
        self._left = dict.fromkeys(self.tasks, self.attempts)

    @property
    def open(self) -> bool:
        """True while some task has no outcome yet."""
        return bool(self._left)

    def is_last_attempt(self, outcome: Outcome) -> bool:
        """True if an outcome ends its task; else the task waits again."""
        if isinstance(outcome, NotStarted):
            return True
        self._left[outcome.index] -= 1
        if isinstance(outcome, Died) and self._left[outcome.index]:
            log.info("task %d: its worker died (%s); it is tried again", outcome.index, outcome.cause)
            self.waiting.insert(0, outcome.index)
            return False
        del self._left[outcome.index]
        return True


def _handle(record: logging.LogRecord) -> None:
    logger = logging.getLogger(record.name)
    if logger.isEnabledFor(record.levelno):
        logger.handle(record)


def _started(work: Work, count: int, deadline: float) -> list[_Worker]:
    """New workers; they get ready side by side."""
    if count <= 0:
        return []
    with _environment(ONE_THREAD), interrupts_held(), without_main():
        return [_start(work, deadline) for _ in range(count)]


def _start(work: Work, deadline: float) -> _Worker:
    context = get_context("spawn")
    parent_end, child_end = context.Pipe()
    process = context.Process(target=serve, args=(child_end, work), daemon=True)
    process.start()
    child_end.close()  # else the parent would not see the end of the pipe when the worker dies
    return _Worker(process, parent_end, deadline)


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
