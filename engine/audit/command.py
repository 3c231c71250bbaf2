"""``run_backtest.py audit``: the battery on a config, its folder, and its verdict kept for reports."""

from pathlib import Path

from engine.artifacts import ensure_writable
from engine.config import RunConfig
from engine.pipeline import planned
from engine.progress import reporting

from . import saved, verdicts
from .battery import Audit, audit


def audit_and_save(config: RunConfig, *, full: bool, out: Path, quiet: bool) -> Audit:
    """Try a config and write what was found.

    Raises
    ------
    WorkbenchError
        The config, its data or its folder cannot be used; one line.
    """
    ensure_writable(out)
    market = config.data.load()
    config.strategy.check(market.trade)
    planned(market, config)
    with reporting(quiet) as report:
        found = audit(config, market, full=full, report=report)
    folder = saved.save(found, config, out)
    verdicts.keep(found)
    if not quiet:
        saved.show(found, folder)
    return found
