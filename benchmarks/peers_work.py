"""The work that peers are compared on: prices, predictions, settings, and the arithmetic as one straight loop.

The rule is ``threshold``. At each close, from the prediction: long above ``entry``, short below ``-entry``; a long
closes below ``exit``, a short above ``-exit``. What is decided at a close fills at the next open, slippage against the
order, also outside of the bar's range. A position is ``base`` x account value / close, both those of the decision; at
its fill it is cut to ``cap`` x account value. Commission is a part of each fill's value. A reversal is two fills.

A stop lies at a part ``stop`` of the decision's close below a long and above a short. It is watched from the bar after
the entry's fill on, fills at its price or at a worse open, with slippage; in a bar in which the rule's own exit fills,
that exit at the open comes first.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product
from math import isnan, nan
from typing import Literal, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

Array: TypeAlias = NDArray[np.float64]
Side: TypeAlias = Literal["long", "short", "both"]
Measures: TypeAlias = dict[str, Array]

MEASURES = ("sharpe", "sortino", "calmar", "drawdown")


class Prices(NamedTuple):
    """Prices of one symbol (T,), or of several with the same bars (T, N)."""

    open: Array
    high: Array
    low: Array
    close: Array

    def of(self, symbol: int) -> "Prices":
        """One symbol of several."""
        return Prices(*(each[:, symbol] for each in self))


class Setting(NamedTuple):
    """One row of the grid."""

    entry: float = 0.01
    """A prediction above it opens a long, below its negative a short."""
    base: float = 0.02
    """The part of the account value that a position is given."""
    stop: float = nan
    """How far from the close of the decision the stop lies, as a part of it; NaN = no stop."""


@dataclass(frozen=True)
class Terms:
    """What is the same for every setting."""

    side: Side = "long"
    exit: float = 0.0
    cash: float = 10_000.0
    commission: float = 0.001
    slippage: float = 0.0005
    cap: float = 0.05
    stop_from: Literal["close", "fill"] = "close"
    """What a stop's distance is counted from: the close of the decision, or the fill's price."""
    exit_first: bool = True
    """Whether the rule's exit at the open comes before a stop of the same bar."""
    year: int = 252
    """Bars of a year, for the measures."""

    def but(self, **changes: object) -> "Terms":
        """The same with some changes."""
        return replace(self, **changes)  # type: ignore[arg-type]


class Outcome(NamedTuple):
    """What a peer answers, one entry for each setting."""

    equity: Array
    """Account value at the last close."""
    fills: NDArray[np.int64]
    """How many fills; a reversal is two."""
    seconds: float
    """From predictions to the numbers above and, if asked for, the measures."""
    measures: Measures
    """Empty unless asked for."""


def walk(bars: int, symbols: int = 0, seed: int = 0, step: float = 0.01) -> Prices:
    """Prices of seeded random walks, (bars,) or (bars, symbols); opens gap, and ranges hold opens and closes."""
    random = np.random.default_rng(seed)
    shape = (bars, symbols) if symbols else (bars,)
    close = 100.0 * np.exp(np.cumsum(random.normal(0.0, step, shape), axis=0))
    start = np.full((1, *shape[1:]), 100.0)
    opens = np.concatenate([start, close[:-1]]) * np.exp(random.normal(0.0, step / 4, shape))
    above, below = np.abs(random.normal(0.0, step / 2, (2, *shape)))
    high, low = np.maximum(opens, close) * np.exp(above), np.minimum(opens, close) * np.exp(-below)
    return Prices(opens, high, low, close)


def sp500() -> Prices:
    """The project's sample of the S&P 500: 5,031 daily bars."""
    from marketdata.data_spec import DataSpec

    source = {"kind": "sample", "symbols": ["sp500"]}
    bars = DataSpec.model_validate({"source": source, "benchmark": "sp500"}).load().bars["sp500"]
    return Prices(*(np.array(each) for each in (bars.open, bars.high, bars.low, bars.close)))


def predictions(like: Array, seed: int = 1, spread: float = 0.01) -> Array:
    """Seeded normal predictions in the shape of the prices, autocorrelated by 0.4 from one bar to the next."""
    noise = np.random.default_rng(seed).normal(0.0, spread / np.sqrt(1.25), (len(like) + 1, *like.shape[1:]))
    return noise[1:] + 0.5 * noise[:-1]


def grid(entries: int = 20, bases: int = 15, stops: Sequence[float] = (nan,)) -> list[Setting]:
    """Entries of 0.01 to 0.025, bases of 0.5 % to 4 % (the cap never cuts them), and stops."""
    at, parts = np.linspace(0.01, 0.025, entries).tolist(), np.linspace(0.005, 0.04, bases).tolist()
    return [Setting(*each) for each in product(at, parts, stops)]


# --- the straight loop


def wanted(prediction: float, side: int, entry: float, terms: Terms) -> int:
    """The side to be on after this bar: 1 long, -1 short, 0 flat."""
    target = side
    if prediction > entry:
        target = 1
    elif prediction < -entry:
        target = -1
    elif side * prediction < terms.exit and side:
        target = 0
    barred = {"long": -1, "short": 1, "both": 2}[terms.side]
    return 0 if target == barred else target


class Account:
    """Cash, and units of every symbol; pays commission and slippage."""

    def __init__(self, symbols: int, terms: Terms) -> None:
        self.cash, self.terms, self.units = terms.cash, terms, [0.0] * symbols
        self.fills = self.cuts = 0

    def value(self, prices: Sequence[float]) -> float:
        """Cash and positions at these prices."""
        return self.cash + sum(units * price for units, price in zip(self.units, prices, strict=True) if units)

    def paid(self, price: float, units: float) -> float:
        """A price with slippage against the order."""
        return price * (1.0 + self.terms.slippage) if units > 0 else price * (1.0 - self.terms.slippage)

    def fill(self, symbol: int, units: float, price: float) -> None:
        """Trade at a price to which slippage comes."""
        paid = self.paid(price, units)
        self.cash -= units * paid
        self.cash -= abs(units) * paid * self.terms.commission
        self.units[symbol] += units
        self.fills += 1

    def close(self, symbol: int, price: float) -> None:
        """Trade back to nothing."""
        self.fill(symbol, -self.units[symbol], price)
        self.units[symbol] = 0.0

    def open(self, symbol: int, units: float, prices: Sequence[float]) -> None:
        """Open a position, cut to the cap."""
        room = self.terms.cap * self.value(prices) / self.paid(prices[symbol], units)
        if abs(units) > room:
            units, self.cuts = (room if units > 0 else -room), self.cuts + 1
        self.fill(symbol, units, prices[symbol])


def stopped_at(units: float, stop: float, opened: float, high: float, low: float) -> float:
    """The price before slippage at which a stop fills in a bar; NaN = it does not."""
    if units > 0:
        return min(stop, opened) if low <= stop else nan
    return max(stop, opened) if high >= stop else nan


class Loop:
    """One account under one setting, bar by bar."""

    def __init__(self, symbols: int, setting: Setting, terms: Terms) -> None:
        self.setting, self.terms, self.account = setting, terms, Account(symbols, terms)
        self.stops = [nan] * symbols
        self.orders: list[tuple[int, int, float, float]] = []  # symbol, side, units, the close of the decision

    def trade(self, bar: Prices) -> None:
        """Fill at this bar's prices what was decided at the close before it; then stops."""
        account, leaving = self.account, {order[0] for order in self.orders}
        watched = [s for s, stop in enumerate(self.stops) if not isnan(stop)]
        if not self.terms.exit_first:
            self.stop_out(watched, bar)
        for symbol, side, units, close in self.orders:
            if account.units[symbol]:
                account.close(symbol, bar.open[symbol])
            self.stops[symbol] = nan
            if side:
                account.open(symbol, side * units, bar.open)
                start = close if self.terms.stop_from == "close" else account.paid(bar.open[symbol], side)
                self.stops[symbol] = start * (1.0 - side * self.setting.stop)
        self.orders = []
        if self.terms.exit_first:
            self.stop_out([s for s in watched if s not in leaving], bar)

    def stop_out(self, watched: Sequence[int], bar: Prices) -> None:
        """Fill the stops that this bar reaches."""
        for s in watched:
            price = stopped_at(self.account.units[s], self.stops[s], bar.open[s], bar.high[s], bar.low[s])
            if not isnan(price):
                self.account.close(s, price)
                self.stops[s] = nan

    def decide(self, closes: Sequence[float], predictions: Sequence[float]) -> float:
        """Decide at this close what fills at the next open; the account's value now."""
        value = self.account.value(closes)
        for symbol, units in enumerate(self.account.units):
            side = (units > 0) - (units < 0)
            target = wanted(predictions[symbol], side, self.setting.entry, self.terms)
            if target != side:
                size = self.setting.base * value / closes[symbol]
                self.orders.append((symbol, target, size, closes[symbol]))
        return value


def reference(prices: Prices, prediction: Array, setting: Setting, terms: Terms) -> tuple[Array, int, int]:
    """Account value at each close, the number of fills, and how many of them the cap cut."""
    columns = [each.reshape(len(each), -1).tolist() for each in (*prices, prediction)]
    loop = Loop(len(columns[0][0]), setting, terms)
    equity = []
    for *bar, told in zip(*columns, strict=True):
        loop.trade(Prices(*bar))
        equity.append(loop.decide(bar[3], told))
    return np.array(equity), loop.account.fills, loop.account.cuts


def plain_measures(equity: Array, terms: Terms) -> dict[str, float]:
    """Sharpe, Sortino, Calmar and the largest drawdown (negative) of account values at each close.

    The first bar's return is that on the cash; the risk-free rate is 0; the spread divides by T - 1, the downside by T;
    years are bars / ``terms.year``.
    """
    start = np.concatenate([[terms.cash], equity])
    returns, drawdown = start[1:] / start[:-1] - 1.0, float((start / np.maximum.accumulate(start)).min()) - 1.0
    scale = np.sqrt(terms.year)
    return {
        "sharpe": float(scale * returns.mean() / returns.std(ddof=1)),
        "sortino": float(scale * returns.mean() / np.sqrt(np.mean(np.minimum(returns, 0.0) ** 2))),
        "calmar": ((equity[-1] / terms.cash) ** (terms.year / len(equity)) - 1.0) / -drawdown,
        "drawdown": drawdown,
    }
