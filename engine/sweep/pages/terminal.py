"""The summary of a sweep on the terminal, from its sweep.json: equal for a run and for its finished folder."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from core.errors import StoreError
from core.number_format import count, format_4sig, money, p_value, percent, title
from engine.run_folder.run_folder import read_json
from engine.sweep.storage.file_names import NUMBERS, PAGE, TABLE

MARKS = {True: ("passed", "green"), False: ("not passed", "red"), None: ("not tried", "yellow")}


def show(numbers: Mapping[str, Any], folder: Path, note: str = "", console: Console | None = None) -> None:
    """Print the summary of a sweep.

    Parameters
    ----------
    numbers : the content of sweep.json.
    folder : the sweep's folder.
    note : about an earlier run; empty if there is none.
    """
    console = console or Console(highlight=False)
    console.print()
    console.print(Text(folder.name, style="bold"))
    console.print(Text(_trials_line(numbers)))
    console.print()
    _show_verdict(numbers["verdict"], console)
    if numbers["winners"]:
        console.print()
        console.print(_winners_table(numbers))
        console.print(Text(_confirmation_line(numbers)))
        for line in _winner_lines(numbers):
            console.print(Text(line))
    for remark in numbers["notes"]:
        console.print(Text(f"note: {remark}"))
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
    """True for the run folder of a sweep."""
    return (folder / NUMBERS).is_file()


def _trials_line(numbers: Mapping[str, Any]) -> str:
    span = numbers["span"]
    days = f"{span['first_session']} to {span['last_session']}, {count(span['sessions'], 'session')}"
    trials = numbers["trials"]
    by_status = ", ".join(f"{number:,} {status}" for status, number in trials.items() if status != "all")
    return (
        f"{', '.join(numbers['symbols'])}: {trials['all']:,} trials ({by_status}), {numbers['method']}; "
        f"shared span {days}"
    )


def _show_verdict(verdict: Mapping[str, Any], console: Console) -> None:
    is_skill = verdict["tests"] and all(test["passed"] for test in verdict["tests"])
    console.print(Text(verdict["sentence"], style="bold green" if is_skill else "bold yellow"))
    for test in verdict["tests"]:
        word, colour = MARKS[test["passed"]]
        text = Text.assemble((f"{word}: ", colour), (test["name"], "bold"), f". {test['sentence']}")
        for line in text.wrap(console, max(console.width - 2, 20)):  # a padded text would end in blanks
            line.rstrip()
            console.print(Text("  ").append_text(line))


def _winners_table(numbers: Mapping[str, Any]) -> Table:
    """The winners: their parameters and results."""
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    for head in ("trial", numbers["objective"]["measure"], "final value", *_heads(list(numbers["space"]))):
        table.add_column(Text(head), justify="right", header_style="bold", overflow="fold")
    for winner in numbers["winners"]:
        point = [_cell(value) for value in winner["point"].values()]
        table.add_row(str(winner["trial"]), format_4sig(winner["objective"]), money(winner["final_value"]), *point)
    return table


def _heads(paths: list[str]) -> list[str]:
    """The shortest end of each path that differs from the ends of all others.

    >>> _heads(["risk.base", "features.0.window", "features.1.window"])
    ['base', '0.window', '1.window']
    """
    return [_unique_end(path, paths) for path in paths]


def _unique_end(path: str, paths: list[str]) -> str:
    parts = path.split(".")
    for length in range(1, len(parts)):
        ends = [".".join(other.split(".")[-length:]) for other in paths]
        end = ".".join(parts[-length:])
        if ends.count(end) == 1:
            return end
    return path


def _cell(value: Any) -> Text:
    if value is None:
        return Text("-")
    return Text(f"{value:g}" if isinstance(value, float) else str(value))


def _confirmation_line(numbers: Mapping[str, Any]) -> str:
    checks = count(len(numbers["spot_checks"]), "further trial")
    return f"the trials above, and {checks} drawn at random, were run again on backtrader: all fills are equal"


def _winner_lines(numbers: Mapping[str, Any]) -> Iterator[str]:
    """One line for each further test of the winner."""
    stability = numbers["stability"]
    if stability and stability["median"] is not None:
        yield _stability_line(stability, numbers["objective"]["measure"])
    if numbers["selection"]:
        yield _selection_line(numbers["selection"])
    overfitting = numbers["luck"]
    if overfitting and overfitting["effective_trials"]:
        yield _trials_and_clusters_line(overfitting)
    held_out = numbers["winners"][0]["held_out"]
    if held_out:
        yield _holdout_line(held_out, numbers["benchmark"], numbers.get("holdout_uses", ""))


def _stability_line(stability: Mapping[str, Any], measure: str) -> str:
    neighbours = count(len(stability["neighbours"]), "neighbour")
    return (
        f"parameter stability: {measure} {format_4sig(stability['winner'])} of the winner, median of its {neighbours} "
        f"{format_4sig(stability['median'])}, worst {format_4sig(stability['worst'])}"
    )


def _selection_line(selection: Mapping[str, Any]) -> str:
    measures = selection["measures"]
    return (
        f"walk-forward selection: {title('sharpe')} {format_4sig(measures['sharpe']['value'])}, "
        f"total return {percent(measures['total_return']['value'])}, {count(selection['changes'], 'change')}"
    )


def _trials_and_clusters_line(overfitting: Mapping[str, Any]) -> str:
    trials = overfitting["trials"]
    prior = f"{trials['earlier']:,} before it on these data, and " if trials["earlier"] else ""
    cash = overfitting["superior_ability"]["cash"]["consistent"]
    return (
        f"trials: {prior}{trials['scored']:,} here, in about {overfitting['effective_trials']['count']} clusters of "
        f"similar returns; superior ability against cash p = {p_value(cash)}"
    )


def _holdout_line(held_out: Mapping[str, Any], benchmark: str, uses: str) -> str:
    return (
        f"holdout from {held_out['first_session']}, {count(held_out['sessions'], 'session')}: "
        f"Sharpe {format_4sig(held_out['strategy']['sharpe']['value'])}, "
        f"{benchmark} {format_4sig(held_out['benchmark']['sharpe']['value'])}" + (f"; {uses}" if uses else "")
    )
