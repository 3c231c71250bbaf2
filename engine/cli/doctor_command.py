"""``run_backtest.py doctor``: everything that may be wrong with data files, at once."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from core.errors import DataError

from .arguments import files_and_overrides
from .console import say

if TYPE_CHECKING:
    from marketdata.data_spec import DataSpec
    from marketdata.doctor.diagnosis import Entry, Patient

CONFIGS = (".yaml", ".yml")
EPILOG = "Exit codes: 0 no file is refused, 1 a run would refuse one, 2 bad input."


@click.command("doctor", epilog=EPILOG)
@click.argument("words", metavar="CONFIG|FILE... [key=value ...]", nargs=-1, required=True)
@click.option("--page", type=click.Path(path_type=Path, dir_okay=False), help="Draw the worst spots into this file.")
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON, and nothing else.")
def doctor(words: tuple[str, ...], page: Path | None, as_json: bool) -> int:
    """Check data files, or those of configs: each finding with file, row, value, severity and what to do."""
    from marketdata.doctor.diagnosis import as_mapping, diagnose

    paths, overrides = files_and_overrides(words)
    patients: list[Patient] = []
    entries: list[Entry] = []
    for path in paths:
        seen, together = diagnose(_block(path, overrides))
        patients += seen
        entries += [entry for patient in seen for entry in patient.entries]
        entries += together
    if as_json:
        say(json.dumps([as_mapping(entry) for entry in entries], indent=2))
    else:
        _print(patients, entries)
    if page:
        _draw(page, patients, entries)
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


def _print(patients: "list[Patient]", entries: "list[Entry]") -> None:
    refused = sum(entry.severity == "refuse" for entry in entries)
    for patient in patients:
        length = f"{len(patient.series)} sound bars" if patient.series is not None else "not readable"
        say(f"{patient.symbol} ({patient.file}): {length}" if patient.file else f"{patient.symbol}: {length}")
    for entry in entries:
        say(entry.line)
    say(f"{len(entries)} findings, {refused} of them refuse a run" if entries else "nothing found")


def _draw(page: Path, patients: "list[Patient]", entries: "list[Entry]") -> None:
    from engine.pages.doctor_page import doctor_page

    try:
        page.write_text(doctor_page(patients, entries), encoding="utf-8")
    except OSError as error:
        raise DataError(f"{page}: the page cannot be written: {error.strerror}") from error
    say(f"page {page}", quiet=False)
