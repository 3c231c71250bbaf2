"""Records of finished runs and audits, and the number of settings tried on their data."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from core.types import Market, Vector

from .ledger import AUDIT, RUN, Ledger, run_key
from .own_code import own_code
from .settings import TriedSettings, settings_tried
from .tried_data import TriedSpan


@dataclass(frozen=True, eq=False)
class FinishedRun:
    """A finished run as the ledger records it.

    Attributes
    ----------
    setting, name : id and name of its config.
    market : its data.
    days : (T,) sessions that have a return.
    excess : (T,) returns less the risk-free rate, per session.
    code : see :func:`engine.ledger.own_code.own_code`.
    """

    setting: str
    name: str
    market: Market
    days: pd.DatetimeIndex
    excess: Vector
    code: str = ""


def record_run(run: FinishedRun) -> TriedSettings:
    """Add a run to the ledger; the number of settings tried on its data so far, this one included."""
    ledger = Ledger()
    span = TriedSpan.of(run.market, run.days[0], run.days[-1])
    key = run_key(run.setting, run.code)
    is_new = not bool(np.isin(key, ledger.settings(span)["key"]))
    deviation = float(run.excess.std(ddof=1)) if len(run.excess) > 1 else 0.0
    sharpe = float(run.excess.mean()) / deviation if deviation > 0 else None
    ledger.record(RUN, run.setting, run.name, span, sharpe=sharpe, **_code(run.code))
    entries = ledger.settings_with(key, sharpe, span)
    return settings_tried(run.excess, entries, is_new=is_new, remarks=ledger.remarks(span))


def record_audit(config: Any, market: Market, first: pd.Timestamp, last: pd.Timestamp) -> None:
    """Add an audit to the ledger: a config that was looked at was tried.

    Parameters
    ----------
    config : of the run: its id, its name and what it uses.
    first, last : sessions of the first decision and of the last bar.
    """
    code = own_code(config.dump())
    Ledger().record(AUDIT, config.id, config.name, TriedSpan.of(market, first, last), **_code(code))


def _code(code: str) -> dict[str, str]:
    return {"code": code} if code else {}
