"""Predictions joined with what came: outcomes once they are known, next opens, sessions that are missing."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from core.clock import sessions
from core.types import Bars, Market, Matrix, Vector
from signals.labels.base import Label

from .observations import Observations

DECAY = 0.94
"""Of the exponentially weighted variance that errors are standardised with (RiskMetrics 1996, daily)."""
FIRST = 20
"""Outcomes whose mean square begins the variance."""
PRICE_TOLERANCE = 1e-9
Rows = npt.NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class Joined:
    """Logged predictions with their outcomes.

    Attributes
    ----------
    observations : by session and symbol, the last prediction of each session.
    rows : one row a prediction: symbol, session, as_of, prediction, interval, confidence, side, outcome, price_error,
        slippage, delay; unknown numbers are NaN. ``price_error`` is |implied price - price| / price at the outcome,
        ``slippage`` side x (next open / close - 1), ``delay`` hours from the bar's close to the storing.
    missing : (session, symbol) pairs whose bar has no prediction, from the first prediction on.
    corrected : (session, symbol) pairs whose bar has another close now than the one that was decided on.
    waiting : predictions whose outcome is not known yet.
    """

    observations: Observations
    rows: pd.DataFrame
    missing: tuple[tuple[str, str], ...]
    corrected: tuple[tuple[str, str], ...]
    waiting: int


@dataclass(frozen=True, eq=False)
class SymbolOutcomes:
    """The outcomes at each bar of a symbol.

    Attributes
    ----------
    times : (T,) closes.
    outcome : (T,) the label as a return; NaN until it is known.
    sigma : (T,) forecast of its standard deviation from outcomes that were known at the bar; NaN before there is one.
    close, next_open : (T,) prices; NaN after the last bar.
    """

    times: pd.DatetimeIndex
    outcome: Vector
    sigma: Vector
    close: Vector
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
    rows: pd.DataFrame, features: Matrix, market: Market, label: Label, names: tuple[str, ...]
) -> tuple[Observations, pd.DataFrame]:
    """Predictions by session and symbol, and the rows with their outcomes.

    Parameters
    ----------
    rows : one a prediction: symbol, as_of (aware), prediction, confidence; interval_low and interval_high if any.
    features : (K, F) inputs of each row.
    market : the bars as they are now.
    names : F names of the inputs.
    """
    outcomes = {symbol: outcomes_of(market.bars[symbol], label) for symbol in market.trade}
    table = _with_outcomes(rows, outcomes, market.zone)
    symbols = tuple(market.trade)
    order = np.argsort(table["as_of"].to_numpy(), kind="stable")
    days = pd.DatetimeIndex(np.unique(table["session"].to_numpy()))
    row_number = days.searchsorted(table["session"].to_numpy()[order])
    column = pd.Index(symbols).get_indexer(pd.Index(table["symbol"].to_numpy()[order]))
    shape = (len(days), len(symbols))

    def cube(name: str) -> Matrix:
        values = np.full(shape, np.nan)
        values[row_number, column] = table[name].to_numpy(dtype=float)[order]  # of several in a session, the last
        return values

    inputs = np.full((*shape, len(names)), np.nan)
    inputs[row_number, column] = features[order]
    observations = Observations(
        days,
        symbols,
        names,
        inputs,
        cube("prediction"),
        cube("confidence"),
        cube("outcome"),
        cube("sigma"),
        cube("covered"),
    )
    return observations, table


def _with_outcomes(rows: pd.DataFrame, outcomes: Mapping[str, SymbolOutcomes], zone: str) -> pd.DataFrame:
    parts = [
        _of_symbol(part, outcomes[str(symbol)]) for symbol, part in rows.groupby("symbol", sort=False, observed=True)
    ]
    table = pd.concat(parts).loc[rows.index] if parts else rows.assign(outcome=[], sigma=[])
    times = pd.DatetimeIndex(table["as_of"])
    low, high = (table.get(name, pd.Series(np.nan, index=table.index)) for name in ("interval_low", "interval_high"))
    inside = ((table["outcome"] >= low) & (table["outcome"] <= high)).astype(float)
    usable = low.notna() & high.notna() & table["outcome"].notna()
    return table.assign(session=sessions(times, zone), covered=inside.where(usable))


def _of_symbol(rows: pd.DataFrame, outcomes: SymbolOutcomes) -> pd.DataFrame:
    """The rows of a symbol with the outcome at their bar; NaN where the bar is not in the data."""
    at = outcomes.times.get_indexer(pd.DatetimeIndex(rows["as_of"]))

    def taken(values: Vector) -> Vector:
        return np.where(at >= 0, values[at], np.nan)

    return rows.assign(
        outcome=taken(outcomes.outcome),
        sigma=taken(outcomes.sigma),
        actual_close=taken(outcomes.close),
        next_open=taken(outcomes.next_open),
        in_data=at >= 0,
    )


def join(rows: pd.DataFrame, features: Matrix, market: Market, label: Label, names: tuple[str, ...]) -> Joined:
    """Logged predictions with what came.

    Parameters
    ----------
    rows : as the prediction log gives them: also side, close and stored_at.
    features, market, label, names : as for :func:`observations_of`.
    """
    observations, table = observations_of(rows, features, market, label, names)
    slippage = table["side"] * (table["next_open"] / table["actual_close"] - 1.0)
    delay = (table["stored_at"] - table["as_of"]).dt.total_seconds() / 3600.0
    price_error = (table["prediction"] - table["outcome"]).abs() / (1.0 + table["outcome"])
    changed = (table["close"] / table["actual_close"] - 1.0).abs() > PRICE_TOLERANCE
    table = table.assign(
        slippage=slippage.where(table["side"] != 0), delay=delay, price_error=price_error, corrected=changed
    )
    corrected = table.loc[changed, ["session", "symbol"]].drop_duplicates()
    return Joined(
        observations,
        table,
        _missing(table, market),
        tuple((f"{session:%F}", str(symbol)) for session, symbol in corrected.itertuples(index=False)),
        int(table["outcome"].isna().sum()),
    )


def _missing(table: pd.DataFrame, market: Market) -> tuple[tuple[str, str], ...]:
    """Sessions and symbols with a bar and without a prediction, from the first prediction to the last bar but one.

    The last bar may be one that was not asked about yet.
    """
    if table.empty:
        return ()
    first = table["as_of"].min()
    pairs = []
    for symbol in market.trade:
        times = market.bars[symbol].times
        expected = sessions(times[(times >= first)][:-1], market.zone).unique()
        served = table.loc[table["symbol"] == symbol, "session"].unique()
        pairs += [(f"{session:%F}", symbol) for session in expected.difference(pd.DatetimeIndex(served))]
    return tuple(sorted(pairs))
