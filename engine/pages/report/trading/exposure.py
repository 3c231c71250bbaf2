"""Exposure: the fraction of the account that was invested."""

from engine.pages.report.section import Section, fill
from engine.results.outcome import Outcome

ORDER = 40


def section(outcome: Outcome) -> Section:
    """Mean gross and net exposure and the time in the market."""
    return fill("exposure.html", "Exposure", exposure=outcome.exposure)
