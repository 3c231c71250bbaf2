"""Progress on the terminal: bars where there is one, a few plain lines where output is piped, nothing when quiet."""

import math
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TextIO

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)
from rich.text import Text

from core.progress import Progress as Step
from core.progress import ProgressCallback, no_progress

MAIN = "folds"
"""The task that piped output follows; bars of other tasks vanish when they are done."""


@contextmanager
def reporting(quiet: bool, stream: TextIO | None = None, main: str = MAIN) -> Iterator[ProgressCallback]:
    """Something to report progress to.

    Parameters
    ----------
    quiet : show nothing.
    stream : where to; stderr if left out, so that stdout holds results alone.
    main : the task that piped output follows, and whose bar tells its rate and the time left.
    """
    console = Console(file=stream or sys.stderr)
    if quiet:
        yield no_progress
    elif console.is_terminal:
        with _bars(console, main) as bars:
            yield _Bars(bars, main).show
    else:
        yield _Lines(console, main).show


class _Pace(ProgressColumn):
    """The speed of the main task, and the time that it will still take."""

    def __init__(self, main: str) -> None:
        super().__init__()
        self.main = main

    def render(self, task: Task) -> Text:
        """Steps a second and the time left, once they can be told."""
        if task.description != self.main or not task.speed:
            return Text("")
        left = timedelta(seconds=math.ceil(task.time_remaining or 0))
        pace = f"{task.speed:,.0f}/s" if task.speed >= 10 else f"{task.speed:.2g}/s"
        return Text(pace if task.finished else f"{pace}, {left} left", style="dim", no_wrap=True)


def _bars(console: Console, main: str) -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=30),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        _Pace(main),
        TextColumn("{task.fields[note]}", style="dim"),
        console=console,
        transient=True,
    )


class _Bars:
    """One bar a task."""

    def __init__(self, bars: Progress, main: str) -> None:
        self.bars = bars
        self.main = main
        self.tasks: dict[str, TaskID] = {}

    def show(self, step: Step) -> None:
        """Move a task's bar; open one for a new task, close that of a finished one."""
        if step.task not in self.tasks:
            self.tasks[step.task] = self.bars.add_task(step.task, total=step.total, note=step.note)
        task = self.tasks[step.task]
        self.bars.update(task, completed=step.done, total=step.total, note=step.note)
        if step.done >= step.total and step.task != self.main:
            self.bars.remove_task(task)
            del self.tasks[step.task]


class _Lines:
    """About ten lines for the main task, whatever its length."""

    def __init__(self, console: Console, main: str) -> None:
        self.console = console
        self.main = main
        self.tenth = 0

    def show(self, step: Step) -> None:
        """Print a line at each tenth of the way."""
        if step.task != self.main or step.total == 0:
            return
        tenth = step.done * 10 // step.total
        if tenth > self.tenth or step.done == 0:  # many may be done in one step
            self.tenth = tenth
            note = f"; {step.note}" if step.note else ""
            self.console.print(f"{step.task} {step.done:,} of {step.total:,}{note}", highlight=False, soft_wrap=True)
