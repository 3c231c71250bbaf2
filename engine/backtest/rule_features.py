"""The features that a strategy's rule reads, at the bars of a backtest."""

from collections.abc import Mapping, Sequence

import numpy as np

from core.types import Bars, Market, Matrix
from signals.feature_frame import feature_frame
from signals.features.base import Feature


def rule_features(
    market: Market, bars: Mapping[str, Bars], columns: Sequence[str], features: Sequence[Feature]
) -> Mapping[str, Matrix]:
    """By symbol, columns of a config's features as computed, without any scaling.

    Parameters
    ----------
    market : the full history, over which they are computed.
    bars : by symbol, the T last bars of its history that are traded.
    columns : the R names.
    features : those of the config.

    Returns
    -------
    (T, R) each; NaN in a warm-up, and throughout for a symbol with fewer bars than that.
    """
    used = [feature for feature in features if not set(feature.names).isdisjoint(columns)]
    return {symbol: _of_symbol(market, symbol, len(item), columns, used) for symbol, item in bars.items()}


def _of_symbol(market: Market, symbol: str, rows: int, columns: Sequence[str], used: Sequence[Feature]) -> Matrix:
    if not columns:
        return np.empty((rows, 0))
    if len(market.bars[symbol]) <= max(feature.warmup for feature in used):
        return np.full((rows, len(columns)), np.nan)
    frame = feature_frame(market, symbol, used)
    return frame.values[len(frame.values) - rows :, [frame.names.index(column) for column in columns]]
