"""The audit of the orders: what was asked for, what became of it and why; whether the cap held at the fill."""

from typing import Any

import pandas as pd

from engine.results.order_audit import ROUNDING, is_market, opening_shares
from engine.results.outcome import Outcome

from . import Section, fill

ORDER = 80
SOME, MANY = 20, 400
DONE = ("completed",)


def section(outcome: Outcome) -> Section:
    """Counts, the cap, the first that were trimmed or not filled, and all orders as far as the page can hold them."""
    orders, risk = outcome.result.orders, outcome.config["risk"]
    done, cut, market = orders["status"].isin(DONE), orders["trimmed"] != 0, is_market(orders)
    tables = (("Trimmed", orders[market & done & cut]), ("Not filled", orders[market & ~done]))
    above = opening_shares(outcome.result)
    return fill(
        "orders.html",
        "Orders",
        counts=outcome.orders,
        cap=risk["cap"],
        cap_at=risk["cap_at"],
        check=outcome.cap,
        above=_rows(above[above["share_at_fill"] > risk["cap"] * (1.0 + ROUNDING)], SOME),
        tables=[(title, len(rows), _rows(rows, SOME)) for title, rows in tables if len(rows)],
        every=_rows(orders, MANY),
    )


def _rows(orders: pd.DataFrame, most: int) -> list[dict[str, Any]]:
    return [{str(key): value for key, value in row.items()} for row in orders.head(most).to_dict("records")]
