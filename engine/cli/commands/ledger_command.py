"""``run_backtest.py ledger``: the settings that were tried, and whether a record is missing."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from engine.cli.arguments import LEDGER_HELP
from engine.cli.console import say

if TYPE_CHECKING:
    from engine.ledger.ledger import Ledger

HEADS = ("line", "time", "kind", "name", "id", "data", "first", "last", "settings")


@click.command("ledger", epilog="Exit codes: 0 the ledger is sound, 1 a record is missing or changed (verify).")
@click.argument("action", type=click.Choice(["show", "verify"]))
@click.option("--ledger", "folder", type=click.Path(path_type=Path), help=LEDGER_HELP)
def ledger(action: str, folder: Path | None) -> int:
    """Show every recorded setting, or verify that no record was removed or changed."""
    from core.errors import StoreError
    from engine.ledger.ledger import Ledger

    if folder and not folder.is_dir():
        raise StoreError(f"--ledger {folder}: there is no such folder")
    records = Ledger(folder)
    lines = _shown(records) if action == "show" else _verified(records)
    for line in lines:
        say(line)
    return int(action == "verify" and bool(records.faults()))


def _shown(records: "Ledger") -> Iterator[str]:
    """The records as a table of texts, and those of an earlier version below it."""
    rows = [HEADS, *(_row(line) for line in records.chain.lines if line["kind"] not in ("data", "fault"))]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADS))]
    for row in rows:
        yield "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip()
    for record in records.named:
        symbols = ", ".join(record.symbols)
        yield (
            f"older record, matched by the symbols' names ({symbols}): sweep {record.name}, {record.id}, "
            f"{record.first} to {record.last}; remove {record.path.with_suffix('.json')} if these are other data"
        )
    yield from _verified(records)


def _row(line: Any) -> tuple[str, ...]:
    settings = {"sweep": str(line.get("trials") or "begun"), "holdout": "opened"}.get(line["kind"], "1")
    keys = ("line", "time", "kind", "name", "setting", "data", "first", "last")
    return (*(str(line.get(key, "")) for key in keys), settings)


def _verified(records: "Ledger") -> Iterator[str]:
    faults = records.faults()
    yield from (f"{records.path}: {fault}" for fault in faults)
    if not faults:
        yield f"{records.path}: {records.chain.count} lines, none removed or changed"
