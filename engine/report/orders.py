"""The audit of the orders: what was asked for, what became of it and why; whether the cap held at the fill."""

from typing import Any

import pandas as pd

from engine.outcome import Outcome
from engine.report import Section, fill

ORDER = 80
ROWS = 20
DONE = ("completed",)


def section(outcome: Outcome) -> Section:
    """Counts, the fills above the cap, the first orders that were not filled, and the first of all."""
    orders, risk = outcome.result.orders, outcome.config.get("risk", {})
    cap = risk.get("cap")
    return fill(
        "orders.html",
        "Orders",
        counts=outcome.orders,
        cap=cap,
        cap_at=risk.get("cap_at"),
        above=above_cap(orders, cap) if cap else [],
        largest=float(orders["share_at_fill"].max()) if orders["share_at_fill"].notna().any() else None,
        filled=int(orders["share_at_fill"].notna().sum()),
        tables=[("Not filled", _rows(orders[~orders["status"].isin(DONE)])), ("The first", _rows(orders))],
        limit=ROWS,
    )


def above_cap(orders: pd.DataFrame, cap: float) -> list[dict[str, Any]]:
    """The orders whose position stood above the cap at its fill, largest first."""
    above = orders[orders["share_at_fill"] > cap * (1.0 + 1e-12)]
    return _rows(above.sort_values("share_at_fill", ascending=False))


def _rows(orders: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(key): value for key, value in row.items()} for row in orders.head(ROWS).to_dict("records")]
