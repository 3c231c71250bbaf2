"""The return and risk measures, of the strategy beside the benchmark."""

from collections.abc import Iterator

from core.number_format import format_value, title
from engine.backtest.account_returns import COLUMNS, STRATEGY
from engine.pages.measure_warnings import flagged
from engine.pages.report.section import Section, fill
from engine.results.outcome import Outcome
from risk.measures.base import Measured

ORDER = 20


def section(outcome: Outcome) -> Section:
    """One line a measure: a value of each column, and under it the interval, period, sample and formula."""
    names = outcome.names
    return fill(
        "headline.html",
        "Headline figures",
        names=list(names.values()),
        rows=[
            (items, _interval(outcome, items[0]))
            for items in zip(*(outcome.measures[column] for column in COLUMNS), strict=True)
        ],
        drawn=next((interval for interval in outcome.intervals.values() if interval.block), None),
        remarks=[*flagged(outcome.measures, names), *_without_interval(outcome)],
        outcome=outcome,
    )


def _interval(outcome: Outcome, measure: Measured) -> str:
    """From where to where, in the measure's unit; empty if there is no interval."""
    interval = outcome.intervals.get(measure.name)
    if interval is None or interval.low is None:
        return ""
    return f"{format_value(interval.low, measure.unit)} to {format_value(interval.high, measure.unit)}"


def _without_interval(outcome: Outcome) -> Iterator[str]:
    """The values that have no interval, by reason."""
    reasons: dict[str, list[str]] = {}
    for item in outcome.measures[STRATEGY]:
        interval = outcome.intervals.get(item.name)
        if interval and interval.reason and item.value is not None:
            reasons.setdefault(interval.reason, []).append(title(item.name))
    for reason, names in reasons.items():
        yield f"{', '.join(names)}: no interval, {reason}."
