"""The work by vectorbt, with its numba engine or its Rust engine.

It is told in one of two ways. As orders: numpy works out from the predictions which side to be on, and
``targetpercent`` of the account at the decision's close is what the rule asks for; orders know no stops. As signals:
``percent`` is one of cash with costs inside, so that the sizes undo that, which is right from flat only, for one side.
Signals are faster for many settings, orders for one.
"""

import gc
import time
from collections.abc import Sequence
from typing import Any, Literal, TypeAlias

import numpy as np
import vectorbt as vbt
from numpy.typing import NDArray
from peers_work import Array, Measures, Outcome, Prices, Setting, Terms
from vectorbt.portfolio.enums import StopEntryPrice, StopExitPrice

Engine: TypeAlias = Literal["rust", "numba"]
Flags: TypeAlias = NDArray[np.bool_]
Sides: TypeAlias = NDArray[np.int8]


def later(values: Array | Flags | Sides, first: float) -> Any:
    """The same a bar later."""
    return np.concatenate([np.full_like(values[:1], first), values[:-1]])


def held(opens: Flags, closes: Flags) -> Flags:
    """Whether a position is open after each bar: from a bar that opens it until one that closes it."""
    row = np.arange(1, len(opens) + 1, dtype=np.int32)[:, None]
    return np.maximum.accumulate(opens * row, axis=0) > np.maximum.accumulate(closes * row, axis=0)


def sides(prediction: Array, entry: Array, terms: Terms) -> Sides:
    """The side to be on after each bar; one column for each entry, or for each column of predictions."""
    told = prediction.reshape(len(prediction), -1)
    side = np.zeros((len(told), max(len(entry), told.shape[1])), np.int8)
    if terms.side != "short":
        side += held(told > entry, told < terms.exit)
    if terms.side != "long":
        side -= held(told < -entry, told > -terms.exit)
    return side


def by_orders(
    prices: Prices, prediction: Array, settings: Sequence[Setting], terms: Terms, engine: Engine
) -> tuple[Any, Any]:
    """The portfolio of each setting, or that of many symbols under one; and how many fills reverse."""
    prices = Prices(*(each.reshape(len(each), -1) for each in prices))
    symbols = prices.close.shape[1]
    entry, column = np.unique([each.entry for each in settings], return_inverse=True)
    side = later(sides(prediction, entry, terms), 0)
    before = later(side, 0)
    reversals = (side * before < 0).sum(axis=0)
    base = np.array([each.base for each in settings])
    size = np.where(side == before, np.nan, side)
    size = size * base if symbols > 1 else size[:, column] * base
    portfolio = vbt.Portfolio.from_orders(
        prices.close,
        size,
        "targetpercent",
        price=prices.open,
        val_price=later(prices.close, np.nan),
        fees=terms.commission,
        slippage=terms.slippage,
        init_cash=terms.cash,
        cash_sharing=symbols > 1,
        group_by=True if symbols > 1 else None,
        freq="1D",
        engine=engine,
    )
    return portfolio, reversals.sum() if symbols > 1 else reversals[column]


def by_signals(
    prices: Prices, prediction: Array, settings: Sequence[Setting], terms: Terms, engine: Engine
) -> tuple[Any, Any]:
    """The portfolio of each setting, of one side, with a stop or without."""
    if terms.side == "both" or prices.close.ndim > 1:
        raise ValueError("it sizes signals by account value from flat only: with stops, one side of one symbol")
    prices = Prices(*(each[:, None] for each in prices))
    way = 1 if terms.side == "long" else -1
    entry, base, stop = (np.array(each) for each in zip(*settings, strict=True))
    told = later(way * prediction, np.nan)[:, None]
    before = later(prices.close, np.nan)
    # What a percentage of cash becomes is divided by price and costs; the rule's size by the decision's close.
    undo = prices.open * (1.0 + way * terms.slippage) * (1.0 + terms.commission) / before
    leaves = told < terms.exit
    stops = not np.isnan(stop).all()
    portfolio = vbt.Portfolio.from_signals(
        prices.close,
        entries=told > entry,
        exits=leaves,
        direction="longonly" if way > 0 else "shortonly",
        size=undo * base,
        size_type="percent",
        price=prices.open,
        val_price=before,
        fees=terms.commission,
        slippage=terms.slippage,
        open=prices.open if stops else None,
        high=prices.high if stops else None,
        low=prices.low if stops else None,
        sl_stop=stop if stops else None,
        use_stops=stops,
        stop_entry_price=StopEntryPrice.ValPrice if terms.stop_from == "close" else StopEntryPrice.FillPrice,
        stop_exit_price=stop_exits(leaves, terms),
        init_cash=terms.cash,
        freq="1D",
        engine=engine,
    )
    return portfolio, 0


def stop_exits(leaves: Flags, terms: Terms) -> Any:
    """At what price a stop fills: in a bar in which the rule leaves too, at the rule's, where that comes first."""
    market = StopExitPrice.StopMarket
    return np.where(leaves, StopExitPrice.Price, market) if terms.exit_first else market


def measured(portfolio: Any) -> Measures:
    """Its own measures; each of them goes through the equity curve."""
    told = {
        "sharpe": portfolio.sharpe_ratio(),
        "sortino": portfolio.sortino_ratio(),
        "calmar": portfolio.calmar_ratio(),
        "drawdown": portfolio.max_drawdown(),
    }
    return {name: np.atleast_1d(values) for name, values in told.items()}


def run_vectorbt(
    prices: Prices,
    signal: Array,
    grid: Sequence[Setting],
    terms: Terms | None = None,
    engine: Engine = "rust",
    measures: bool = False,
) -> Outcome:
    """Every setting on one symbol, or one setting on many symbols that share one account.

    Parameters
    ----------
    prices : (T,), or (T, N) for N symbols.
    signal : predictions in the same shape.
    grid : settings; just one if there are many symbols.
    terms : what is the same for all.
    engine : which of vectorbt's engines.
    measures : also work out Sharpe, Sortino, Calmar and the largest drawdown.
    """
    terms = terms or Terms()
    if prices.close.ndim > 1 and len(grid) > 1:
        raise ValueError("one setting for many symbols")
    vbt.settings["engine"] = engine  # for what is asked of the portfolio afterwards
    vbt.settings.returns["year_freq"] = f"{terms.year} days"
    gc.collect()  # portfolios are cycles; those of the run before would fill the memory
    began = time.perf_counter()
    stops = not all(np.isnan(each.stop) for each in grid)
    by = by_signals if stops or (len(grid) > 1 and terms.side != "both") else by_orders
    portfolio, reversals = by(prices, signal, grid, terms, engine)
    equity = np.atleast_1d(portfolio.final_value())
    fills = np.atleast_1d(portfolio.orders.count() + reversals).astype(np.int64)
    told = measured(portfolio) if measures else {}
    return Outcome(equity, fills, time.perf_counter() - began, told)
