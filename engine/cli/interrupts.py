"""Ctrl-C that libraries cannot swallow: every interrupt is recorded, and raised as usual."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def recorded_interrupts() -> Iterator[list[int]]:
    """A block whose interrupts are counted in the list that it yields.

    A library that is interrupted may answer with an error of its own; the list tells that it was an interrupt. Outside
    the main thread, and where Ctrl-C is ignored, nothing is changed.
    """
    numbers: list[int] = []

    def on_signal(number: int, *_: Any) -> None:
        numbers.append(number)
        raise KeyboardInterrupt

    in_main = threading.current_thread() is threading.main_thread()
    if not in_main or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield numbers
        return
    signal.signal(signal.SIGINT, on_signal)
    try:
        yield numbers
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
