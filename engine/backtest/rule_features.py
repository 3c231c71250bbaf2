"""The features that a strategy's rule reads, and the bars at which its filters allow an entry."""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from core.types import COLUMNS, Bars, Market, Matrix, SignalFrame, Vector
from signals.feature_frame import feature_rows
from signals.features.base import Feature
from strategies._contract import filtered_columns
from strategies._entry_filter import allowed_entries
from strategies.base import Strategy

from .feed_checks import SIGNALS


def rule_features(
    market: Market, bars: Mapping[str, Bars], columns: Sequence[str], features: Sequence[Feature]
) -> Mapping[str, Matrix]:
    """By symbol, columns of a config's features as computed, without any scaling.

    Parameters
    ----------
    market : the full history, of which they use what they need.
    bars : by symbol, the T last bars of its history that are traded.
    columns : the R names.
    features : those of the config.

    Returns
    -------
    (T, R) each; NaN in a warm-up, and throughout for a symbol with fewer bars than that.
    """
    used = _used(columns, features)
    return {symbol: _of_symbol(market, symbol, len(item), columns, used) for symbol, item in bars.items()}


def last_values(market: Market, columns: Sequence[str], features: Sequence[Feature]) -> Mapping[str, list[float]]:
    """By traded symbol, the same at its last bar alone."""
    used = _used(columns, features)
    return {symbol: _of_symbol(market, symbol, 1, columns, used)[0].tolist() if used else [] for symbol in market.trade}


def entries_allowed(
    market: Market, bars: Mapping[str, Bars], signals: SignalFrame, strategy: Strategy, features: Sequence[Feature]
) -> Mapping[str, npt.NDArray[np.bool_]]:
    """By symbol (T,): True at the bars at whose close the strategy's filters allow an entry.

    Parameters
    ----------
    market, bars, features : as for :func:`rule_features`.

    Raises
    ------
    ConfigError
        A condition names a feature that is not there.
    """
    names = filtered_columns(strategy, features)
    values = rule_features(market, bars, tuple(names.values()), features)
    allowed = {}
    for symbol, item in bars.items():
        rows = signals.times.get_indexer(item.times)
        column = signals.symbols.index(symbol)
        columns = {name: getattr(item, name) for name in COLUMNS}
        columns |= {name: getattr(signals, name)[rows, column] for name in SIGNALS}
        columns |= dict(zip(names, values[symbol].T, strict=True))
        allowed[symbol] = allowed_entries(strategy.entry_filter, columns, item.times, market.zone)
    return allowed


def _used(columns: Sequence[str], features: Sequence[Feature]) -> list[Feature]:
    return [feature for feature in features if not set(feature.names).isdisjoint(columns)] if columns else []


def _of_symbol(market: Market, symbol: str, rows: int, columns: Sequence[str], used: Sequence[Feature]) -> Matrix:
    values: dict[str, Vector] = {}
    for feature in used:
        values |= dict(zip(feature.names, feature_rows(market, symbol, feature, rows).T, strict=True))
    table = np.empty((rows, len(columns)))
    for index, column in enumerate(columns):
        table[:, index] = values[column]
    return table
