"""``run_backtest.py reproduce``: finished runs made again and compared."""

import json
import logging
from pathlib import Path

import click

from engine.cli.console import log_to_stderr, say


@click.command("reproduce", epilog="Exit codes: 0 the same results, 1 something differs, 2 bad input, 130 interrupted.")
@click.argument("runs", metavar="RUN...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--cache", is_flag=True, help="Allow the caches; else everything is trained anew.")
@click.option("--quiet", "-q", is_flag=True, help="Print nothing but errors.")
@click.option("--json", "as_json", is_flag=True, help="Print a list of the differences on stdout, and nothing else.")
def reproduce(runs: tuple[Path, ...], cache: bool, quiet: bool, as_json: bool) -> int:
    """Make finished runs again from their folders, and name what differs."""
    from engine.reproduce.command import reproduce_all

    log_to_stderr(logging.WARNING)
    verdicts = reproduce_all(runs, cache=cache, quiet=quiet or as_json)
    if as_json:
        differences = [difference for verdict in verdicts for difference in verdict.dump()]
        say(json.dumps(differences, indent=2, allow_nan=False))
    return int(not all(verdict.reproduced for verdict in verdicts))
