"""The work by raptorbt: long only, no stop, one symbol.

What it cannot do as the rule asks (0.13): both sides in one run; the equity of a short in an account of cash, which it
books like a long's; a stop from the decision's close, or one that lets a position open again before the prediction has
faded (it drops repeated signals before it starts); a size from the value of an account that many symbols share.

A size is a part of cash with costs inside, told for the bar of the decision; the sizes undo that.
"""

import time
from collections.abc import Sequence
from typing import Any

import numpy as np
import raptorbt
from peers_work import Array, Measures, Outcome, Prices, Setting, Terms

DAY = 86_400_000_000_000


def configured(terms: Terms) -> Any:
    """Its account and costs."""
    return raptorbt.BacktestConfig(
        initial_capital=terms.cash,
        fees=terms.commission,
        slippage=terms.slippage,
        fill_timing="next_bar_open",
        periods_per_year=float(terms.year),
    )


def run_all(prices: Prices, prediction: Array, settings: Sequence[Setting], terms: Terms) -> list[Any]:
    """Its result for each setting."""
    filled = np.append(prices.open[1:], prices.close[-1])
    undo = filled * (1.0 + terms.slippage) * (1.0 + terms.commission) / prices.close
    leaves = prediction < terms.exit
    entries = {entry: prediction > entry for entry in {each.entry for each in settings}}
    sizes = {base: base * undo for base in {each.base for each in settings}}
    rows = len(prediction)
    bars = (np.arange(rows, dtype=np.int64) * DAY, *prices, np.ones(rows))
    items = [
        raptorbt.BatchSingleItem("", entries[each.entry], leaves, position_sizes=sizes[each.base]) for each in settings
    ]
    return [result for _, result in raptorbt.batch_single_backtest(*bars, items, configured(terms))]


def measured(told: Sequence[Any]) -> Measures:
    """Its own measures; it always works them out, all 48. Its Calmar ratio is not by the year."""
    return {
        "sharpe": np.array([each.sharpe_ratio for each in told], float),
        "sortino": np.array([each.sortino_ratio for each in told], float),
        "calmar": np.array([each.calmar_ratio for each in told], float),
        "drawdown": np.array([each.max_drawdown_pct for each in told], float) / -100.0,
    }


def run_raptorbt(
    prices: Prices,
    signal: Array,
    grid: Sequence[Setting],
    terms: Terms | None = None,
    measures: bool = False,
) -> Outcome:
    """Every setting on one symbol; how many threads it takes, ``RAYON_NUM_THREADS`` says.

    Parameters
    ----------
    prices : (T,).
    signal : (T,) predictions.
    grid : settings without stops.
    terms : what is the same for all; long only.
    measures : also read Sharpe, Sortino, Calmar and the largest drawdown.
    """
    terms = terms or Terms()
    if terms.side != "long" or prices.close.ndim > 1 or not all(np.isnan(each.stop) for each in grid):
        raise ValueError("it follows the rule on one symbol, long only, without a stop")
    began = time.perf_counter()
    told = [result.metrics for result in run_all(prices, signal, grid, terms)]
    equity = np.array([each.end_value for each in told])
    fills = np.array([2 * each.total_closed_trades + each.total_open_trades for each in told])
    values = measured(told) if measures else {}
    return Outcome(equity, fills, time.perf_counter() - began, values)
