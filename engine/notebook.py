"""Runs, sweeps and reviews as a notebook shows them: the charts of the pages, in a frame of their own."""

import sys
from collections.abc import Callable, Mapping
from html import escape
from typing import TYPE_CHECKING, Any

from core.number_format import format_value, title
from core.types import RunResult
from engine.backtest.account_returns import AT_EXPOSURE, STRATEGY

if TYPE_CHECKING:
    import pandas as pd

    from engine.review.collection import Review

MEASURES = ("total_return", "cagr", "volatility", "sharpe", "max_drawdown", "average_exposure", "cost_drag")
TRIALS = 10
RUN_HEIGHT = 860
REVIEW_HEIGHT = 900


def register(shows: Mapping[type, Callable[[Any], str]]) -> None:
    """Teach the notebook that runs this code, if there is one, to show some types.

    Parameters
    ----------
    shows : for each type the function that makes HTML of an object.
    """
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    if shell is None:
        return
    formatter = shell.display_formatter.formatters["text/html"]
    for kind, show in shows.items():
        formatter.for_type(kind, show)


def run_html(result: RunResult) -> str:
    """A run: its verdict, wealth and drawdown beside the benchmark at equal exposure, headline measures.

    A run without measures, as an engine returns it, has its table of facts alone.
    """
    if result.daily is None or not result.metrics:
        return result._repr_html_()
    measures = result.metrics["measures"]
    columns = [name for name in (STRATEGY, AT_EXPOSURE) if name in measures]
    rows = [
        [
            title(name),
            *(format_value(measures[column][name]["value"], measures[column][name]["unit"]) for column in columns),
        ]
        for name in MEASURES
        if all(name in measures[column] for column in columns)
    ]
    span = result.metrics["span"]
    heads = ["Measure", "Strategy", "Benchmark at equal exposure"][: 1 + len(columns)]
    return _page(
        str(result.config["name"]) if result.config else result.config_id,
        f"{span['first_session']} to {span['last_session']}",
        result.metrics["verdict"],
        result.daily,
        heads,
        rows,
    )


def sweep_html(sweep: Any) -> str:
    """A sweep: its verdict, the winner's curves, and the best trials with their settings."""
    numbers = sweep.numbers
    winners = sweep.winners
    if not winners:
        return f"<p>{escape(sweep.folder.name)}: {escape(numbers['verdict']['headline'])}</p>"
    objective = numbers["objective"]["measure"]
    settings = sorted(numbers["space"])
    best = numbers["winners"][:TRIALS]
    rows = [
        [str(winner["trial"]), f"{winner['objective']:.4g}", *(str(winner["point"].get(path, "")) for path in settings)]
        for winner in best
    ]
    winner = next(result for name, result in winners.items() if name.startswith(f"trial-{best[0]['trial']:06d}-"))
    span = numbers["span"]
    return _page(
        str(numbers["name"]),
        f"{numbers['trials']['done']:,} trials, {span['first_session']} to {span['last_session']}; the winner's curves",
        numbers["verdict"],
        winner.daily,
        ["Trial", title(objective), *settings],
        rows,
    )


def review_html(review: "Review") -> str:
    """A review: its page."""
    from engine.review.page import page

    return _frame(page(review), REVIEW_HEIGHT)


def _page(
    name: str,
    span: str,
    verdict: Mapping[str, Any],
    daily: "pd.DataFrame | None",
    heads: list[str],
    rows: list[list[str]],
) -> str:
    from engine.pages.templates import CHARTS, render

    text = render(
        "notebook.html",
        scripts=CHARTS,
        name=name,
        span=span,
        verdict=verdict["headline"],
        beats=verdict.get("beats", False),
        figure="" if daily is None else _figure(daily, name),
        heads=heads,
        rows=rows,
    )
    return _frame(text, RUN_HEIGHT)


def _figure(daily: "pd.DataFrame", name: str) -> str:
    import pandas as pd

    from engine.pages.time_charts import Colour, Line, Panel, time_chart

    labels = {STRATEGY: "Strategy", AT_EXPOSURE: "Benchmark at equal exposure"}
    wealth = (1.0 + daily[[column for column in labels if column in daily]]).cumprod()
    drawdown = wealth / wealth.cummax().clip(lower=1.0) - 1.0

    def drawn(table: "pd.DataFrame") -> list[Line]:
        colour: dict[str, Colour] = {STRATEGY: "blue", AT_EXPOSURE: "grey"}
        return [Line(labels[str(name)], values.to_numpy(), colour[str(name)]) for name, values in table.items()]

    panels = [
        Panel("Wealth, 1 at the start", drawn(wealth), unit="ratio", height=260, log=True),
        Panel("Drawdown", drawn(drawdown), height=120, zero=True, short="drawdown"),
    ]
    return time_chart(pd.DatetimeIndex(daily.index), panels, f"Wealth and drawdown of {name} and its benchmark.")


def _frame(page: str, height: int) -> str:
    """A page in a frame: its styles and scripts meet those of the notebook nowhere."""
    return (
        f'<iframe srcdoc="{escape(page, quote=True)}" sandbox="allow-scripts allow-popups" '
        f'style="width:100%;height:{height}px;border:0" title="backtrader-ml"></iframe>'
    )
