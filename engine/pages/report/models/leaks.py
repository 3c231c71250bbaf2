"""Leak checks: those of every run, and what the last audit of this config found."""

from engine.pages.report.section import Section, fill
from engine.results.outcome import Outcome
from engine.run_folder import verdict_cache

ORDER = 65


def section(outcome: Outcome) -> Section:
    """The checks of this run, and the cached verdict of the leak battery or how to get one."""
    return fill(
        "leaks.html",
        "Leak checks",
        checks=outcome.checks,
        audit=verdict_cache.recall(outcome.config_id),
        recorded=outcome.is_recording,
    )
