"""``run_backtest.py audit``: the battery on a config, its folder, and its verdict kept for reports."""

from pathlib import Path

import pandas as pd

from core.clock import sessions
from engine.config.run_config import RunConfig
from engine.ledger.record_run import record_audit
from engine.pages.progress import reporting
from engine.pipeline import first_decision
from engine.run_folder import verdict_cache
from engine.run_folder.run_folder import ensure_writable

from . import audit_folder
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
    _, start = first_decision(market, config)
    with reporting(quiet) as on_progress:
        result = audit(config, market, full=full, on_progress=on_progress)
    days = sessions(pd.DatetimeIndex([start, market.times[-1]]), market.zone)
    record_audit(config, market, days[0], days[1])
    folder = audit_folder.save(result, config, out)
    verdict_cache.keep(result.dump())
    if not quiet:
        audit_folder.show(result, folder)
    return result
