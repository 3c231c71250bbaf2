"""``run_backtest.py CONFIG``: backtests and sweeps."""

import json
import logging
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from engine.cli.arguments import LEDGER_HELP, files_and_overrides
from engine.cli.console import log_to_stderr, say

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from engine.config.run_config import RunConfig
    from engine.pipeline import Options

EPILOG = "Exit codes: 0 done, 1 the engines differ, 2 bad input, 130 interrupted."


@click.command("run", epilog=EPILOG)
@click.argument("words", metavar="CONFIG... [key=value ...]", nargs=-1, required=True)
@click.option("--check", is_flag=True, help="Validate everything (config, data, number of fits), train nothing.")
@click.option("--out", type=click.Path(path_type=Path), default="runs", show_default=True, help="Where run folders go.")
@click.option("--engine", type=click.Choice(["backtrader", "compiled", "both"]), help="Which engine trades.")
@click.option("--ledger", type=click.Path(path_type=Path), help=LEDGER_HELP)
@click.option("--no-cache", is_flag=True, help="Neither read nor write the caches of signals and of data files.")
@click.option("--quiet", "-q", is_flag=True, help="Print nothing but errors.")
@click.option("--verbose", "-v", is_flag=True, help="Show the log on stderr.")
@click.option("--json", "as_json", is_flag=True, help="Print the metrics on stdout as JSON, and nothing else.")
def run(words: tuple[str, ...], engine: str | None, verbose: bool, check: bool, **options: Any) -> None:
    """Run what each file says: a backtest with its run folder and tear-sheet, or a sweep."""
    from engine.ledger.ledger import use_folder
    from engine.run_folder.child_process import measuring
    from engine.sweep.load_config import load
    from marketdata.market_cache import keeping_markets

    paths, overrides = files_and_overrides(words)
    overrides += [f"engine={engine}"] if engine else []
    quiet = options["quiet"]
    as_json = options["as_json"]
    log_to_stderr(logging.DEBUG if verbose else logging.WARNING)
    configs = [load(path, overrides) for path in paths]
    resample = any(config.measures.intervals.reps for config in configs)
    pools = measuring() if resample and not check else nullcontext()
    with use_folder(options["ledger"]), pools as pool, keeping_markets(not options["no_cache"]):
        from engine.pipeline import Options

        run_options = Options(out=options["out"], cache=not options["no_cache"], quiet=quiet or as_json)
        for config in configs:
            if check:
                say(_checked(config), quiet)
                continue
            metrics = _metrics(config, run_options, pool)
            if as_json:
                say(json.dumps(metrics, indent=2, allow_nan=False))


def _checked(config: "RunConfig") -> str:
    """The work that a run or a sweep would be, in words."""
    from engine.pipeline import check_only

    if config.sweep is None:
        return check_only(config)
    from engine.sweep.trials.dry_run import check_sweep

    return check_sweep(config)


def _metrics(config: "RunConfig", options: "Options", pool: "Executor | None") -> Any:
    """The numbers of a backtest, or of a sweep."""
    from engine.pipeline import run_and_save

    if config.sweep is None:
        return run_and_save(config, options, pool).metrics
    from engine.sweep.run import sweep_and_save

    return sweep_and_save(config, options, pool).numbers
