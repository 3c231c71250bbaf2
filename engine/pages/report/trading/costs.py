"""Costs of trading, and the trades."""

from typing import Any

import pandas as pd

from engine.pages.report.section import Section, fill
from engine.results.costs_paid import KINDS
from engine.results.outcome import Outcome

ORDER = 70


def section(outcome: Outcome) -> Section:
    """Costs as money and as drag on the return; the trades in a few numbers."""
    paid = outcome.costs
    costs = [(kind, paid.money[kind], paid.drag[kind], about) for kind, about in KINDS.items()]
    costs.append(("total", paid.total, paid.total_drag, "sum of the costs; the equity is net of them"))
    trades = outcome.result.trades
    return fill(
        "costs.html", "Costs and trades", costs=costs, outcome=outcome, trades=_of_trades(trades), count=len(trades)
    )


def _of_trades(trades: pd.DataFrame) -> list[tuple[str, Any, str]]:
    """Label, value and unit; empty without trades. Results are of the closed ones, as in the measures of trades."""
    if trades.empty:
        return []
    longs = trades["side"] == "long"
    closed = trades[trades["exited_at"].notna()]
    return [
        ("Trades", float(len(trades)), "count"),
        ("Long", float(longs.mean()), "fraction"),
        ("Still open", float(trades["exited_at"].isna().sum()), "count"),
        ("With a gain", float((closed["pnl"] > 0).mean()), "fraction"),
        ("Mean return on the entry value", float(closed["pnl_fraction"].mean()), "fraction"),
        ("Best return", float(closed["pnl_fraction"].max()), "fraction"),
        ("Worst return", float(closed["pnl_fraction"].min()), "fraction"),
        ("Mean bars held", float(closed["bars"].mean()), "ratio"),
    ]
