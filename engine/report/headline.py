"""The return and risk measures, of the strategy beside the benchmark."""

from engine.accounts import AT_EXPOSURE, BENCHMARK, COLUMNS, STRATEGY
from engine.flags import flagged
from engine.numerals import percent
from engine.outcome import Outcome
from engine.report import Section, fill

ORDER = 20


def section(outcome: Outcome) -> Section:
    """One line a measure: a value of each column, and under it period, sample and formula."""
    benchmark, mean = outcome.market.benchmark, percent(outcome.exposure.gross_mean)
    names = {STRATEGY: outcome.name, BENCHMARK: benchmark, AT_EXPOSURE: f"{benchmark} at {mean}"}
    return fill(
        "headline.html",
        "Headline figures",
        names=list(names.values()),
        rows=list(zip(*(outcome.measures[column] for column in COLUMNS), strict=True)),
        remarks=flagged(outcome.measures, names),
        outcome=outcome,
    )
