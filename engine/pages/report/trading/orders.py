"""The audit of the orders: what was asked for, what became of it and why; whether the cap held at the fill."""

from typing import Any

import pandas as pd

from engine.pages.report.section import Section, fill
from engine.results.order_audit import ROUNDING, is_market, opening_shares
from engine.results.outcome import Outcome

ORDER = 48
FIRST_ROWS, ALL_ROWS = 20, 100
DONE = ("completed",)


def section(outcome: Outcome) -> Section:
    """Counts, the cap, the first that were trimmed or not filled, and all orders as far as the page can hold them."""
    orders = outcome.result.orders
    risk = outcome.config["risk"]
    done = orders["status"].isin(DONE)
    cut = orders["trimmed"] != 0
    market = is_market(orders)
    tables = (("Trimmed", orders[market & done & cut]), ("Not filled", orders[market & ~done]))
    cap = risk["cap"]
    opening = opening_shares(outcome.result)
    above = opening.iloc[:0] if cap is None else opening[opening["share_at_fill"] > cap * (1.0 + ROUNDING)]
    return fill(
        "orders.html",
        "Orders",
        counts=outcome.orders,
        cap=cap,
        cap_at=risk["cap_at"],
        check=outcome.cap,
        above=_rows(above, FIRST_ROWS),
        tables=[(title, len(rows), _rows(rows, FIRST_ROWS)) for title, rows in tables if len(rows)],
        every=_rows(orders, ALL_ROWS),
    )


def _rows(orders: pd.DataFrame, max_rows: int) -> list[dict[str, Any]]:
    return [{str(key): value for key, value in row.items()} for row in orders.head(max_rows).to_dict("records")]
