"""The table of key figures that readers of tear-sheets know: each from its definition, for all three columns."""

from engine.backtest.account_returns import BENCHMARK, COLUMNS, STRATEGY
from engine.pages.report.section import Section, fill
from engine.results.outcome import Outcome
from risk.returns import warnings_of

from .key_figures import Series, Terms, against, groups

ORDER = 28


def section(outcome: Outcome) -> Section:
    """The figures group by group, and those against the benchmark."""
    terms = Terms(outcome.risk_free, outcome.periods_per_year, outcome.calendar.period)
    columns = {name: Series.of(outcome.daily[name], terms) for name in COLUMNS}
    return fill(
        "key_metrics.html",
        "Key performance metrics",
        folded=True,
        about="returns, ratios, drawdowns, best and worst periods, by the names of tear-sheets",
        names=outcome.names,
        groups=list(groups(list(columns.values()), terms)),
        against=against(columns[STRATEGY], columns[BENCHMARK]),
        benchmark=outcome.market.benchmark,
        warnings=warnings_of(columns[STRATEGY].values, terms.periods),
    )
