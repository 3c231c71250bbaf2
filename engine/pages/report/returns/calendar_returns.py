"""Returns by calendar period: months of the strategy and of the benchmark, and years."""

import pandas as pd

from engine.backtest.account_returns import AT_EXPOSURE, STRATEGY
from engine.pages.month_cells import month_rows
from engine.pages.period_returns import monthly_table, yearly
from engine.pages.report.section import Section, fill
from engine.pages.return_charts import draw_yearly
from engine.pages.svg_charts import svg
from engine.pages.templates import safe
from engine.results.outcome import Outcome

ORDER = 22


def section(outcome: Outcome) -> Section:
    """A monthly table for each, and the years as bars and as a table."""
    years = yearly(outcome.daily)
    pair = pd.DataFrame({outcome.names[column]: years[column] for column in (STRATEGY, AT_EXPOSURE)})
    picture = svg(draw_yearly(pair), f"Returns by calendar year: a pair of bars a year, {' and '.join(pair.columns)}")
    return fill(
        "calendar_returns.html",
        "Returns by month and year",
        tables=[
            (outcome.names[column], month_rows(monthly_table(outcome.daily[column])))
            for column in (STRATEGY, AT_EXPOSURE)
        ],
        picture=safe(picture),
        names=outcome.names,
        years=years.reset_index(names="year").to_dict("records"),
    )
