"""The verdict, above all figures."""

from engine.pages.report.section import Section, fill
from engine.results.outcome import Outcome

ORDER = 10


def section(outcome: Outcome) -> Section:
    """The verdict, what it rests on, and the number of settings tried."""
    return fill(
        "verdict.html",
        "Verdict and tests",
        verdict=outcome.verdict,
        tried=outcome.tried,
        warnings=outcome.market.warnings,
    )
