"""Child processes that do not run the caller's script again, and leave Ctrl-C to it."""

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import parent_process, resource_tracker
from types import ModuleType

ONE_THREAD = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    # Idle OpenMP threads that spin bring a busy machine to a standstill.
    "GOMP_SPINCOUNT": "0",
    "OMP_WAIT_POLICY": "PASSIVE",
}
"""Environment variables that libraries read when they are loaded: numbers added up by one thread have one order."""


def one_thread() -> None:
    """One thread for libraries that are loaded from here on, unless the environment says otherwise.

    Several are hardly faster on what is done here, and give other last digits.
    """
    for name, value in ONE_THREAD.items():
        os.environ.setdefault(name, value)


@contextmanager
def without_main() -> Iterator[None]:
    """Processes spawned inside load our modules alone, not the script that was started.

    Python's ``spawn`` imports the main script in each child; a script that starts a run at its top level, without
    ``if __name__ == "__main__":``, would then start one in every child. No object that children receive is
    defined in a main script.
    """
    main = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main


@contextmanager
def interrupts_held() -> Iterator[None]:
    """Ctrl-C waits; processes started inside never get it: their parent alone decides when they end."""
    resource_tracker.ensure_running()  # it would lift the hold when the first process starts it
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def end_with_parent() -> None:
    """End this child process as soon as its parent has ended, in whatever way; returns at once."""
    parent = parent_process()

    def watch() -> None:
        if parent is not None:
            parent.join()
            os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
