"""Ctrl-C and SIGTERM end a sweep at once, with everything finished kept."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def terminable(folder: Path) -> Iterator[Callable[[], None]]:
    """SIGTERM ends the sweep as Ctrl-C does: at once, with everything finished kept.

    Libraries turn an interrupt that reaches them into errors of their own, or drop it; so it is remembered, and what
    this yields raises it again.
    """
    asked: list[int] = []

    def stop(sign: int, *_: Any) -> None:
        asked.append(sign)
        raise KeyboardInterrupt

    def look() -> None:
        if asked:
            raise KeyboardInterrupt

    with _handled(stop):
        try:
            yield look
        except BaseException as error:
            if not asked and not isinstance(error, KeyboardInterrupt):
                raise
            kept = f"interrupted; what was finished is kept in {folder}: the same command goes on from there"
            raise KeyboardInterrupt(*([kept] if folder.is_dir() else [])) from None


@contextmanager
def _handled(stop: Callable[..., None]) -> Iterator[None]:
    """A handler of both signals; a Ctrl-C that was ignored still is, and other threads than the main one have none."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    ours = [signal.SIGTERM, *([signal.SIGINT] if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN else [])]
    before = {sign: signal.signal(sign, stop) for sign in ours}
    try:
        yield
    finally:
        for sign, handler in before.items():
            signal.signal(sign, handler)
