"""What long work says of itself while it runs; the caller decides how to show it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True)
class Progress:
    """One step done.

    Attributes
    ----------
    task : what is being counted, for example ``folds`` or ``fold 3 lstm``.
    done, total : steps done, steps expected; ``done == total`` ends the task.
    note : a short text beside the bar, for example the validation loss.
    """

    task: str
    done: int
    total: int
    note: str = ""


Report: TypeAlias = Callable[[Progress], None]


def silent(step: Progress) -> None:
    """A :data:`Report` that shows nothing."""
