"""Fills as marks on a price chart: entries, exits, stops and changes of size."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from core.types import Bars, RunResult
from engine.pages.time_charts import Colour, Marks, Shape

STOPS = ("stop", "trail", "daily_loss", "drawdown")
"""Words of an exit that the strategy did not decide."""


@dataclass(frozen=True)
class Kind:
    """A kind of mark: what it is called and how it is drawn."""

    label: str
    shape: Shape
    colour: Colour


KINDS = {
    "long": Kind("Entry long", "up", "blue"),
    "short": Kind("Entry short", "down", "ochre"),
    "exit": Kind("Exit", "cross", "ink"),
    "stop": Kind("Stop", "diamond", "red"),
    "resize": Kind("Added or trimmed", "dot", "grey"),
}


def fill_kinds(result: RunResult, symbol: str) -> pd.DataFrame:
    """The fills of a symbol with the order's reason, the trade that they end, and their kind.

    Returns
    -------
    Columns: time, size, price, kind (a key of :data:`KINDS`), word, gain (of the trade that ends there; NaN elsewhere).
    """
    fills = result.fills[result.fills["symbol"] == symbol].reset_index(drop=True)
    orders = result.orders.set_index("order_id").reindex(fills["order_id"])
    after = fills["position_after"].to_numpy()
    before = np.concatenate([[0.0], after[:-1]])
    turned = (after != 0) & (np.sign(after) != np.sign(before))
    trades = result.trades[(result.trades["symbol"] == symbol) & result.trades["exited_at"].notna()]
    ended = trades.groupby("exited_at")[["pnl", "exit_reason"]].last().reindex(fills["time"])
    reason = ended["exit_reason"].fillna("").to_numpy(dtype=str)
    stopped = np.isin(reason, STOPS)
    kind = np.select(
        [turned & (after > 0), turned, (after == 0) & stopped, after == 0],
        ["long", "short", "stop", "exit"],
        default="resize",
    )
    ends = (after == 0) | (turned & (before != 0))
    word = [_word(*row) for row in zip(kind, after, before, reason, orders["decision"], orders["trimmed"], strict=True)]
    gain = np.where(ends, ended["pnl"].to_numpy(dtype=np.float64), np.nan)
    return pd.DataFrame(
        {
            "time": fills["time"],
            "size": fills["size"],
            "price": fills["price"],
            "kind": kind,
            "word": word,
            "gain": gain,
        }
    )


def _word(kind: str, after: float, before: float, reason: str, decision: str, trimmed: float) -> str:
    """The words of a mark, before its size.

    >>> _word("resize", 2.0, 5.0, "", "resize", 0.0), _word("stop", 0.0, 5.0, "trail", "", 0.0)
    ('trimmed (resize):', 'stop (trail):')
    """
    verb = KINDS[kind].label.lower() if kind != "resize" else "trimmed" if abs(after) < abs(before) else "added"
    why = reason if kind in ("stop", "exit") else decision
    cut = ", cut by the risk rule" if isinstance(trimmed, float) and trimmed else ""
    return f"{verb} ({why}{cut}):" if why else f"{verb}{cut}:"


def marks(fills: pd.DataFrame, bars: Bars) -> Iterator[Marks]:
    """The marks of each kind on a symbol's bars; a fill stands at the close time of its bar."""
    rows = bars.times.searchsorted(pd.DatetimeIndex(fills["time"]))
    rows = np.minimum(rows, len(bars) - 1)
    for key, kind in KINDS.items():
        chosen = (fills["kind"] == key).to_numpy()
        if chosen.any():
            part = fills[chosen]
            yield Marks(
                label=kind.label,
                rows=rows[chosen],
                heights=part["price"].to_numpy(dtype=np.float64),
                words=part["word"].tolist(),
                sizes=part["size"].to_numpy(dtype=np.float64),
                gains=part["gain"].to_numpy(dtype=np.float64),
                shape=kind.shape,
                colour=kind.colour,
            )
