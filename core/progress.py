"""Progress of long work: the steps that it reports, and the type of a callback that shows them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from core.deprecation import deprecated_names

__all__ = ["Progress", "ProgressCallback", "no_progress"]


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


ProgressCallback: TypeAlias = Callable[[Progress], None]


def no_progress(step: Progress) -> None:
    """A :data:`ProgressCallback` that shows nothing."""


if not TYPE_CHECKING:
    __getattr__ = deprecated_names(__name__, {"Report": "ProgressCallback", "silent": "no_progress"}, since="0.2")
