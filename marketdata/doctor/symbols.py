"""Symbols side by side: one series under two names, series that end early, bars that have not ended."""

from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd

from core.clock import sessions
from core.types import Bars, Market

from .finding import MAX_DATES, Finding

COMPARED = 500  # last sessions whose returns are compared
ENOUGH = 40
EQUAL = 0.9999  # correlation of returns from which two symbols are one
EARLY = 20  # sessions of the others after a symbol's last one


def symbol_findings(market: Market) -> list[tuple[str, Finding]]:
    """The findings about symbols beside each other, each with the symbol it is about."""
    if len(market.bars) < 2:
        return []
    closes = _closes(market.bars, market.zone)
    return [*_equal_returns(closes), *_early_ends(market)]


def _closes(bars: Mapping[str, Bars], zone: str) -> pd.DataFrame:
    """The last closes of every symbol, by session."""
    series = {}
    for symbol, symbol_bars in bars.items():
        days = sessions(symbol_bars.times[-COMPARED:], zone)
        column = pd.Series(symbol_bars.close[-COMPARED:], index=days)
        series[symbol] = column[~days.duplicated(keep="last")]
    return pd.DataFrame(series)


def _equal_returns(closes: pd.DataFrame) -> Iterator[tuple[str, Finding]]:
    """Pairs of symbols with the same returns, by their correlation and their size."""
    returns = closes.apply(np.log).diff().iloc[1:]
    complete = returns.dropna(axis=1, thresh=ENOUGH)
    if complete.shape[1] < 2:
        return
    values = complete.fillna(0.0).to_numpy()
    spread = values.std(axis=0)
    moving = np.flatnonzero(spread > 0)
    correlation = np.corrcoef(values[:, moving], rowvar=False) if len(moving) > 1 else np.eye(1)
    pairs = np.argwhere(np.triu(np.atleast_2d(correlation) > EQUAL, 1))
    for left, right in pairs[:MAX_DATES].tolist():
        first, second = complete.columns[moving[left]], complete.columns[moving[right]]
        if abs(spread[moving[left]] / spread[moving[right]] - 1) > 0.01:
            continue
        same = closes[[first, second]].dropna()
        what = "the same closes" if (same[first] == same[second]).all() else "the same returns"
        text = f"{second} has {what} as {first}: one series under two names?"
        yield str(second), Finding("equal_returns", text, "give each symbol its own file")


def _early_ends(market: Market) -> Iterator[tuple[str, Finding]]:
    """Traded symbols that end long before the others."""
    last = {symbol: market.bars[symbol].times[-1] for symbol in market.trade}
    longest = max(last, key=lambda symbol: last[symbol])
    for symbol, end in last.items():
        later = market.bars[longest].times
        days = sessions(later[later > end], market.zone).unique()
        if len(days) >= EARLY:
            text = (
                f"the series ends on {sessions(market.bars[symbol].times[-1:], market.zone)[0]:%Y-%m-%d}, {len(days)} "
                f"sessions before {longest}: delisted, or an old file?"
            )
            yield symbol, Finding("early_end", text)


def unfinished(market: Market, now: pd.Timestamp) -> list[tuple[str, Finding]]:
    """Symbols whose last bar closes after this moment: its high, low, close and volume are not final."""
    return [
        (
            symbol,
            Finding(
                "unfinished",
                f"the last bar closes at {bars.times[-1]:%Y-%m-%d %H:%M} UTC, which is not yet: it is unfinished",
                "set data.end to the day before, or run later",
                (len(bars) - 1,),
            ),
        )
        for symbol, bars in market.bars.items()
        if bars.times[-1] > now
    ]
