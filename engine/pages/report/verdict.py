"""The verdict, above all figures."""

from engine.results.outcome import Outcome

from . import Section, fill

ORDER = 10


def section(outcome: Outcome) -> Section:
    """The verdict, what it rests on, and the number of settings tried."""
    return fill("verdict.html", "", verdict=outcome.verdict, tried=outcome.tried, warnings=outcome.market.warnings)
