"""A row with what a review adds to it."""

from dataclasses import dataclass

from .marks import Mark
from .row import ReviewRow


@dataclass(frozen=True)
class Reviewed:
    """A row with what a review adds to it.

    Attributes
    ----------
    row : the run's own.
    mark : by whoever reviewed it.
    deflated_all : deflated Sharpe ratio over all runs of the review; None where it is undefined.
    days : since the last return, at the time of the review.
    leaks : the leak audit where there is one, else the checks of the run.
    """

    row: ReviewRow
    mark: Mark
    deflated_all: float | None
    days: int
    leaks: str
