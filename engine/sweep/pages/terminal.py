"""What a sweep says of itself on the terminal, from its sweep.json: a finished folder says the same."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from core.errors import StoreError
from core.number_format import count, format_4sig, money, p_value, percent, title
from engine.run_folder.run_folder import read_json
from engine.sweep.storage.file_names import NUMBERS, PAGE, TABLE

MARKS = {True: ("passed", "green"), False: ("not passed", "red"), None: ("not run", "yellow")}


def show(found: Mapping[str, Any], folder: Path, note: str = "", console: Console | None = None) -> None:
    """Print the summary of a sweep.

    Parameters
    ----------
    found : what sweep.json holds.
    folder : the sweep's folder.
    note : about an earlier run; empty if there is nothing to say.
    """
    console = console or Console(highlight=False)
    span, verdict = found["span"], found["verdict"]
    console.print()
    console.print(Text(folder.name, style="bold"))
    days = f"{span['first_session']} to {span['last_session']}, {count(span['sessions'], 'session')}"
    console.print(Text(f"{', '.join(found['symbols'])}: {_trials(found)}; shared span {days}"))
    console.print()
    skill = verdict["tests"] and all(test["passed"] for test in verdict["tests"])
    console.print(Text(verdict["sentence"], style="bold green" if skill else "bold yellow"))
    for test in verdict["tests"]:
        word, colour = MARKS[test["passed"]]
        console.print(Padding(Text.assemble((f"{word}: ", colour), test["sentence"]), (0, 0, 0, 2)))
    if found["winners"]:
        console.print()
        console.print(_best(found))
        console.print(Text(_confirmed(found)))
        for line in _lines(found):
            console.print(line)
    for text in found["notes"]:
        console.print(Text(f"note: {text}"))
    console.print()
    if note:
        console.print(note)
    console.print(Text(f"{'page':11s} {folder / PAGE}", style="bold"), soft_wrap=True)
    console.print(Text(f"{'table':11s} {folder / TABLE}"), soft_wrap=True)


def show_folder(folder: Path, console: Console | None = None) -> None:
    """Print the summary of a finished sweep's folder.

    Raises
    ------
    StoreError
        Its sweep.json is missing, damaged, or not of this version.
    """
    path = folder / NUMBERS
    console = console or Console(highlight=False)
    try:
        with console.capture() as text:
            show(read_json(path), folder, console=console)
    except (KeyError, TypeError, AttributeError, IndexError) as error:
        raise StoreError(f"{path}: is not what this version writes ({error!r}); run the sweep again") from None
    console.file.write(text.get())


def is_sweep(folder: Path) -> bool:
    """Whether a run folder is a sweep's."""
    return (folder / NUMBERS).is_file()


def _trials(found: Mapping[str, Any]) -> str:
    told = dict(found["trials"])
    parts = ", ".join(f"{number:,} {status}" for status, number in told.items() if status != "all")
    return f"{told['all']:,} trials ({parts}), {found['method']}"


def _best(found: Mapping[str, Any]) -> Table:
    """The winners: their parameters and how they did."""
    objective = found["objective"]["measure"]
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    for head in ("trial", objective, "final value"):
        table.add_column(Text(head), justify="right", header_style="bold", overflow="fold")
    for head in _heads(list(found["space"])):
        table.add_column(Text(head), justify="right", header_style="bold", overflow="fold")
    for each in found["winners"]:
        point = [_cell(value) for value in each["point"].values()]
        table.add_row(str(each["trial"]), format_4sig(each["objective"]), money(each["final_value"]), *point)
    return table


def _heads(paths: list[str]) -> list[str]:
    """The end of each path, as much of it as tells it from the others.

    >>> _heads(["risk.base", "features.0.window", "features.1.window"])
    ['base', '0.window', '1.window']
    """

    def end(path: str, parts: int) -> str:
        return ".".join(path.split(".")[-parts:])

    def least(path: str) -> int:
        long = path.count(".") + 1
        return next(
            n for n in range(1, long + 1) if n == long or [end(each, n) for each in paths].count(end(path, n)) == 1
        )

    return [end(path, least(path)) for path in paths]


def _cell(value: Any) -> Text:
    return Text("-" if value is None else f"{value:g}" if isinstance(value, float) else str(value))


def _confirmed(found: Mapping[str, Any]) -> str:
    checked = len(found["winners"]) + len(found["spot_checks"])
    return f"confirmed on backtrader, fill for fill: these, and {checked - len(found['winners'])} spot checks"


def _lines(found: Mapping[str, Any]) -> list[Text]:
    lines = []
    stability, selection, numbers = found["stability"], found["selection"], found["luck"]
    name = found["objective"]["measure"]
    if stability and stability["median"] is not None:
        near = count(len(stability["neighbours"]), "neighbour")
        lines.append(
            f"parameter stability: {name} {format_4sig(stability['winner'])} of the winner, median of its {near} "
            f"{format_4sig(stability['median'])}, worst {format_4sig(stability['worst'])}"
        )
    if selection:
        measures = selection["measures"]
        lines.append(
            f"walk-forward selection: {title('sharpe')} {format_4sig(measures['sharpe']['value'])}, "
            f"total return {percent(measures['total_return']['value'])}, {count(selection['changes'], 'change')}"
        )
    if numbers and numbers["effective_trials"]:
        cash = numbers["superior_ability"]["cash"]["consistent"]
        lines.append(
            f"trials: {_tries(numbers)}, in about {numbers['effective_trials']['count']} clusters of similar "
            f"returns; superior ability against cash p = {p_value(cash)}"
        )
    held = found["winners"][0]["held_out"]
    if held:
        own, other = (held[column]["sharpe"]["value"] for column in ("strategy", "benchmark"))
        lines.append(
            f"holdout from {held['first_session']}, {count(held['sessions'], 'session')}: Sharpe {format_4sig(own)}, "
            f"{found['benchmark']} {format_4sig(other)}"
        )
    return [Text(line) for line in lines]


def _tries(numbers: Mapping[str, Any]) -> str:
    told = numbers["trials"]
    others = f"{told['earlier']:,} in other sweeps on these data, and " if told["earlier"] else ""
    return f"{others}{told['scored']:,} here"
