"""The input of a tear-sheet: the parts of a run's outcome that its page shows."""

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from engine.backtest.account_returns import AT_EXPOSURE, BENCHMARK, STRATEGY, Exposure
from engine.results.outcome import Outcome
from risk.measures.base import Measured

COLUMN = {"exposure": AT_EXPOSURE, "full": BENCHMARK}
"""The column of the daily returns by the config's ``report.tearsheet_benchmark``."""


@dataclass(frozen=True, eq=False)
class TearsheetInput:
    """All that a tear-sheet is made of; small, and fit to be sent to another process.

    Attributes
    ----------
    name, config_id : as in the run folder's name.
    benchmark : its symbol.
    names : how each column of ``daily`` is called on the page.
    daily : as in :class:`engine.results.outcome.Outcome`, and so are the measures, the exposure and the rest.
    further : the strategy's further measures.
    period : of one return, as in :class:`risk.periods.Calendar`.
    headline, reasons : the verdict's, and the sentences that it rests on.
    beats : whether the verdict found something.
    tried : sentences on the settings tried on the same data.
    data_warnings : what may be wrong with the data.
    compared_with : the column of ``daily`` that is the benchmark of the page.
    """

    name: str
    config_id: str
    benchmark: str
    names: Mapping[str, str]
    daily: pd.DataFrame
    measures: Mapping[str, tuple[Measured, ...]]
    further: tuple[Measured, ...]
    exposure: Exposure
    periods_per_year: float
    risk_free: float
    period: str
    cash_interest: float
    risk_free_note: str
    headline: str
    reasons: tuple[str, ...]
    beats: bool
    tried: tuple[str, ...]
    data_warnings: tuple[str, ...] = ()
    compared_with: str = AT_EXPOSURE

    @classmethod
    def of(cls, outcome: Outcome) -> "TearsheetInput":
        """The input of a run's tear-sheet, taken from its outcome."""
        return cls(
            name=outcome.name,
            config_id=outcome.config_id,
            benchmark=outcome.market.benchmark,
            names=outcome.names,
            daily=outcome.daily,
            measures=outcome.measures,
            further=tuple(item for items in outcome.further[STRATEGY].values() for item in items),
            exposure=outcome.exposure,
            periods_per_year=outcome.periods_per_year,
            risk_free=outcome.risk_free,
            period=outcome.calendar.period,
            cash_interest=outcome.cash_interest,
            risk_free_note=outcome.risk_free_note,
            headline=outcome.verdict.headline,
            reasons=outcome.verdict.sentences,
            beats=outcome.verdict.beats,
            tried=outcome.tried.sentences if outcome.tried else (),
            data_warnings=outcome.market.warnings,
            compared_with=COLUMN[outcome.config.get("report", {}).get("tearsheet_benchmark", "exposure")],
        )
