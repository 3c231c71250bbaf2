"""A worker process: tasks in, progress, log records and results out, over one pipe, until the parent is gone."""

import importlib
import logging
import logging.handlers
import os
import threading
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any, TypeAlias

from core.errors import WorkbenchError
from core.plugins import raised_in
from core.processes import end_with_parent
from core.progress import ProgressCallback

Perform: TypeAlias = Callable[[Any, Any, ProgressCallback], Any]
"""A task's work: takes the context of the call, the task and a callback for progress; returns the result."""

READY = "ready"
"""The message of a worker that has imported all it needs."""
BEGUN = "begun"
"""The message of a worker that has received a task: its time is counted from here."""


@dataclass(frozen=True)
class Work:
    """The code that the workers of a pool run.

    Attributes
    ----------
    perform : a function of a module, which worker processes import by its name.
    imports : modules that a worker imports before it takes a task.
    """

    perform: Perform
    imports: tuple[str, ...] = ()


@dataclass(frozen=True)
class Context:
    """The part of a call that all its tasks share, and the level of log records that the parent shows."""

    value: Any
    log_level: int


@dataclass(frozen=True)
class Result:
    """The value that a task returned."""

    value: Any


@dataclass(frozen=True)
class Error:
    """The error that a task raised: as it is if it is one of ours, else as text, since it may not travel.

    Attributes
    ----------
    error : a :class:`~core.errors.WorkbenchError` with its notes; None for any other exception.
    text : ``Type: message``.
    """

    error: WorkbenchError | None
    text: str


class Channel(logging.handlers.QueueHandler):
    """The worker's end of the pipe, for messages and for log records of any thread."""

    def __init__(self, pipe: Connection) -> None:
        super().__init__(queue=None)  # type: ignore[arg-type]  # a pipe takes its place
        self._pipe = pipe
        self._sending = threading.Lock()

    def send(self, message: object) -> None:
        """Send a message; a worker whose parent is gone ends at once."""
        try:
            with self._sending:
                self._pipe.send(message)
        except OSError:
            os._exit(1)

    def enqueue(self, record: logging.LogRecord) -> None:
        """Send a log record."""
        self.send(record)


def serve(pipe: Connection, work: Work) -> None:
    """The loop of a worker process; returns when the pipe ends."""
    end_with_parent()
    channel = Channel(pipe)
    root = logging.getLogger()
    root.handlers[:] = [channel]
    logging.captureWarnings(capture=True)
    for name in work.imports:
        importlib.import_module(name)
    channel.send(READY)
    context = Context(None, logging.WARNING)
    try:
        while True:
            new_context, task = pipe.recv()
            if new_context is not None:
                context = new_context
                root.setLevel(context.log_level)
            channel.send(BEGUN)
            channel.send(_attempt(work.perform, context.value, task, channel.send))
    except (EOFError, ConnectionError):  # the other end is gone, in order or by a kill
        return


def _attempt(perform: Perform, context: Any, task: Any, on_progress: ProgressCallback) -> Result | Error:
    try:
        return Result(perform(context, task, on_progress))
    except WorkbenchError as error:
        return Error(error, f"{type(error).__name__}: {error}")
    except Exception as error:  # the code of a plug-in may raise anything
        logging.getLogger(__name__).debug("a task failed", exc_info=True)
        location = raised_in(error)
        return Error(None, f"{f'{location}: ' if location else ''}{type(error).__name__}: {error}")
