"""``run_backtest.py doctor``: everything that may be wrong with data files, at once."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from core.errors import DataError
from core.number_format import count
from engine.cli.arguments import files_and_overrides
from engine.cli.console import say
from engine.cli.outputs import require_files

if TYPE_CHECKING:
    from marketdata.data_spec import DataSpec
    from marketdata.doctor.diagnosis import Entry, SymbolDiagnosis

CONFIGS = (".yaml", ".yml")
EPILOG = "Exit codes: 0 no file is refused, 1 a run would refuse one, 2 bad input."


@click.command("doctor", epilog=EPILOG)
@click.argument("words", metavar="CONFIG|FILE... [key=value ...]", nargs=-1, required=True)
@click.option("--page", type=click.Path(path_type=Path, dir_okay=False), help="Draw the worst spots into this file.")
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON, and nothing else.")
def doctor(words: tuple[str, ...], page: Path | None, as_json: bool) -> int:
    """Check data files, or those of configs: each finding with file, row, value, severity and what to do."""
    from marketdata.doctor.diagnosis import as_mapping, diagnose

    require_files({"--page": page})
    paths, overrides = files_and_overrides(words)
    diagnoses: list[SymbolDiagnosis] = []
    entries: list[Entry] = []
    for path in paths:
        seen, together = diagnose(_block(path, overrides))
        diagnoses += seen
        entries += [entry for diagnosis in seen for entry in diagnosis.entries]
        entries += together
    if as_json:
        say(json.dumps([as_mapping(entry) for entry in entries], indent=2))
    else:
        _print(diagnoses, entries)
    if page:
        _draw(page, diagnoses, entries)
    return int(any(entry.severity == "refuse" for entry in entries))


def _block(path: Path, overrides: list[str]) -> "DataSpec":
    """The data block of a config, or one that reads the file."""
    from engine.sweep.load_config import load
    from marketdata.doctor.diagnosis import block_of

    if path.suffix.lower() in CONFIGS:
        return load(path, overrides).data
    if not path.is_file():
        raise DataError(f"{path}: there is no such file; give a config or a data file")
    return block_of(path)


def _print(diagnoses: "list[SymbolDiagnosis]", entries: "list[Entry]") -> None:
    refused = sum(entry.severity == "refuse" for entry in entries)
    for diagnosis in diagnoses:
        length = f"{len(diagnosis.series)} sound bars" if diagnosis.series is not None else "not readable"
        say(f"{diagnosis.symbol} ({diagnosis.file}): {length}" if diagnosis.file else f"{diagnosis.symbol}: {length}")
    for entry in entries:
        say(entry.line)
    say(f"{count(len(entries), 'finding')}, {refused} of them refuse a run" if entries else "nothing found")


def _draw(page: Path, diagnoses: "list[SymbolDiagnosis]", entries: "list[Entry]") -> None:
    from engine.pages.doctor_page import doctor_page
    from engine.pages.templates import save_page

    save_page(doctor_page(diagnoses, entries), page)
    say(f"page {page}", quiet=False)
