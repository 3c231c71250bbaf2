"""A child process that gets ready while the run goes on, works on what it is handed, and never outlives its parent."""

import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from importlib import import_module

from core.errors import StoreError
from core.processes import end_with_parent, interrupts_held, without_main

MEASURES = ("engine.results.compute_measures", "arch.bootstrap")
"""What the process that measures runs has to import: two seconds of it."""
DIED = "the process that measures the run died; if memory ran out, free some, or set measures.intervals.reps=0"


def measuring() -> AbstractContextManager[Executor]:
    """The process that measures runs; entered first of all, it gets ready while configs and data are read."""
    return helper(partial(load, MEASURES), DIED)


def load(modules: Sequence[str]) -> None:
    """Import modules, whatever they warn of."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in modules:
            import_module(name)


@contextmanager
def helper(warm: Callable[[], None], died: str) -> Iterator[Executor]:
    """One child process that imports at once what it will need.

    Enter it when the run begins: what ``warm`` imports is then loaded when the run has something to hand over. Leaving
    it waits for what was submitted; an error or Ctrl-C inside ends the process at once.

    Parameters
    ----------
    warm : called in the child first.
    died : what to say and do when the process died.

    Raises
    ------
    StoreError
        The process died.
    """
    from concurrent.futures.process import BrokenProcessPool
    from multiprocessing import active_children, get_context

    with ProcessPoolExecutor(1, mp_context=get_context("spawn"), initializer=live_with_parent) as pool:
        others = active_children()
        with without_main(), interrupts_held():
            pool.submit(warm)
        try:
            yield pool
        except BrokenProcessPool:
            raise StoreError(died) from None
        except BaseException:
            for child in active_children():
                if child not in others:
                    child.kill()
            raise


def live_with_parent() -> None:
    """Leave Ctrl-C to the parent, and do not outlive it however it ends."""
    import signal

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    end_with_parent()
