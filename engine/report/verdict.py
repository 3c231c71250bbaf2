"""What may be said of the run, before any number."""

from engine.outcome import Outcome
from engine.report import Section, fill

ORDER = 10


def section(outcome: Outcome) -> Section:
    """The verdict and what it rests on."""
    return fill("verdict.html", "", verdict=outcome.verdict)
