"""A run's result at hand: its measures as a frame, its returns as a chart."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

DESCRIBED = ("unit", "period", "n", "formula")


def measures_frame(metrics: Mapping[str, Any]) -> pd.DataFrame:
    """The measures of a ``metrics.json`` as a frame.

    Parameters
    ----------
    metrics : its content; without ``measures`` the frame has no rows.

    Returns
    -------
    Index: the measures' names. Columns: a value for each column of the daily returns (NaN where there is none), then
    ``unit``, ``period``, ``n`` and ``formula``.

    >>> sharpe = {"value": 0.5, "unit": "ratio", "period": "annual", "n": 9, "formula": "mean / deviation"}
    >>> measures_frame({"measures": {"strategy": {"sharpe": sharpe}}}).loc["sharpe", "strategy"]
    0.5
    """
    columns: Mapping[str, Mapping[str, Any]] = metrics.get("measures", {})
    values = {
        column: pd.Series({name: item["value"] for name, item in items.items()}, dtype="float64")
        for column, items in columns.items()
    }
    names = list(dict.fromkeys(name for items in columns.values() for name in items))
    first = {name: next(items[name] for items in columns.values() if name in items) for name in names}
    about = {key: pd.Series({name: item[key] for name, item in first.items()}) for key in DESCRIBED}
    return pd.DataFrame({**values, **about}, index=pd.Index(names, name="measure"))


def plot(daily: pd.DataFrame, title: str) -> Any:
    """Growth of 1 and drawdown, one above the other.

    Parameters
    ----------
    daily : simple daily returns, fractions; a line for each column ``strategy`` and ``benchmark`` that is there.

    Returns
    -------
    A matplotlib figure with two axes; a notebook displays it.
    """
    import matplotlib.pyplot as plt

    growth = (1.0 + daily[[name for name in ("strategy", "benchmark") if name in daily]]).cumprod()
    figure, (above, below) = plt.subplots(2, sharex=True, figsize=(9, 5), height_ratios=(2, 1), layout="constrained")
    growth.plot(ax=above, title=title, ylabel="growth of 1")
    (growth / growth.cummax().clip(lower=1.0) - 1.0).plot(ax=below, ylabel="drawdown", legend=False)
    return figure
