"""Predictions joined with what came: outcomes once they are known, next opens, sessions that are missing."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

from core.clock import sessions
from core.types import Bars, Market, Matrix, Vector
from signals.labels.base import Label

from .observations import Observations
from .shifts import decided_on, differ

if TYPE_CHECKING:  # a bundle is loaded without a database library
    from serving.prediction_log.read import LoggedPredictions

DECAY = 0.94
"""Of the exponentially weighted variance that errors are standardised with (RiskMetrics 1996, daily)."""
FIRST = 20
"""Outcomes whose mean square begins the variance."""
NANOSECONDS = 1e9
COLUMNS = (
    *("symbol", "as_of", "prediction", "confidence", "interval_low", "interval_high", "side", "close", "stored_at"),
)
"""Columns of the prediction log that are read."""
KEPT = ("symbol", "session", "as_of", "stored_at", "prediction", "side", "outcome", "in_data")
Pairs: TypeAlias = tuple[tuple[str, str], ...]
Rows = npt.NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class Joined:
    """Logged predictions with their outcomes.

    Attributes
    ----------
    observations : by session and symbol, the last prediction of each session.
    rows : one row a prediction: symbol, session, as_of, stored_at, prediction, side, outcome, in_data, slippage, delay;
        unknown numbers are NaN. ``slippage`` is side x (next open / close - 1), ``delay`` hours from the bar's close to
        the storing.
    missing : (session, symbol) pairs whose bar has no prediction, from the first prediction on.
    corrected : (session, symbol) pairs whose bar has another close now than the one that was decided on.
    decided_before, decided_after : those of them that were decided on the close of the bar before theirs, and of the
        bar after; ``corrected`` has none of these.
    waiting : predictions whose outcome is not known yet.
    """

    observations: Observations
    rows: pd.DataFrame
    missing: Pairs
    corrected: Pairs
    decided_before: Pairs
    decided_after: Pairs
    waiting: int


@dataclass(frozen=True, eq=False)
class SymbolOutcomes:
    """The outcomes at each bar of a symbol.

    Attributes
    ----------
    times : (T,) closes.
    outcome : (T,) the label as a return; NaN until it is known.
    sigma : (T,) forecast of its standard deviation from outcomes that were known at the bar; NaN before there is one.
    actual_close, next_open : (T,) prices; NaN after the last bar.
    """

    times: pd.DatetimeIndex
    outcome: Vector
    sigma: Vector
    actual_close: Vector
    next_open: Vector


def outcomes_of(bars: Bars, label: Label) -> SymbolOutcomes:
    """The outcomes of a symbol's bars under a label that is a return."""
    labels = label.compute(bars)
    outcome = np.asarray(label.as_return(labels.value, labels.unit), dtype=np.float64)
    known_rows = bars.times.searchsorted(labels.known_at[np.isfinite(outcome)])
    squares = np.full(len(bars), np.nan)
    squares[known_rows] = outcome[np.isfinite(outcome)] ** 2  # at the bar at which each is has_outcome
    return SymbolOutcomes(
        bars.times,
        outcome,
        _volatility(squares),
        bars.close,
        np.append(bars.open[1:], np.nan),
    )


def _volatility(squares: Vector) -> Vector:
    """(T,) exponentially weighted deviations; an unknown square leaves the one before."""
    has_outcome = np.flatnonzero(np.isfinite(squares))
    if not len(has_outcome):
        return np.full(len(squares), np.nan)
    values = pd.Series(squares[has_outcome])
    values.iloc[0] = float(squares[has_outcome[:FIRST]].mean())
    smooth = np.full(len(squares), np.nan)
    smooth[has_outcome] = values.ewm(alpha=1.0 - DECAY, adjust=False).mean().to_numpy()
    positive = np.where(smooth > 0.0, smooth, np.nan)
    return np.sqrt(pd.Series(positive).ffill().to_numpy())


def observations_of(
    rows: pd.DataFrame,
    features: Matrix,
    market: Market,
    label: Label,
    names: tuple[str, ...],
    feature_rows: Rows | None = None,
) -> tuple[Observations, pd.DataFrame]:
    """Predictions by session and symbol, and the rows with their outcomes.

    Parameters
    ----------
    rows : one a prediction: symbol, as_of (aware), prediction, confidence; interval_low and interval_high if any.
    features : (K, F) inputs of the rows at ``feature_rows``.
    market : the bars as they are now.
    names : F names of the inputs.
    feature_rows : (K,) positions, among them the last row of each symbol in each session; None: every row.
    """
    symbols = tuple(market.trade)
    table = _with_outcomes(rows, market, label)
    days, column = np.unique(table["session"].to_numpy()), _codes(table["symbol"], symbols)
    shape = (len(days), len(symbols))
    last = _last_rows(days.searchsorted(table["session"].to_numpy()) * len(symbols) + column, nanoseconds(table), shape)
    served = last >= 0

    def cube(values: Vector) -> Matrix:
        cells = np.full(shape, np.nan)
        cells[served] = values[last[served]]
        return cells

    inputs = np.full((*shape, len(names)), np.nan)
    with_inputs = np.arange(len(rows)) if feature_rows is None else feature_rows
    inputs[served] = features[with_inputs.searchsorted(last[served])]
    numbers = (table[name].to_numpy(dtype=float) for name in ("prediction", "confidence", "outcome", "sigma"))
    cubes = (*map(cube, numbers), cube(_covered(table)))
    return Observations(pd.DatetimeIndex(days), symbols, names, inputs, *cubes), table


def _last_rows(cell: Rows, times: npt.NDArray[np.int64], shape: tuple[int, int]) -> Rows:
    """(T, N) the row of each session and symbol with the greatest time, the later one of equals; -1 where none is."""
    last = np.full(shape[0] * shape[1], -1)
    order = slice(None) if (times[1:] >= times[:-1]).all() else np.argsort(times, kind="stable")
    last[cell[order]] = np.arange(len(cell))[order]  # of several with one cell, numpy keeps the last
    return last.reshape(shape)


def nanoseconds(table: pd.DataFrame, name: str = "as_of") -> npt.NDArray[np.int64]:
    """(K,) the times of a column, ns since 1970 UTC; no Timestamp is made for each."""
    return pd.DatetimeIndex(table[name]).as_unit("ns").asi8


def _codes(values: pd.Series, symbols: tuple[str, ...]) -> Rows:
    """(K,) the number of each row's symbol; -1 for one that is not among them."""
    categories = values.astype("category").cat
    return pd.Index(symbols).get_indexer(pd.Index(categories.categories))[categories.codes.to_numpy()]


def _with_outcomes(rows: pd.DataFrame, market: Market, label: Label) -> pd.DataFrame:
    """The rows with the session and the outcome of their bar; NaN where the bar is not in the data."""
    times, codes = nanoseconds(rows), _codes(rows["symbol"], tuple(market.trade))
    numbers = {name: np.full(len(rows), np.nan) for name in ("outcome", "sigma", "actual_close", "next_open")}
    in_data = np.zeros(len(rows), dtype=bool)
    for code, symbol in enumerate(market.trade):
        outcomes = outcomes_of(market.bars[symbol], label)
        part, at = _found(outcomes.times, times, np.flatnonzero(codes == code))
        in_data[part] = True
        for name, values in numbers.items():
            values[part] = getattr(outcomes, name)[at]
    return rows.assign(**numbers, in_data=in_data, session=sessions(pd.DatetimeIndex(rows["as_of"]), market.zone))


def _found(bars: pd.DatetimeIndex, times: npt.NDArray[np.int64], rows: Rows) -> tuple[Rows, Rows]:
    """The rows whose time is that of a bar, and the numbers of these bars."""
    closes = bars.as_unit("ns").asi8
    at = np.minimum(closes.searchsorted(times[rows]), len(closes) - 1)
    found = closes[at] == times[rows]
    return rows[found], at[found]


def _covered(table: pd.DataFrame) -> Vector:
    """(K,) 1 where the outcome lies in the interval, 0 where it does not; NaN where either is unknown."""
    if "interval_low" not in table:
        return np.full(len(table), np.nan)
    low, high = (table[name].to_numpy(dtype=float) for name in ("interval_low", "interval_high"))
    outcome = table["outcome"].to_numpy()
    inside = ((outcome >= low) & (outcome <= high)).astype(float)
    return np.where(np.isnan(low) | np.isnan(high) | np.isnan(outcome), np.nan, inside)


def join(logged: "LoggedPredictions", market: Market, label: Label) -> Joined:
    """Logged predictions with what came.

    Parameters
    ----------
    logged : with the columns of :data:`COLUMNS`.
    market, label : as for :func:`observations_of`.
    """
    names = logged.model.features
    observations, table = observations_of(logged.rows, logged.features, market, label, names, logged.feature_rows)
    changed = table[differ(table["close"], table["actual_close"])]
    before, after = decided_on(changed, market, -1), decided_on(changed, market, 1)
    slippage = (table["side"] * (table["next_open"] / table["actual_close"] - 1.0)).where(table["side"] != 0)
    delay = pd.Series((nanoseconds(table, "stored_at") - nanoseconds(table)) / NANOSECONDS / 3600.0, index=table.index)
    return Joined(
        observations,
        table[list(KEPT)].assign(slippage=slippage, delay=delay),
        _missing(table, market),
        pairs_of(changed[~before & ~after]),
        pairs_of(changed[before]),
        pairs_of(changed[after & ~before]),
        int(table["outcome"].isna().sum()),
    )


def pairs_of(rows: pd.DataFrame) -> Pairs:
    """Session and symbol of rows, each pair once."""
    pairs = rows[["session", "symbol"]].drop_duplicates()
    return tuple((f"{session:%F}", str(symbol)) for session, symbol in pairs.itertuples(index=False))


def _missing(table: pd.DataFrame, market: Market) -> Pairs:
    """Sessions and symbols with a bar and without a prediction, from the first prediction to the last bar but one.

    The last bar may be one that was not asked about yet.
    """
    if table.empty:
        return ()
    first = table["as_of"].min()
    codes = _codes(table["symbol"], tuple(market.trade))
    pairs = []
    for code, symbol in enumerate(market.trade):
        times = market.bars[symbol].times
        expected = sessions(times[(times >= first)][:-1], market.zone).unique()
        served = table["session"].to_numpy()[codes == code]
        pairs += [(f"{session:%F}", symbol) for session in expected.difference(pd.DatetimeIndex(np.unique(served)))]
    return tuple(sorted(pairs))
