"""Worker processes for trials on backtrader: each has a pipe of its own, so that the death of one concerns no other.

A worker is handed one trial at a time. It may die in any way at any moment, or hang: its trial alone has no result
then, and another worker takes its place.
"""

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from time import monotonic

from core.errors import StoreError
from core.processes import interrupts_held, without_main

from .backtrader_trials import READY, Job, TrialContext, work
from .trial_scores import Scores

log = logging.getLogger(__name__)

PATIENCE = 3
"""Workers that may die one after the other before they are ready: then none can be started."""


@dataclass(frozen=True)
class Lost:
    """A trial without a result.

    Attributes
    ----------
    reason : why.
    died : whether its worker died, which may have been an accident.
    """

    reason: str
    died: bool = False


@dataclass(eq=False)
class _Worker:
    """A process, our end of its pipe, what it was handed, and since when; ``ready`` once it has imported everything."""

    process: BaseProcess
    pipe: Connection
    ready: bool = False
    knows: int = -1
    number: int | None = None
    since: float = 0.0


@dataclass(eq=False)
class Crew:
    """Some workers.

    Attributes
    ----------
    count : how many.
    timeout : seconds that a trial may take; None if it may take as long as it likes.
    """

    count: int
    timeout: float | None
    _workers: list[_Worker] = field(default_factory=list)
    _groups: int = 0
    _stillborn: int = 0

    def run(self, common: TrialContext, jobs: Mapping[int, Job]) -> Iterator[tuple[int, Scores | Lost]]:
        """What came of each trial, as they are finished; one whose worker died is tried once more.

        Parameters
        ----------
        common : what the trials share.
        jobs : by the trials' numbers.
        """
        self._groups += 1
        waiting, left, again = sorted(jobs, reverse=True), len(jobs), set[int]()
        while left:
            self._hand_out(waiting, common, jobs)
            for number, found in self._news():
                if isinstance(found, Lost) and found.died and number not in again:
                    log.info("trial %d: %s; it is tried once more", number, found.reason)
                    again.add(number)
                    waiting.append(number)
                else:
                    left -= 1
                    yield number, found

    def _hand_out(self, waiting: list[int], common: TrialContext, jobs: Mapping[int, Job]) -> None:
        """Every worker that is free gets a trial, and there are as many workers as are needed."""
        busy = sum(worker.number is not None for worker in self._workers)
        while len(self._workers) < min(self.count, busy + len(waiting)):
            self._workers.append(_start())
        for worker in self._workers:
            if waiting and worker.ready and worker.number is None:
                self._hand(worker, waiting.pop(), common, jobs)

    def _hand(self, worker: _Worker, number: int, common: TrialContext, jobs: Mapping[int, Job]) -> None:
        news = common if worker.knows != self._groups else None
        worker.number, worker.knows, worker.since = number, self._groups, monotonic()
        with suppress(OSError):  # it has died: so says its pipe, when it is asked for news
            worker.pipe.send((news, jobs[number]))

    def _news(self) -> Iterator[tuple[int, Scores | Lost]]:
        """Waits until something happens: a result, a death, or a trial that has taken too long."""
        pipes = wait([worker.pipe for worker in self._workers], self._seconds_left())
        for worker in list(self._workers):
            if worker.pipe in pipes:
                yield from self._heard(worker)
            elif self._late(worker):
                yield from self._gone(worker, Lost(f"took longer than sweep.timeout, {self.timeout:g} s"))

    def _heard(self, worker: _Worker) -> Iterator[tuple[int, Scores | Lost]]:
        try:
            message = worker.pipe.recv()
        except (EOFError, OSError):
            worker.process.join()
            yield from self._gone(worker, Lost(_death(worker.process.exitcode or 0), died=True))
            return
        if message == READY:
            worker.ready, self._stillborn = True, 0
        elif worker.number is not None:
            number, worker.number = worker.number, None
            yield number, Lost(message) if isinstance(message, str) else message

    def _gone(self, worker: _Worker, lost: Lost) -> Iterator[tuple[int, Lost]]:
        self._workers.remove(worker)
        _end(worker)
        if worker.number is not None:
            yield worker.number, lost
        elif not worker.ready:
            self._stillborn += 1
            if self._stillborn == PATIENCE:
                raise StoreError(f"no worker can be started: {lost.reason}; if memory ran out, set sweep.workers=1")

    def _seconds_left(self) -> float | None:
        begun = [worker.since for worker in self._workers if worker.number is not None]
        return None if self.timeout is None or not begun else max(min(begun) + self.timeout - monotonic(), 0.0)

    def _late(self, worker: _Worker) -> bool:
        return worker.number is not None and self.timeout is not None and monotonic() > worker.since + self.timeout

    def end(self) -> None:
        """End every worker at once."""
        for worker in self._workers:
            worker.process.kill()
        for worker in self._workers:
            _end(worker)


@contextmanager
def crew(count: int, timeout: float | None) -> Iterator[Crew]:
    """Workers that are started when there is something to do; whatever happens inside, none is left afterwards."""
    made = Crew(count, timeout)
    try:
        yield made
    finally:
        made.end()


def _start() -> _Worker:
    context = get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=work, args=(theirs,), daemon=True)
    with interrupts_held(), without_main():
        process.start()
    theirs.close()  # or we would not see the end of the pipe when the worker dies
    return _Worker(process, ours)


def _end(worker: _Worker) -> None:
    worker.process.kill()
    worker.process.join()
    worker.pipe.close()


def _death(code: int) -> str:
    return f"worker died: {f'signal {-code}' if code < 0 else f'exit code {code}'}"
