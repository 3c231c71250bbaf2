"""The verdict, above all figures."""

from engine.results.outcome import Outcome

from . import Section, fill

ORDER = 10


def section(outcome: Outcome) -> Section:
    """The verdict and what it rests on."""
    return fill("verdict.html", "", verdict=outcome.verdict)
