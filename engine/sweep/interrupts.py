"""Ctrl-C and SIGTERM: a sweep ends at once, and everything that was finished stays on disk."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def terminable(folder: Path) -> Iterator[Callable[[], None]]:
    """Raise KeyboardInterrupt on SIGTERM as on Ctrl-C; on exit, with a message that names the folder of the sweep.

    Libraries turn an interrupt that reaches them into errors of their own, or drop it. Every signal is therefore
    recorded, and the function that this yields raises it again.
    """
    signals: list[int] = []

    def on_signal(number: int, *_: Any) -> None:
        signals.append(number)
        raise KeyboardInterrupt

    def raise_if_interrupted() -> None:
        if signals:
            raise KeyboardInterrupt

    with _handled(on_signal):
        try:
            yield raise_if_interrupted
        except BaseException as error:
            if not signals and not isinstance(error, KeyboardInterrupt):
                raise
            if not folder.is_dir():
                raise KeyboardInterrupt from None
            raise KeyboardInterrupt(
                f"interrupted; what was finished is kept in {folder}: the same command goes on from there"
            ) from None


@contextmanager
def _handled(handler: Callable[..., None]) -> Iterator[None]:
    """Handle both signals in the main thread; a Ctrl-C that was ignored before stays ignored."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    numbers = [signal.SIGTERM]
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        numbers.append(signal.SIGINT)
    handlers_before = {number: signal.signal(number, handler) for number in numbers}
    try:
        yield
    finally:
        for number, handler_before in handlers_before.items():
            signal.signal(number, handler_before)
