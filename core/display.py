"""Displays of an object: facts as one line, a rich table or HTML; measures as a frame; returns as a chart."""

from collections.abc import Mapping
from html import escape
from typing import Any

import pandas as pd

DESCRIBED = ("unit", "period", "n", "formula")
CELL = "text-align: left; padding: 0.15em 1em 0.15em 0; vertical-align: top"


def line(name: str, facts: Mapping[str, str]) -> str:
    """One line for a terminal or a traceback.

    >>> line("Thing", {"colour": "red", "size": "3 m"})
    '<Thing colour: red; size: 3 m>'
    """
    return f"<{name} {'; '.join(f'{key}: {value}' for key, value in facts.items())}>"


def rich_table(title: str, facts: Mapping[str, str]) -> Any:
    """A table that rich prints."""
    from rich.table import Table
    from rich.text import Text

    table = Table(title=title, title_justify="left", title_style="bold", show_header=False, box=None, pad_edge=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for key, value in facts.items():
        table.add_row(key, Text(value))
    return table


def html_table(title: str, facts: Mapping[str, str]) -> str:
    """A table for a notebook, of plain HTML without scripts.

    >>> html_table("a < b", {"size": "3 & more"}).count("&lt;")
    1
    """
    rows = "".join(
        f'<tr><th scope="row" style="{CELL}">{escape(key)}</th><td style="{CELL}">{escape(value)}</td></tr>'
        for key, value in facts.items()
    )
    return f'<table><caption style="text-align: left; font-weight: bold">{escape(title)}</caption>{rows}</table>'


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
    >>> float(measures_frame({"measures": {"strategy": {"sharpe": sharpe}}}).loc["sharpe", "strategy"])
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
