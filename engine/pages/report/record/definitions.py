"""The definitions of all figures of the report."""

from engine.pages.definitions import definitions
from engine.pages.report.section import Section, fill
from engine.results.outcome import Outcome

ORDER = 100


def section(outcome: Outcome) -> Section:
    """Each formula once."""
    items = definitions(outcome)
    about = f"{len(items)} figures, each with its formula, sample and unit"
    return fill("definitions.html", "Definitions", folded=True, about=about, items=items)
