"""Trials on backtrader in worker processes that may hang or die: a trial is lost then, not the sweep."""

import os
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, wait
from concurrent.futures import TimeoutError as FutureTimeoutError
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from core.errors import ConfigError, WorkbenchError
from core.processes import interrupts_held, without_main
from core.types import Market, SignalFrame
from engine.background import live_with_parent

from .policies import Wants
from .scores import FAILED, INVALID, Scores, without
from .slow import trial
from .space import trial_config

if TYPE_CHECKING:
    from engine.config import RunConfig

LATE = "took longer than sweep.timeout"
Point: TypeAlias = tuple[int, Mapping[str, Any]]
"""A trial's number and point."""


@dataclass(frozen=True, eq=False)
class Jobs:
    """The trials of one group on the processes of a :func:`pool`.

    Attributes
    ----------
    timeout : seconds that a trial may take; None for as long as it takes.
    """

    processes: Any
    config: "RunConfig"
    market: Market
    signals: SignalFrame
    wants: Wants
    timeout: float | None

    def run(self, points: Iterable[Point]) -> Iterator[Scores]:
        """The scores of each trial as it is finished; one whose worker died is tried once more."""
        waiting: dict[Any, Point] = {}
        again: set[int] = set()
        for point in points:
            try:
                waiting[self._submitted(point)] = point
            except ConfigError as error:
                yield self._without(point[0], INVALID, error.line)
        while waiting:
            for future in wait(waiting, return_when=FIRST_COMPLETED).done:
                point = waiting.pop(future)
                found, reason = self._outcome(future)
                if found is not None:
                    yield found
                elif point[0] in again or reason.startswith(LATE):
                    yield self._without(point[0], FAILED, reason)
                else:
                    again.add(point[0])
                    waiting[self._submitted(point)] = point

    def _submitted(self, point: Point) -> Any:
        config = trial_config(self.config, point[1])
        return self.processes.schedule(
            trial, (point[0], config, self.market, self.signals, self.wants), timeout=self.timeout
        )

    def _without(self, number: int, status: str, reason: str) -> Scores:
        return without(np.array([number]), status, [reason], self.wants.names, self.wants.shape)

    def _outcome(self, future: Any) -> tuple[Scores | None, str]:
        """What a worker gave, or how it ended."""
        from pebble import ProcessExpired

        try:
            return future.result(), ""
        except FutureTimeoutError:
            return None, f"{LATE}, {self.timeout:g} s"
        except ProcessExpired as error:
            code = error.exitcode or 0
            return None, f"worker died: {f'signal {-code}' if code < 0 else f'exit code {code}'}"
        except WorkbenchError as error:
            return None, error.line
        except Exception as error:  # a strategy of anyone's may raise anything
            return None, f"{type(error).__name__}: {error}"


@contextmanager
def pool(count: int) -> Iterator[Any]:
    """Spawned worker processes that end with this one."""
    from pebble import ProcessPool

    with interrupts_held(), without_main():
        processes: Any = ProcessPool(max_workers=count, initializer=live_with_parent, context=get_context("spawn"))
        processes.schedule(os.getpid).result()
    try:
        yield processes
    finally:
        processes.stop()
        processes.join()
