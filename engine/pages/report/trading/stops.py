"""Protection by stops: the bar of the entry, on which they are not active, and gaps beyond them."""

from engine.pages.report.section import Section, fill
from engine.results.outcome import Outcome

ORDER = 47


def section(outcome: Outcome) -> Section | None:
    """Losses that stops limited and losses beyond them; nothing for a run without stops."""
    if outcome.stops is None:
        return None
    return fill(
        "stops.html", "Stops", check=outcome.stops, stop=outcome.config["risk"]["stop"], cash=outcome.result.cash
    )
