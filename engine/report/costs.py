"""What trading cost, and what the trades were."""

from typing import Any

import pandas as pd

from engine.outcome import Outcome
from engine.report import Section, fill

ORDER = 70
FORMULAE = {
    "commission": "paid to the broker at the fills",
    "slippage": "sum of |size| x |fill price - the bar's open| over market orders",
    "interest": "paid on short positions",
    "total": "all of it is in the equity already",
}


def section(outcome: Outcome) -> Section:
    """Costs in money and as a share of the initial cash; the trades in a few numbers."""
    costs = [(name, getattr(outcome.costs, name), about) for name, about in FORMULAE.items()]
    trades = outcome.result.trades
    return fill(
        "costs.html", "Costs and trades", costs=costs, outcome=outcome, trades=_of_trades(trades), count=len(trades)
    )


def _of_trades(trades: pd.DataFrame) -> list[tuple[str, Any, str]]:
    """Label, value and unit; empty without trades."""
    if trades.empty:
        return []
    longs = trades["side"] == "long"
    return [
        ("Trades", float(len(trades)), "count"),
        ("of them long", float(longs.mean()), "fraction"),
        ("of them still open", float(trades["exited_at"].isna().sum()), "count"),
        ("of them with a gain", float((trades["pnl"] > 0).mean()), "fraction"),
        ("Mean result, of the value entered", float(trades["pnl_fraction"].mean()), "fraction"),
        ("Best", float(trades["pnl_fraction"].max()), "fraction"),
        ("Worst", float(trades["pnl_fraction"].min()), "fraction"),
        ("Mean bars held", float(trades["bars"].mean()), "ratio"),
    ]
