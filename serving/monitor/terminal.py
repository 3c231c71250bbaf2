"""An evaluation on the terminal."""

from rich.console import Console
from rich.table import Table
from rich.text import Text

from core.number_format import count, format_value, title

from .measures import Score
from .run import Evaluation

STYLES = {"ok": "bold green", "watch": "bold yellow", "retrain": "bold red"}
FRACTIONS = ("mape", "hit_rate", "coverage")


def show(evaluation: Evaluation, console: Console | None = None) -> None:
    """Print verdict, alerts, facts and scores."""
    console = console or Console(highlight=False)
    content = evaluation.dump()
    console.print()
    console.print(
        Text.assemble((str(content["model"]["name"]), "bold"), "  ", (content["verdict"], STYLES[content["verdict"]]))
    )
    console.print(
        Text(
            f"{count(content['predictions'], 'prediction')}, {content['first_session']} to {content['last_session']}; "
            f"{content['waiting_for_outcome']:,} wait for their outcome"
        )
    )
    console.print(
        Text(
            f"{content['checks']} checks; highest at {evaluation.highest:.0%} of its limit; one false alarm of all "
            f"checks together in {content['false_alarm_every_sessions']:,} sessions"
        )
    )
    for alert in evaluation.alerts:
        console.print(
            Text(f"alert  {alert.check}: {alert.statistic:.4g}, threshold {alert.threshold:.4g}", style="red")
        )
        console.print(Text(f"       first evidence {alert.first_evidence}; {alert.advice}"))
    for fact in evaluation.facts:
        console.print(Text(f"note   {fact}", style="yellow"))
    console.print(_scores(evaluation.scores))
    if evaluation.history:
        console.print(Text(f"alerts so far began on {', '.join(evaluation.history[-10:])}"))


def _scores(scores: tuple[Score, ...]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="bold")
    table.add_column(Text("score"))
    for head in ("served", "last 60", "walk-forward", "5 % to 95 % of 60 sessions"):
        table.add_column(Text(head), justify="right")
    for score in scores:
        cells = (score.overall, score.recent, score.reference)
        band = "n/a" if score.low is None else f"{number(score.name, score.low)} to {number(score.name, score.high)}"
        table.add_row(title(score.name), *(number(score.name, value) for value in cells), band)
    return table


def number(name: str, value: float | None) -> str:
    """A score as a reader wants it: small errors with an exponent."""
    if value is not None and name == "mse":
        return f"{value:.3e}"
    return format_value(value, "fraction" if name in FRACTIONS else "ratio")
