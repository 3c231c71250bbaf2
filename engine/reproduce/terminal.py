"""The result of `reproduce` on the terminal."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from core.number_format import count

from .compare import Difference, Plain
from .recorded_run import ReproductionVerdict

SHOWN = 5
"""Lines for the values of one file; --json has them all."""
LONG = 100
UNEXPLAINED = "Data, versions, machine and code are those of the run: please report this."


def show(verdict: ReproductionVerdict, console: Console | None = None) -> None:
    """Print whether a run was reproduced, what differs, and what may explain it."""
    console = console or Console(highlight=False)
    wrong = [difference for difference in verdict.differences if difference.counts]
    near = [difference for difference in verdict.differences if difference.kind == "tolerance"]
    notes = [difference for difference in verdict.differences if not difference.counts and difference not in near]
    style = "bold red" if wrong else "bold green"
    console.print(
        Text.assemble((verdict.folder.resolve().name, "bold"), ": ", (_headline(verdict, wrong, near), style))
    )
    if wrong:
        console.print(_grid(wrong))
    if near:
        console.print(Text("Within the tolerances, the largest difference of each file:"))
        console.print(_grid(near))
    if notes:
        console.print(Text("Possible causes:" if wrong else "Equal results, although these differ:"))
        console.print(_grid(notes))
    elif wrong and all(difference.kind != "data" for difference in wrong):
        console.print(Text(UNEXPLAINED))


def _headline(verdict: ReproductionVerdict, wrong: Sequence[Difference], near: Sequence[Difference]) -> str:
    if not wrong:
        return f"reproduced, {_equal(verdict, near)}"
    files = {_file(difference) for difference in wrong if difference.kind != "data"}
    data = "the data differ, and " if any(difference.kind == "data" for difference in wrong) else ""
    than = " by more than another processor explains" if verdict.other_processor else ""
    return f"not reproduced, {data}{len(files)} of {verdict.files} result files differ{than}"


def _equal(verdict: ReproductionVerdict, near: Sequence[Difference]) -> str:
    if not near:
        return f"all {verdict.files} result files are equal"
    comparison = "made on another processor: compared with tolerances"
    return f"{comparison}, {verdict.files - len(near)} of {verdict.files} result files are equal in every bit"


def _grid(differences: Sequence[Difference]) -> Table:
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    for kind, line in lines(differences):
        grid.add_row(Text(f"  {kind}"), Text(line))
    return grid


def lines(differences: Sequence[Difference]) -> Iterator[tuple[str, str]]:
    """A kind and a line for each difference; of many values of one file the first, and how many more there are."""
    values = [difference for difference in differences if difference.kind in ("metric", "value", "decision")]
    total = Counter(map(_file, values))
    seen = Counter[str]()
    for difference in differences:
        file = _file(difference)
        seen[file] += difference in values
        if seen[file] <= SHOWN:
            yield difference.kind, line(difference)
        elif seen[file] == total[file]:
            yield "", f"{file}: {count(total[file] - SHOWN, 'more value')}; --json has them all"


def _file(difference: Difference) -> str:
    return difference.where.partition(":")[0]


def line(difference: Difference) -> str:
    """A difference in words.

    >>> line(Difference("cell", "equity.parquet: row 3, column cash", 100.0, 100.5, more=2))
    'equity.parquet: row 3, column cash: was 100.0, is 100.5 (relative difference 5e-03); 2 more cells differ'
    """
    what = "more value" if difference.kind == "tolerance" else "more cell"
    more = f"; {count(difference.more, what)} differ{'s' if difference.more == 1 else ''}" if difference.more else ""
    before = _value_text(difference, difference.before)
    now = _value_text(difference, difference.now)
    return f"{difference.where}: was {before}, is {now}{_relative_difference(difference)}{more}"


def _value_text(difference: Difference, value: Plain) -> str:
    if value is None:
        return "null" if difference.kind in ("cell", "metric", "value", "decision") else "missing"
    if not isinstance(value, str):
        return repr(value)
    if re.fullmatch("[0-9a-f]{40}|[0-9a-f]{64}", value):
        return value[:12]
    if "\n" in value or not value:
        return _diff(value)
    return value if len(value) <= LONG else f"{value[:LONG]}..."


def _diff(text: str) -> str:
    """The files that a diff changes: it may be long."""
    files = re.findall(r"^\+\+\+ b/(.+)$", text, flags=re.MULTILINE)
    return f"{count(text.count(chr(10)), 'line')} of {', '.join(files) or 'text'}" if text else "empty"


def _relative_difference(difference: Difference) -> str:
    """The difference of two numbers as a fraction of the larger."""
    old = difference.before
    new = difference.now
    if not (isinstance(old, float) and isinstance(new, float)) or old == new:
        return ""
    return f" (relative difference {abs(old - new) / max(abs(old), abs(new)):.0e})"
