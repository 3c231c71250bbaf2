"""Audit of a run's orders: how many, whether the cap held, how well the stops protected. Pure functions."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from core.types import Market, RunResult

ROUNDING = 1e-12
"""How far above the cap a share may be by rounding alone, relative to it."""


@dataclass(frozen=True)
class Orders:
    """The orders counted.

    Attributes
    ----------
    by_status : number of orders by status, sorted by status.
    by_reason : number of the market orders that were not filled, by reason; those without one left out.
    trimmed_by : number of the market orders that were made smaller and then filled, by what made them so.
    trimmed : market orders that were made smaller before they were filled.
    brackets : number of stops and targets by kind and status: most are cancelled, for only one of a pair can be filled.
    """

    by_status: Mapping[str, int]
    by_reason: Mapping[str, int]
    trimmed_by: Mapping[str, int]
    trimmed: int
    brackets: Mapping[str, int]

    @property
    def requested(self) -> int:
        """All orders."""
        return sum(self.by_status.values())


def count_orders(orders: pd.DataFrame) -> Orders:
    """The orders by status and by reason; what stands behind a reason's colon differs from order to order."""
    market = orders[is_market(orders)]
    others = orders[~is_market(orders)]
    reasons = market["reason"].str.split(":").str[0]
    has_reason = market["reason"] != ""
    filled = market["status"] == "completed"
    cut = market["trimmed"] != 0
    return Orders(
        by_status=_counts(orders["status"]),
        by_reason=_counts(reasons[has_reason & ~filled]),
        trimmed_by=_counts(reasons[has_reason & filled & cut]),
        trimmed=int((filled & cut).sum()),
        brackets=_counts(others["kind"] + " " + others["status"]),
    )


def is_market(orders: pd.DataFrame) -> pd.Series:
    """A mask of the orders that enter, exit or resize; the others are stops and targets of a bracket.

    An entry may be a limit or a stop, too: then the strategy's word for it tells it from a bracket's.
    """
    return (orders["kind"] == "market") | (orders["decision"] != "")


def _counts(column: pd.Series) -> dict[str, int]:
    return {str(key): int(count) for key, count in column.value_counts().sort_index().items()}


@dataclass(frozen=True)
class CapCheck:
    """The check of the cap at the fills.

    Attributes
    ----------
    opening : fills that opened a position or added to one.
    breaches : how many of them left the position above the cap; None without a cap.
    largest : the largest share of the account after one of them; None without any.
    largest_close : the largest share of the account that a position had at a close; None if nothing was held.
    closes_above : closes at which a position had drifted above the cap, each symbol counted; None without a cap.
    """

    opening: int
    breaches: int | None
    largest: float | None
    largest_close: float | None
    closes_above: int | None


def check_cap(result: RunResult, market: Market, cap: float | None) -> CapCheck:
    """Hold the fills to the cap, and see how far positions drifted from it afterwards.

    Parameters
    ----------
    cap : largest share of the account that one position may be at its fill; None if there is none.
    """
    shares = opening_shares(result)["share_at_fill"]
    drifted = close_shares(result, market)
    above = None if cap is None else cap * (1.0 + ROUNDING)
    return CapCheck(
        opening=len(shares),
        breaches=None if above is None else int((shares > above).sum()),
        largest=float(shares.max()) if shares.notna().any() else None,
        largest_close=float(drifted.max()) if drifted.any() else None,
        closes_above=None if above is None else int((drifted > above).sum()),
    )


def opening_shares(result: RunResult) -> pd.DataFrame:
    """The orders whose last fill opened a position or added to one."""
    last = result.fills.groupby("order_id").last()
    ids = last.index[last["size"] * last["position_after"] > 0]
    return result.orders[result.orders["order_id"].isin(ids)]


def close_shares(result: RunResult, market: Market) -> "np.ndarray[tuple[int, int], np.dtype[np.float64]]":
    """(T, N) abs(position) x last close / account value at each close; 0 where nothing is held."""
    times = result.positions.index
    closes = {symbol: market.bars[symbol] for symbol in result.positions.columns}
    marks = {
        symbol: pd.Series(bars.close, index=bars.times).reindex(times, method="ffill")
        for symbol, bars in closes.items()
    }
    units = (
        result.positions.abs().mul(pd.Series(result.multipliers), axis=1)
        if result.multipliers
        else result.positions.abs()
    )
    worth = units.to_numpy() * pd.DataFrame(marks).fillna(0.0).to_numpy()
    return np.asarray(worth / result.equity["equity"].to_numpy()[:, None])


@dataclass(frozen=True)
class StopCheck:
    """The protection that stops gave.

    Attributes
    ----------
    entries : entries that a stop protected.
    unprotected : of them, those whose own bar went beyond the stop, which is not active yet on it.
    unprotected_loss : account currency that these stood beyond their stops at that bar's close.
    worst_unprotected : account currency that the worst of them stood beyond its stop at that bar's extreme.
    stopped : positions that a stop closed.
    gapped : of them, those that the market opened beyond the stop.
    gap_loss : account currency that these gaps cost beyond the stops, before slippage.
    """

    entries: int
    unprotected: int
    unprotected_loss: float
    worst_unprotected: float
    stopped: int
    gapped: int
    gap_loss: float


def check_stops(stops: pd.DataFrame) -> StopCheck:
    """Measure what the stops did not protect from: the bar of the entry, and gaps."""
    size = stops["size"].abs()
    side = np.sign(stops["size"])
    at_extreme = size * (side * (stops["stop_price"] - stops["bar_extreme"])).clip(lower=0.0)
    at_close = size * (side * (stops["stop_price"] - stops["bar_close"])).clip(lower=0.0)
    hit = stops["stopped_at"].notna()
    gap = (stops["stopped_size"].abs() * side * (stops["trigger"] - stops["quoted"]))[hit].clip(lower=0.0)
    return StopCheck(
        entries=len(stops),
        unprotected=int((at_extreme > 0).sum()),
        unprotected_loss=float(at_close.sum()),
        worst_unprotected=float(at_extreme.max()) if len(stops) else 0.0,
        stopped=int(hit.sum()),
        gapped=int((gap > 0).sum()),
        gap_loss=float(gap.sum()),
    )
