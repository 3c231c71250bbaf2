"""Notes on a run: no trades, interest on cash, symbols that begin late or end early, gaps, several bars a day."""

import pandas as pd

from core.clock import sessions
from core.number_format import percent
from core.types import Market, RunResult
from engine.backtest.account_returns import benchmark_gaps
from engine.config.run_config import RunConfig
from risk.delisting import SESSIONS
from risk.periods import Calendar
from strategies._own_class import OwnClass

from .order_audit import count_orders

PROTECTION = ("stop", "trail", "take_profit")
"""The words of the table ``trades`` for exits by a stop or a target."""


def run_notes(
    config: RunConfig, market: Market, result: RunResult, days: pd.DatetimeIndex, year: Calendar
) -> tuple[str, ...]:
    """Everything that a reader of the run should know besides its figures.

    Parameters
    ----------
    days : (T,) the sessions that have a return.
    year : their calendar.
    """
    return (
        *_idle_notes(result),
        *_interest_notes(config),
        *_unit_notes(config),
        *_reentry_notes(config, result),
        *_span_notes(_end_of_symbols(config), market, days, result.zone),
        *_gap_notes(market, days, result.zone),
        *hole_notes(year),
        *_session_notes(result, year),
    )


def recorded_notes(market: Market, result: RunResult, days: pd.DatetimeIndex, year: Calendar) -> tuple[str, ...]:
    """The notes on a recorded Cerebro run; parameters as for :func:`run_notes`."""
    return (
        *_idle_notes(result),
        *_span_notes("stays, at its last close", market, days, result.zone),
        *_gap_notes(market, days, result.zone),
        *hole_notes(year),
        *_session_notes(result, year),
    )


def _idle_notes(result: RunResult) -> tuple[str, ...]:
    """The reason why nothing was traded."""
    if len(result.fills):
        return ()
    orders = count_orders(result.orders)
    if not orders.requested:
        return ("nothing was traded: no order was asked",)
    reasons = "; ".join(f"{number} x {reason}" for reason, number in orders.by_reason.items())
    return (f"nothing was traded: none of {orders.requested} orders was filled ({reasons})",)


def _interest_notes(config: RunConfig) -> tuple[str, ...]:
    """Interest on cash above the stated risk-free rate."""
    earned = config.broker.cash_interest
    free = config.measures.risk_free
    if earned <= free:
        return ()
    return (
        f"idle cash earns {100 * earned:g} % a year, more than measures.risk_free ({100 * free:g} %): ratios compare "
        f"with {percent(config.risk_free)}, which is what cash earned, and the verdict with the same account untraded",
    )


def _reentry_notes(config: RunConfig, result: RunResult) -> tuple[str, ...]:
    """Entries on the side that a stop or a target had just closed, where nothing bars them."""
    if config.strategy.reenter != "always" or isinstance(config.strategy, OwnClass):
        return ()
    trades = result.trades.sort_values("entered_at", kind="stable")
    before = trades.groupby("symbol")[["side", "exit_reason"]].shift(1)
    again = int((before["exit_reason"].isin(PROTECTION) & (before["side"] == trades["side"])).sum())
    if not again:
        return ()
    return (
        f"{again} of {len(trades)} positions are on the side that a stop or a target of their symbol had just "
        "closed: the rule enters again as long as its signal lasts (strategy.reenter: new_signal enters once a signal)",
    )


def _unit_notes(config: RunConfig) -> tuple[str, ...]:
    """Rules that count units, beside prices adjusted for splits and dividends: a unit is no share of its day."""
    settings = {
        "broker.lot": config.broker.lot,
        "broker.commission_per_unit": config.broker.commission_per_unit,
    }
    counted = [f"{name} {value:g}" for name, value in settings.items() if value]
    if not counted or not config.data.source.dividends:
        return ()
    return (
        "prices are adjusted for splits and dividends, so a unit is not a share as it was traded, but "
        f"{' and '.join(counted)} counts units: sizes and fees of early years are not those of the time",
    )


def _end_of_symbols(config: RunConfig) -> str:
    """The end of a position in a symbol that has ended, in words."""
    return "stays, at its last close" if config.broker.delisting == "hold" else f"is closed {SESSIONS} sessions later"


def _span_notes(end: str, market: Market, days: pd.DatetimeIndex, zone: str) -> tuple[str, ...]:
    """Traded symbols that begin after the account does, or end before it; ``end`` is that of their positions."""
    spans = ((symbol, sessions(market.bars[symbol].times, zone)[[0, -1]]) for symbol in market.trade)
    end = f"; a position at its end {end}"
    return tuple(
        f"{symbol} has bars from {first:%F} to {last:%F} only{end if last < days[-1] else ''}"
        for symbol, (first, last) in spans
        if first > days[0] or last < days[-1]
    )


def _gap_notes(market: Market, days: pd.DatetimeIndex, zone: str) -> tuple[str, ...]:
    gaps = benchmark_gaps(market, days, zone)
    if gaps.empty:
        return ()
    gap_text = f"{len(gaps)} of {len(days)} sessions (the first is {gaps[0]:%F})"
    return (f"benchmark {market.benchmark} has no bar in {gap_text}; it is valued at its last close there",)


def hole_notes(year: Calendar) -> tuple[str, ...]:
    """The holes in the data, and what they would do to annual figures."""
    if not year.holes:
        return ()
    spans = ", ".join(f"{last:%F} to {first:%F}" for last, first in year.holes[:3])
    more = f" and {len(year.holes) - 3} more" if len(year.holes) > 3 else ""
    return (
        f"no session for far longer than usual: {spans}{more}; annual figures leave this time out, with "
        f"{year.periods_per_year:.6g} sessions a year (counted with it {year.with_holes:.4g}), and a return across it "
        "counts as that of one session",
    )


def _session_notes(result: RunResult, year: Calendar) -> tuple[str, ...]:
    """The returns of an account that is valued several times a session."""
    times = sessions(pd.DatetimeIndex(result.equity["time"]), result.zone)
    if times.is_unique:
        return ()
    source = f"returns are made of {len(times)} bars, from each session's last account value"
    rate = f"with {year.periods_per_year:g} periods a year"
    return (f"{year.adjective} {source}; every measure, value at risk included, is {year.adjective}, {rate}",)
