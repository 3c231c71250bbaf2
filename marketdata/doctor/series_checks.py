"""All checks of one symbol's bars."""

from collections.abc import Callable, Iterable, Set
from dataclasses import replace

from .calendars import against, calendars
from .columns import columns
from .finding import Finding, Series
from .moves import moves
from .stretches import stretches

REFUSING = frozenset({"unit_error"})
"""Checks whose findings refuse a run unless the config accepts them."""

GROUPS: tuple[Callable[[Series], Iterable[Finding]], ...] = (moves, calendars, columns, stretches)


def findings_of(series: Series, calendar: str | None = None, accepted: Set[str] = frozenset()) -> list[Finding]:
    """Everything that the doctor finds in one symbol's bars.

    Parameters
    ----------
    calendar : that the sessions are compared with; None: gaps and week-ends are judged by the series itself.
    accepted : checks whose findings do not refuse a run.
    """
    stated = list(against(series, calendar)) if calendar and len(series) else []
    findings = [finding for group in GROUPS for finding in group(series)]
    findings = [item for item in findings if not (calendar and item.check in ("gap", "weekend"))]
    return [*stated, *(_accepted(item) if item.check in accepted else item for item in findings)]


def _accepted(finding: Finding) -> Finding:
    """A finding that the config declares genuine: it stays beside the verdict."""
    return replace(finding, severity="warn", advice="accepted by data.accept")
