"""Returns of calendar periods: weeks, months, quarters and years, compounded from those of the sessions."""

import pandas as pd

EVERY = {"week": "W-FRI", "month": "ME", "quarter": "QE", "year": "YE"}
"""The pandas offset of each calendar period."""


def compounded(returns: pd.Series, every: str | None) -> pd.Series:
    """Simple returns of calendar periods, by the period's end; each period once, those without a session left out.

    Parameters
    ----------
    every : a pandas offset (``ME``); None leaves the returns as they are.
    """
    if every is None:
        return returns
    groups = (1.0 + returns).groupby(pd.Grouper(freq=every))
    return (groups.prod() - 1.0)[groups.size() > 0]


def yearly(daily: pd.DataFrame) -> pd.DataFrame:
    """Compounded returns by calendar year; index: the years."""
    return (1.0 + daily).groupby(pd.DatetimeIndex(daily.index).year).prod() - 1.0


def monthly_table(returns: pd.Series) -> pd.DataFrame:
    """Compounded returns; one row a year, columns 1 to 12 and `year`; NaN for months without a session."""
    month = compounded(returns, "ME")
    index = pd.DatetimeIndex(month.index)
    long = pd.DataFrame({"year": index.year, "month": index.month, "return": month.to_numpy()})
    table = long.pivot_table(index="year", columns="month", values="return").reindex(columns=range(1, 13))
    return table.assign(year=yearly(returns.to_frame("year"))["year"])
