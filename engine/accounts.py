"""What a run's account says of itself: daily returns, exposure, costs and orders. Pure functions of the tables."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from core.clock import sessions
from core.errors import DataError
from core.types import Bars, Market, RunResult, Vector

STRATEGY, BENCHMARK, AT_EXPOSURE = COLUMNS = ("strategy", "benchmark", "benchmark_at_exposure")


@dataclass(frozen=True)
class Exposure:
    """How much of the account was invested, over the bars from the first decision on.

    Attributes
    ----------
    gross_mean : mean of sum(abs(position value)) / account value at the closes, a fraction.
    net_mean : the same with signs; shorts are negative.
    time_in_market : fraction of the closes at which any position was held.
    n : closes counted.
    """

    gross_mean: float
    net_mean: float
    time_in_market: float
    n: int


@dataclass(frozen=True)
class Costs:
    """What trading cost, in account currency, each >= 0; all of it is already in the equity.

    Attributes
    ----------
    commission : paid to the broker at the fills.
    slippage : sum of abs(size) x abs(fill price - the bar's open) over the market orders' fills.
    interest : paid on short positions.
    fills : number of fills.
    """

    commission: float
    slippage: float
    interest: float
    fills: int

    @property
    def total(self) -> float:
        """All three."""
        return self.commission + self.slippage + self.interest


@dataclass(frozen=True)
class Orders:
    """The orders counted.

    Attributes
    ----------
    by_status : number of orders by status, sorted by status.
    by_reason : number of orders by reason, those without one left out.
    trimmed : orders that were made smaller before they were filled.
    """

    by_status: Mapping[str, int]
    by_reason: Mapping[str, int]
    trimmed: int

    @property
    def asked(self) -> int:
        """All orders."""
        return sum(self.by_status.values())


def daily_returns(result: RunResult, market: Market) -> pd.DataFrame:
    """Simple daily returns of the strategy and, over the same sessions, of the benchmark.

    Each session's last equity against the session's before; the first against the initial cash, which is the account
    at the first decision. A first session that holds the decision alone has no return. Flat days stay. A session in
    which the benchmark has no bar values it at its last close, as the account values a position.

    Returns
    -------
    Index: naive session dates. Columns: `strategy`, `benchmark` (fully invested, close to close) and
    `benchmark_at_exposure` (the benchmark's return x the strategy's mean gross exposure, the rest in cash at 0 %).

    Raises
    ------
    DataError
        The run has no session after the first decision, or the benchmark does not cover the run's sessions.
    """
    times = pd.DatetimeIndex(result.equity["time"])
    last = _session_last(result, "equity")
    start = times[0]
    days = pd.DatetimeIndex(last.index if _closes_after(times, result.zone) else last.index[1:])
    if days.empty:
        raise DataError(f"the run has no session after its first decision at {start:%F}; give it more data")
    strategy = _changes(last.loc[days], result.cash)
    benchmark = _benchmark_returns(market.bars[market.benchmark], start, days, result.zone)
    scaled = benchmark * exposure(result).gross_mean
    return pd.DataFrame(dict(zip(COLUMNS, (strategy, benchmark, scaled), strict=True)), index=days.rename("session"))


def _session_last(result: RunResult, column: str) -> pd.Series:
    days = sessions(pd.DatetimeIndex(result.equity["time"]), result.zone)
    return pd.Series(result.equity[column].to_numpy(), index=days).groupby(level=0).last()


def session_exposure(result: RunResult, days: pd.Index) -> Vector:
    """The gross exposure at the last close of each of ``days``, a fraction of the account."""
    return np.asarray(_session_last(result, "gross_exposure").loc[days])


def _closes_after(times: pd.DatetimeIndex, zone: str) -> bool:
    """Whether the first decision's session has a later close, and so a return of its own."""
    days = sessions(times[:2], zone)
    return len(days) > 1 and days[0] == days[1]


def _changes(values: pd.Series, base: float) -> pd.Series:
    return values / values.shift(1, fill_value=base) - 1.0


def require_benchmark(bars: Bars, start: pd.Timestamp, last: pd.Timestamp, zone: str) -> None:
    """Refuse a benchmark without a bar at or before the first decision, or that ends before the last session.

    Parameters
    ----------
    start : the first decision's time, UTC.
    last : the last session, a naive midnight.
    """
    own = sessions(bars.times, zone)
    if bars.times[0] > start or own[-1] < last:
        raise DataError(
            f"benchmark {bars.symbol} has bars from {own[0]:%F} to {own[-1]:%F}, but the run needs it from its first "
            f"decision at {sessions(pd.DatetimeIndex([start]), zone)[0]:%F} to {last:%F}; "
            "give it more data or choose another benchmark"
        )


def _benchmark_returns(bars: Bars, start: pd.Timestamp, days: pd.DatetimeIndex, zone: str) -> pd.Series:
    require_benchmark(bars, start, days[-1], zone)
    own, known = sessions(bars.times, zone), bars.times <= start
    closes = pd.Series(bars.close, index=own).groupby(level=0).last()
    base = float(bars.close[known][-1])
    return _changes(closes.reindex(days, method="ffill"), base)


def benchmark_gaps(market: Market, days: pd.DatetimeIndex, zone: str) -> pd.DatetimeIndex:
    """The sessions of a run in which the benchmark has no bar of its own."""
    return days.difference(sessions(market.bars[market.benchmark].times, zone))


def exposure(result: RunResult) -> Exposure:
    """The account's mean exposure from the first decision on."""
    gross, net = result.equity["gross_exposure"], result.equity["net_exposure"]
    return Exposure(float(gross.mean()), float(net.mean()), float((gross > 0).mean()), len(gross))


def costs(result: RunResult, market: Market) -> Costs:
    """What the run paid for trading.

    Raises
    ------
    DataError
        A fill stands at a time at which its symbol has no bar.
    """
    fills = result.fills
    return Costs(
        commission=float(fills["commission"].sum()),
        slippage=_slippage(fills[fills["kind"] == "market"], market),
        interest=float(result.trades["interest"].sum()),
        fills=len(fills),
    )


def _slippage(fills: pd.DataFrame, market: Market) -> float:
    return sum(
        float((group["size"].abs() * (group["price"] - _opens(market.bars[str(symbol)], group)).abs()).sum())
        for symbol, group in fills.groupby("symbol")
    )


def _opens(bars: Bars, fills: pd.DataFrame) -> Any:
    """The opens of the bars in which fills of one symbol happened."""
    rows = bars.times.get_indexer(pd.DatetimeIndex(fills["time"]))
    if (rows < 0).any():
        when = fills["time"].iloc[int((rows < 0).argmax())]
        raise DataError(
            f"a fill of {bars.symbol} stands at {when}, where it has no bar; the run's tables do not fit its data"
        )
    return bars.open[rows]


def count_orders(orders: pd.DataFrame) -> Orders:
    """The orders by status and by reason; what stands behind a reason's colon differs from order to order."""
    reasons = orders.loc[orders["reason"] != "", "reason"].str.split(":").str[0]
    return Orders(_counts(orders["status"]), _counts(reasons), int((orders["trimmed"] != 0).sum()))


def _counts(column: pd.Series) -> dict[str, int]:
    return {str(key): int(count) for key, count in column.value_counts().sort_index().items()}
