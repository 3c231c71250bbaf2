"""Progress on the terminal: bars where there is one, a few plain lines where output is piped, nothing when quiet."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from core.progress import Progress as Step
from core.progress import Report, silent

MAIN = "folds"
"""The task that piped output follows; bars of other tasks vanish when they are done."""


@contextmanager
def reporting(quiet: bool, stream: TextIO | None = None) -> Iterator[Report]:
    """Something to report progress to.

    Parameters
    ----------
    quiet : show nothing.
    stream : where to; stderr if left out, so that stdout holds results alone.
    """
    console = Console(file=stream or sys.stderr)
    if quiet:
        yield silent
    elif console.is_terminal:
        with _bars(console) as bars:
            yield _Bars(bars).show
    else:
        yield _Lines(console).show


def _bars(console: Console) -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=30),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[note]}", style="dim"),
        console=console,
        transient=True,
    )


class _Bars:
    """One bar a task."""

    def __init__(self, bars: Progress) -> None:
        self.bars = bars
        self.tasks: dict[str, TaskID] = {}

    def show(self, step: Step) -> None:
        """Move a task's bar; open one for a new task, close that of a finished one."""
        if step.task not in self.tasks:
            self.tasks[step.task] = self.bars.add_task(step.task, total=step.total, note=step.note)
        task = self.tasks[step.task]
        self.bars.update(task, completed=step.done, total=step.total, note=step.note)
        if step.done >= step.total and step.task != MAIN:
            self.bars.remove_task(task)
            del self.tasks[step.task]


class _Lines:
    """About ten lines for the main task, whatever its length."""

    def __init__(self, console: Console) -> None:
        self.console = console

    def show(self, step: Step) -> None:
        """Print a line at each tenth of the way."""
        if step.task != MAIN or step.total == 0:
            return
        tenths = step.done * 10 // step.total
        if tenths > (step.done - 1) * 10 // step.total or step.done == step.total:
            self.console.print(f"{step.task} {step.done} of {step.total}", highlight=False)
