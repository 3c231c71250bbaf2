"""``run_backtest.py audit``: the leak battery."""

import json
import logging
from pathlib import Path
from typing import Any

import click

from engine.cli.arguments import LEDGER_HELP, files_and_overrides
from engine.cli.console import log_to_stderr, say


@click.command("audit", epilog="Exit codes: 0 no leak found, 1 a leak, 2 bad input, 130 interrupted.")
@click.argument("words", metavar="CONFIG... [key=value ...]", nargs=-1, required=True)
@click.option("--full", is_flag=True, help="Every test; else only those that take a minute or two.")
@click.option("--out", type=click.Path(path_type=Path), default="runs", show_default=True, help="Where the pages go.")
@click.option("--ledger", type=click.Path(path_type=Path), help=LEDGER_HELP)
@click.option("--quiet", "-q", is_flag=True, help="Print nothing but errors.")
@click.option("--json", "as_json", is_flag=True, help="Print audit.json on stdout, and nothing else.")
def audit(words: tuple[str, ...], full: bool, ledger: Path | None, **options: Any) -> int:
    """Try whether anything in a config uses the future: the leak battery."""
    from engine.ledger.ledger import use_folder
    from engine.sweep.load_config import load

    paths, overrides = files_and_overrides(words)
    log_to_stderr(logging.WARNING)
    configs = [load(path, overrides) for path in paths]
    from engine.audit.command import audit_and_save

    quiet = options["quiet"] or options["as_json"]
    with use_folder(ledger):
        audits = [audit_and_save(config, full=full, out=options["out"], quiet=quiet) for config in configs]
    if options["as_json"]:
        for result in audits:
            say(json.dumps(result.dump(), indent=2, allow_nan=False))
    return int(any(result.leaks for result in audits))
