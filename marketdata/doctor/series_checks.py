"""All checks of one symbol's bars."""

from collections.abc import Callable, Iterable

from .calendars import against, calendars
from .columns import columns
from .finding import Finding, Series
from .moves import moves
from .stretches import stretches

GROUPS: tuple[Callable[[Series], Iterable[Finding]], ...] = (moves, calendars, columns, stretches)


def findings_of(series: Series, calendar: str | None = None) -> list[Finding]:
    """Everything that the doctor finds in one symbol's bars.

    Parameters
    ----------
    calendar : that the sessions are compared with; None: gaps and week-ends are judged by the series itself.
    """
    stated = list(against(series, calendar)) if calendar and len(series) else []
    findings = [finding for group in GROUPS for finding in group(series)]
    return [*stated, *(item for item in findings if not (calendar and item.check in ("gap", "weekend")))]
