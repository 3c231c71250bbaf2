"""Checks of a whole market: symbols that cannot be traded, or compared, side by side."""

from collections.abc import Iterator, Mapping

import pandas as pd

from core.clock import sessions
from core.errors import DataError
from core.types import Market

from .bar_size import bar_size


def require_together(market: Market, files: Mapping[str, str]) -> None:
    """Refuse symbols that do not belong together: the first fault is raised.

    Parameters
    ----------
    files : by symbol: the file's name, for messages.

    Raises
    ------
    DataError
        Traded symbols have bars of different sizes, or no day in common; or the benchmark ends before they do.
    """
    for fault in together_faults(market, files):
        raise fault


def together_faults(market: Market, files: Mapping[str, str]) -> Iterator[DataError]:
    """Everything for which :func:`require_together` would refuse the symbols; ``files`` as there."""
    labels = {symbol: f"{symbol} ({files[symbol]})" for symbol in market.bars}
    if len(market.trade) > 1:
        yield from _one_size(market, labels)
        yield from _common_days(market, labels)
    yield from _benchmark(market, labels)


def _days(market: Market) -> dict[str, pd.DatetimeIndex]:
    """The sessions of each traded symbol, each once."""
    return {symbol: sessions(market.bars[symbol].times, market.zone).unique() for symbol in market.trade}


def _one_size(market: Market, labels: Mapping[str, str]) -> Iterator[DataError]:
    sizes = {symbol: bar_size(market.bars[symbol].times, market.zone) for symbol in market.trade}
    first, *others = market.trade
    odd = next((symbol for symbol in others if sizes[symbol].differs(sizes[first])), None)
    if odd:
        yield DataError(
            f"mixed bar sizes: {labels[first]} has {sizes[first].name} bars, {labels[odd]} has {sizes[odd].name} bars; "
            "give all traded symbols bars of one size"
        )


def _common_days(market: Market, labels: Mapping[str, str]) -> Iterator[DataError]:
    days = _days(market)
    counts = pd.concat([pd.Series(1, index=index) for index in days.values()]).groupby(level=0).size()
    shared = counts.index[counts > 1]
    for symbol in market.trade:
        others = [other for other in market.trade if other != symbol]
        if not days[symbol].isin(shared).any():
            spans = "; ".join(f"{labels[name]} has {_span(days[name])}" for name in (symbol, *others[:2]))
            yield DataError(
                f"{symbol} has no day in common with any other traded symbol: {spans}; trade it alone, or give data of "
                "the same years"
            )


def _benchmark(market: Market, labels: Mapping[str, str]) -> Iterator[DataError]:
    if market.basket:
        return
    name = market.benchmark
    ends = {symbol: market.bars[symbol].times[[0, -1]] for symbol in (*market.trade, name)}
    days = {symbol: sessions(times, market.zone) for symbol, times in ends.items()}
    last = max(days[symbol][-1] for symbol in market.trade)
    if days[name][-1] < last or days[name][0] > last:
        yield DataError(
            f"benchmark {labels[name]} does not cover the span: it has {_span(days[name])}, but the traded symbols go "
            f"on to {last:%F}; give it more data, choose another, or set data.end"
        )


def _span(days: pd.DatetimeIndex) -> str:
    return f"{days[0]:%F} to {days[-1]:%F}"
