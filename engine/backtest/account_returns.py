"""Daily returns and exposure of a run's account. Pure functions of the tables."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from core.clock import sessions
from core.errors import DataError
from core.types import Bars, Market, RunResult, Vector

STRATEGY, BENCHMARK, AT_EXPOSURE = COLUMNS = ("strategy", "benchmark", "benchmark_at_exposure")


@dataclass(frozen=True)
class Exposure:
    """The invested part of the account, over the bars from the first decision on.

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
    benchmark = benchmark_returns(market.bars[market.benchmark], start, days, result.zone)
    scaled = benchmark * exposure(result).gross_mean
    return pd.DataFrame(dict(zip(COLUMNS, (strategy, benchmark, scaled), strict=True)), index=days.rename("session"))


def _session_last(result: RunResult, column: str) -> pd.Series:
    days = sessions(pd.DatetimeIndex(result.equity["time"]), result.zone)
    return pd.Series(result.equity[column].to_numpy(), index=days).groupby(level=0).last()


def session_equity(result: RunResult, days: pd.Index) -> Vector:
    """The account before the first of ``days`` and at the last close of each."""
    return np.append(result.cash, _session_last(result, "equity").loc[days])


def session_exposure(result: RunResult, days: pd.Index) -> Vector:
    """The gross exposure at the last close of each of ``days``, a fraction of the account."""
    return np.asarray(_session_last(result, "gross_exposure").loc[days])


def _closes_after(times: pd.DatetimeIndex, zone: str) -> bool:
    """True if the first decision's session has a later close, and so a return of its own."""
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
    days = sessions(bars.times, zone)
    if bars.times[0] > start or days[-1] < last:
        raise DataError(
            f"benchmark {bars.symbol} has bars from {days[0]:%F} to {days[-1]:%F}, but the run needs it from its first "
            f"decision at {sessions(pd.DatetimeIndex([start]), zone)[0]:%F} to {last:%F}; "
            "give it more data or choose another benchmark"
        )


def benchmark_returns(bars: Bars, start: pd.Timestamp, days: pd.DatetimeIndex, zone: str) -> pd.Series:
    """The benchmark's simple returns over some sessions, the first of them from its last close at ``start``.

    Raises
    ------
    DataError
        It does not cover the sessions.
    """
    require_benchmark(bars, start, days[-1], zone)
    closes = pd.Series(bars.close, index=sessions(bars.times, zone)).groupby(level=0).last()
    base = float(bars.close[bars.times <= start][-1])
    return _changes(closes.reindex(days, method="ffill"), base)


def benchmark_gaps(market: Market, days: pd.DatetimeIndex, zone: str) -> pd.DatetimeIndex:
    """The sessions of a run in which the benchmark has no bar of its own."""
    return days.difference(sessions(market.bars[market.benchmark].times, zone))


def exposure(result: RunResult) -> Exposure:
    """The account's mean exposure from the first decision on."""
    gross = result.equity["gross_exposure"]
    net = result.equity["net_exposure"]
    return Exposure(float(gross.mean()), float(net.mean()), float((gross > 0).mean()), len(gross))
