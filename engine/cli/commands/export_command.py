"""``run_backtest.py export | report``: what leaves a run folder for other programs and for print."""

from pathlib import Path
from typing import Literal

import click

from core.errors import ConfigError, StoreError
from engine.cli.console import say
from engine.cli.outputs import require_folder

PATH = click.Path(path_type=Path)
EPILOG = "Exit codes: 0 done, 2 bad input."


@click.command("export", epilog=EPILOG)
@click.argument("runs", metavar="RUN...", nargs=-1, type=PATH, required=True)
@click.option(
    "--to", type=click.Choice(["csv", "xlsx"]), required=True, help="One file a table, or one Excel workbook."
)
@click.option("--out", type=PATH, help="Folder for the files; default: the run's own.")
def export(runs: tuple[Path, ...], to: Literal["csv", "xlsx"], out: Path | None) -> None:
    """Write a run's trades, orders, fills and costs as CSV or Excel files."""
    from engine.run_folder.export import export_run, require_run

    names = [run.resolve().name for run in runs]
    again = next((name for name in names if names.count(name) > 1), None)
    if out and again:
        raise ConfigError(f"--out {out}: two of the runs are called {again}, so that one would replace the other")
    for run in runs:
        require_run(run)
    if out:
        require_folder("--out", out)
    for run in runs:
        for path in export_run(run, to, out / run.resolve().name if out and len(runs) > 1 else out):
            say(str(path))


@click.command("report", epilog=EPILOG)
@click.argument("runs", metavar="RUN...", nargs=-1, type=PATH, required=True)
@click.option("--pdf", is_flag=True, help="Print the report into report.pdf in the run's folder; needs Chromium.")
def report(runs: tuple[Path, ...], pdf: bool) -> None:
    """Name the report of finished runs, or print it as PDF."""
    from engine.pages.pdf import print_pdf

    for run in runs:
        page = next((run / name for name in ("report.html", "sweep.html") if (run / name).is_file()), None)
        if page is None:
            raise StoreError(f"{run}: has no report.html; name a run folder, or run the config with its report")
        say(str(print_pdf(page, page.with_suffix(".pdf")) if pdf else page))
