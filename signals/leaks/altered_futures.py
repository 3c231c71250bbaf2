"""Other futures: the same market up to a moment, and something else after it."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pandas as pd

from core.types import COLUMNS, Bars, Market, News, Vector, read_only

FUTURES = ("another walk", "mirrored", "thousandfold")
"""Ways in which a future differs; each bar is drawn on its own, so that no ratio between bars survives by accident."""


def with_future(market: Market, last: pd.Timestamp, how: str, seed: int) -> Market:
    """The market with everything that becomes known after ``last`` replaced; as many bars at the same times.

    Parameters
    ----------
    how : one of :data:`FUTURES`: `another walk`, a lognormal walk from 100, independent of the past; `mirrored`,
        every return turned round; `thousandfold`, prices a thousand times higher, each by its own factor.
    """
    rng = np.random.default_rng([seed, FUTURES.index(how)])
    bars = {
        symbol: _changed(item, int(item.times.searchsorted(last, side="right")), how, rng)
        for symbol, item in market.bars.items()
    }
    return replace(market, bars=bars, news=None if market.news is None else _other_news(market.news, last, rng))


def walk(market: Market, seed: int, memory: float = 0.0) -> Market:
    """A market of the same symbols, times and volatility whose returns are drawn, with nothing to learn from them.

    Parameters
    ----------
    memory : first autocorrelation of the returns; 0 for a random walk, above 0 for something that can be learnt.
    """
    rng = np.random.default_rng([seed, 7])
    bars = {symbol: _drawn(item, memory, rng) for symbol, item in market.bars.items()}
    first = pd.Timestamp.min.tz_localize("UTC")
    return replace(market, bars=bars, news=None if market.news is None else _other_news(market.news, first, rng))


def _changed(bars: Bars, row: int, how: str, rng: np.random.Generator) -> Bars:
    # Of a symbol that begins later nothing is known: its mirror lies where no bar of it would stay the same.
    last_close = float(bars.close[row - 1]) if row else 1.1 * float(bars.close.max(initial=1.0))
    close = _closes(bars.close[row:], last_close, how, rng)
    columns = _around(close, rng)
    return _with_columns(bars, {name: np.concatenate([getattr(bars, name)[:row], columns[name]]) for name in COLUMNS})


def _closes(future: Vector, last_close: float, how: str, rng: np.random.Generator) -> Vector:
    """Other closes in place of some; ``last_close`` is the one before them."""
    if how == "mirrored":
        return last_close**2 / future
    if how == "thousandfold":
        return np.asarray(1000 * future * rng.uniform(0.5, 2, len(future)))
    return np.asarray(100 * np.exp(np.cumsum(rng.normal(0, 0.05, len(future)))))


def _with_columns(bars: Bars, columns: Mapping[str, Vector]) -> Bars:
    return Bars(bars.symbol, bars.times, *(read_only(columns[name]) for name in COLUMNS))


def _around(close: Vector, rng: np.random.Generator) -> Mapping[str, Vector]:
    """Bars around some closes."""
    opened = close * rng.uniform(0.97, 1.03, len(close))
    return {
        "open": opened,
        "high": np.maximum(opened, close) * rng.uniform(1.0, 1.02, len(close)),
        "low": np.minimum(opened, close) * rng.uniform(0.98, 1.0, len(close)),
        "close": close,
        "volume": rng.uniform(1e5, 1e7, len(close)),
    }


def _drawn(bars: Bars, memory: float, rng: np.random.Generator) -> Bars:
    if len(bars) < 2:
        return bars
    volatility = float(np.std(np.diff(np.log(bars.close)))) or 0.01
    shocks = rng.normal(0, volatility * np.sqrt(1 - memory**2), len(bars))
    returns = np.zeros(len(bars))
    for row in range(1, len(bars)):
        returns[row] = memory * returns[row - 1] + shocks[row]
    close = bars.close[0] * np.exp(np.cumsum(returns - volatility**2 / 2))
    opened = np.append(close[:1], close[:-1]) * np.exp(rng.normal(0, volatility / 4, len(bars)))
    columns = {
        "open": opened,
        "high": np.maximum(opened, close) * np.exp(np.abs(rng.normal(0, volatility / 4, len(bars)))),
        "low": np.minimum(opened, close) * np.exp(-np.abs(rng.normal(0, volatility / 4, len(bars)))),
        "close": close,
        "volume": bars.volume,
    }
    return _with_columns(bars, columns)


def _other_news(news: News, last: pd.Timestamp, rng: np.random.Generator) -> News:
    """The same times after ``last``, with the headlines of other symbols and other days."""
    known_count = int(news.known_at.searchsorted(last, side="right"))
    order = [*range(known_count), *(known_count + rng.permutation(len(news) - known_count))]
    draw = rng.permutation(len(news))
    text_order = [*order[:known_count], *(int(draw[index]) for index in order[known_count:])]
    symbols = tuple(news.symbol[index] for index in order)
    return News(news.known_at, symbols, tuple(news.text[index] for index in text_order))
