"""Daily returns and exposure of a run's account. Pure functions of the tables."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from core.clock import sessions
from core.errors import DataError
from core.types import Bars, Market, RunResult, Vector
from risk.costs import DAYS_OF_INTEREST

STRATEGY, BENCHMARK, AT_EXPOSURE = COLUMNS = ("strategy", "benchmark", "benchmark_at_exposure")


@dataclass(frozen=True)
class Exposure:
    """The invested part of the account, over the sessions that have a return.

    Attributes
    ----------
    gross_mean : mean over the sessions of the mean of sum(abs(position value)) / account value at the session's closes
        (one close a session for daily bars, all bars' closes within the day), a fraction.
    net_mean : the same with signs; shorts are negative.
    time_in_market : likewise, of the fraction of the closes at which any position was held.
    n : sessions counted.
    """

    gross_mean: float
    net_mean: float
    time_in_market: float
    n: int


def daily_returns(result: RunResult, market: Market, cash_interest: float = 0.0) -> pd.DataFrame:
    """Simple daily returns of the strategy and, over the same sessions, of the benchmark.

    Each session's last equity against the session's before; the first against the initial cash, which is the account
    at the first decision. A first session that holds the decision alone has no return. Flat days stay. A session in
    which the benchmark has no bar values it at its last close, as the account values a position.

    Parameters
    ----------
    cash_interest : the yearly rate that the account's idle cash earned; the benchmark's cash earns the same.

    Returns
    -------
    Index: naive session dates. Columns: `strategy`, `benchmark` (fully invested, close to close) and
    `benchmark_at_exposure` (the strategy's mean gross exposure in the benchmark, rebalanced every session, the rest in
    cash; at more than 100 % there is no cash, and what is borrowed costs nothing, as in the account).

    Raises
    ------
    DataError
        The run has no session after the first decision, or the benchmark does not cover the run's sessions.
    """
    times = pd.DatetimeIndex(result.equity["time"])
    last = _session_last(result, "equity")
    start = times[0]
    days = _sessions_with_return(result)
    strategy = last.loc[days] / account_before(result, days) - 1.0
    cash = cash_returns(times, days, result.zone, cash_interest)
    benchmark = benchmark_returns(market, start, days, result.zone, cash)
    share = exposure(result).gross_mean
    scaled = benchmark * share + max(1.0 - share, 0.0) * cash
    return pd.DataFrame(dict(zip(COLUMNS, (strategy, benchmark, scaled), strict=True)), index=days.rename("session"))


def cash_returns(times: pd.DatetimeIndex, days: pd.DatetimeIndex, zone: str, rate: float) -> Vector:
    """Simple daily returns of an account that holds nothing but cash: what a run would have earned untraded.

    As the broker does, interest is credited at each close, by calendar day of a year of 365, on the cash before it.

    Parameters
    ----------
    times : (T,) closes of the account, UTC, increasing; the first is that of the first decision, before any interest.
    days : (D,) the sessions that have a return, naive midnights.
    rate : yearly, a fraction.

    Returns
    -------
    (D,) fractions; 0 where the rate is 0.

    >>> closes = pd.DatetimeIndex(["2020-01-03", "2020-01-06"], tz="UTC")
    >>> cash_returns(closes, pd.DatetimeIndex(["2020-01-06"]), "UTC", 0.05).round(8).tolist()  # three days of interest
    [0.00041096]
    """
    if rate == 0.0:
        return np.zeros(len(days))
    dates = times.as_unit("s").asi8 // 86_400
    growth = np.cumprod(1.0 + np.diff(dates, prepend=dates[:1]) * (rate / DAYS_OF_INTEREST))
    last = pd.Series(growth, index=sessions(times, zone)).groupby(level=0).last()
    return np.asarray(_changes(last.reindex(days, method="ffill").fillna(1.0), 1.0))


def account_before(result: RunResult, days: pd.DatetimeIndex) -> pd.Series:
    """(T,) the account at the last close before each session, with what was paid in or out since.

    Before the first session it is the initial cash. Money that is paid in buys shares of the account at its value,
    as in a fund: ``value before x shares / shares before`` (the unit price method; Bacon 2008, chapter 2).

    Parameters
    ----------
    days : (T,) sessions, naive midnights, in order, none left out.
    """
    before = _session_last(result, "equity").reindex(days).shift(1, fill_value=result.cash)
    if result.shares is None:
        return before
    shares = _last_of_sessions(result, result.shares).reindex(days)
    return before * (shares / shares.shift(1, fill_value=1.0))


def _session_last(result: RunResult, column: str) -> pd.Series:
    return _last_of_sessions(result, result.equity[column].to_numpy())


def _last_of_sessions(result: RunResult, values: Vector) -> pd.Series:
    """The last of the values of each session's closes, by session."""
    days = sessions(pd.DatetimeIndex(result.equity["time"]), result.zone)
    return pd.Series(values, index=days).groupby(level=0).last()


def session_equity(result: RunResult, days: pd.Index) -> Vector:
    """The account before the first of ``days`` and at the last close of each."""
    return np.append(result.cash, _session_last(result, "equity").loc[days])


def session_exposure(result: RunResult, days: pd.Index, column: str = "gross_exposure") -> Vector:
    """The gross exposure, or the net one, of each of ``days``: the mean at its bars' closes, a fraction of the account.

    Not the last close alone: a strategy that is flat overnight is invested during the day.
    """
    return _session_means(result, result.equity[column].to_numpy(), days)


def _session_means(result: RunResult, values: Vector, days: pd.Index) -> Vector:
    labels = sessions(pd.DatetimeIndex(result.equity["time"]), result.zone)
    return np.asarray(pd.Series(values, index=labels).groupby(level=0).mean().loc[days], dtype=np.float64)


def _sessions_with_return(result: RunResult) -> pd.DatetimeIndex:
    """All sessions, without a first one that holds the first decision alone; at least one.

    Raises
    ------
    DataError
        There is none.
    """
    times = pd.DatetimeIndex(result.equity["time"])
    labels = sessions(times, result.zone).unique()
    days = pd.DatetimeIndex(labels if _closes_after(times, result.zone) else labels[1:])
    if days.empty:
        raise DataError(f"the run has no session after its first decision at {times[0]:%F}; give it more data")
    return days


def _closes_after(times: pd.DatetimeIndex, zone: str) -> bool:
    """True if the first decision's session has a later close, and so a return of its own."""
    days = sessions(times[:2], zone)
    return len(days) > 1 and days[0] == days[1]


def _changes(values: pd.Series, base: float) -> pd.Series:
    return values / values.shift(1, fill_value=base) - 1.0


def require_benchmark(market: Market, start: pd.Timestamp, last: pd.Timestamp, zone: str) -> None:
    """Refuse a benchmark without a bar at or before the first decision, or that ends before the last session.

    A basket of the traded symbols covers every run of them.

    Parameters
    ----------
    start : the first decision's time, UTC.
    last : the last session, a naive midnight.
    """
    if market.basket:
        return
    bars = market.bars[market.benchmark]
    days = sessions(bars.times, zone)
    if bars.times[0] > start or days[-1] < last:
        raise DataError(
            f"benchmark {bars.symbol} has bars from {days[0]:%F} to {days[-1]:%F}, but the run needs it from its first "
            f"decision at {sessions(pd.DatetimeIndex([start]), zone)[0]:%F} to {last:%F}; "
            "give it more data or choose another benchmark"
        )


def benchmark_returns(
    market: Market, start: pd.Timestamp, days: pd.DatetimeIndex, zone: str, cash: Vector | None = None
) -> pd.Series:
    """The benchmark's simple returns over some sessions, the first of them from its last close at ``start``.

    A basket holds every traded symbol in equal parts: bought once, or brought back to equal parts at each session's
    close. The part of a symbol that begins later is cash until its first close.

    Parameters
    ----------
    cash : (D,) what cash earns in each session; None is nothing.

    Raises
    ------
    DataError
        It does not cover the sessions.
    """
    require_benchmark(market, start, days[-1], zone)
    if not market.basket:
        bars = market.bars[market.benchmark]
        return _changes(_closes(bars, days, zone), _close_at(bars, start))
    in_cash: Vector = np.ones(len(days)) if cash is None else np.cumprod(1.0 + cash).astype(np.float64)
    parts = pd.DataFrame({symbol: _part(market.bars[symbol], start, days, zone, in_cash) for symbol in market.trade})
    if market.basket == "held":
        return _changes(parts.mean(axis=1), 1.0)
    return parts.apply(_changes, base=1.0).mean(axis=1)


def _part(bars: Bars, start: pd.Timestamp, days: pd.DatetimeIndex, zone: str, in_cash: Vector) -> pd.Series:
    """(D,) the value of 1 in a symbol, bought at ``start`` or at the symbol's first close after it."""
    if bars.times[0] <= start:
        return _growth(bars, start, days, zone)
    growth = _growth(bars, bars.times[0], days, zone)
    waiting = np.asarray(growth.isna())
    first = min(int(waiting.sum()), len(days) - 1)
    return pd.Series(np.where(waiting, in_cash, in_cash[first] * growth), index=days)


def _growth(bars: Bars, start: pd.Timestamp, days: pd.DatetimeIndex, zone: str) -> pd.Series:
    """(D,) the closes relative to the last one at ``start``; NaN before the first bar."""
    return _closes(bars, days, zone) / _close_at(bars, start)


def _closes(bars: Bars, days: pd.DatetimeIndex, zone: str) -> pd.Series:
    closes = pd.Series(bars.close, index=sessions(bars.times, zone)).groupby(level=0).last()
    return closes.reindex(days, method="ffill")


def _close_at(bars: Bars, time: pd.Timestamp) -> float:
    return float(bars.close[bars.times <= time][-1])


def benchmark_gaps(market: Market, days: pd.DatetimeIndex, zone: str) -> pd.DatetimeIndex:
    """The sessions of a run in which the benchmark has no bar of its own; a basket has none of its own at all."""
    if market.basket:
        return days[:0]
    return days.difference(sessions(market.bars[market.benchmark].times, zone))


def exposure(result: RunResult) -> Exposure:
    """The account's mean exposure over the sessions that have a return; errors as of :func:`daily_returns`."""
    days = _sessions_with_return(result)
    gross = result.equity["gross_exposure"].to_numpy()
    in_market = (gross > 0).astype(np.float64)
    return Exposure(
        float(session_exposure(result, days).mean()),
        float(session_exposure(result, days, "net_exposure").mean()),
        float(_session_means(result, in_market, days).mean()),
        len(days),
    )
