"""An audit's folder: audit.json, the page, and what the terminal says."""

import shutil
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from engine.config.run_config import RunConfig
from engine.pages.templates import render
from engine.run_folder.run_folder import staging, write_json
from signals.leaks.check_result import Check
from signals.leaks.pipeline_trace import Moved

from .battery import Audit

COLOURS = {"clean": "green", "leak": "bold red", "suspicious": "yellow", "skipped": "dim"}


def save(audit: Audit, config: RunConfig, out: Path) -> Path:
    """Write ``<out>/<name>-<id>-audit/``, in place of an earlier one."""
    with staging(out) as folder:
        write_json(folder / "audit.json", audit.dump())
        page = render("audit.html", audit=audit, moved=[_row(check) for check in audit.checks if check.moved])
        (folder / "audit.html").write_text(page, encoding="utf-8")
        target = out / f"{config.name}-{config.id}-audit"
        shutil.rmtree(target, ignore_errors=True)
        folder.rename(target)
    return target


def show(audit: Audit, folder: Path, console: Console | None = None) -> None:
    """Print the table of the tests, and of what moved."""
    console = console or Console(highlight=False)
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for head in ("", "test", "runs", "", "finding"):
        table.add_column(head, justify="right" if head == "runs" else "left", no_wrap=head in ("", "runs"))
    for check in audit.checks:
        status = Text(check.status.upper() if check.status == "leak" else check.status, style=COLOURS[check.status])
        table.add_row(check.number, check.title, str(check.runs), status, check.detail)
    console.print()
    console.print(Text.assemble((audit.name, "bold"), f"  {audit.config_id}"))
    console.print(table)
    for check in audit.checks:
        if check.moved:
            console.print(Text(f"{check.number} first changed: {sentence(check.moved)}", style="red"))
    console.print()
    console.print(Text(audit.verdict, style="bold red" if audit.leaks else "bold"))
    console.print(str(folder / "audit.html"), soft_wrap=True)


def sentence(moved: Moved) -> str:
    """The stage, row and value that moved, and by how much."""
    change = f"{_number(moved.before)} became {_number(moved.after)}"
    return f"{moved.stage}, {moved.row[:16].replace('T', ' ')} {moved.where}: {change} ({moved.cut}; {moved.rows} rows)"


def _number(value: float | None) -> str:
    return "nothing" if value is None else f"{value:.6g}"


def _row(check: Check) -> dict[str, Any]:
    moved = check.moved
    assert moved is not None  # noqa: S101 - asked only of checks that have one
    change = {"before": _number(moved.before), "after": _number(moved.after)}
    return {"number": check.number, "row": moved.row[:16].replace("T", " "), "moved": moved, **change}
