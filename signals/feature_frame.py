"""One symbol's features, stacked in the config's order and checked before any model sees them."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from core.errors import ConfigError, DataError
from core.types import Bars, FeatureFrame, Market, Matrix
from signals.features.base import BarFeature, Feature

WORTH_CUTTING = 2_000
"""Bars that are left out at least: to compute features over fewer takes less time than to cut them off."""


def feature_frame(market: Market, symbol: str, features: Sequence[Feature], first: int = 0) -> FeatureFrame:
    """Compute features and stack their columns.

    Parameters
    ----------
    market : all that features may use.
    symbol : the one of T bars whose features they are.
    features : at least one; no two may make a column of the same name.
    first : the bar at which the frame begins. Values are the same bits as in a frame of all bars: features whose
        window is bounded are computed over the bars that they need, the others over all.

    Returns
    -------
    (T - first, F) values, NaN in the longest warm-up only.

    Raises
    ------
    ConfigError
        No feature, or two columns of one name.
    DataError
        Fewer bars than a feature needs for one value, or a value that is not finite after the warm-up; the feature,
        the symbol and the date are named.
    """
    names = feature_names(features)
    bars = market.bars[symbol]
    values = np.empty((len(bars) - first, len(names)))
    recent = _recent(market, symbol, features, first)
    filled = 0
    for feature in features:
        columns = slice(filled, filled + len(feature.names))
        values[:, columns] = _checked(recent if _windowed(feature) else market, symbol, feature, len(values))
        filled = columns.stop
    values.flags.writeable = False
    return FeatureFrame(
        symbol=bars.symbol,
        times=bars.times[first:] if first else bars.times,
        names=names,
        values=values,
        warmup=max(0, *(feature.warmup_in(market, symbol) - first for feature in features)),
    )


def feature_rows(market: Market, symbol: str, feature: Feature, rows: int | None = None) -> Matrix:
    """(rows, columns) one feature at a symbol's last bars; NaN in its warm-up, however few bars there are.

    Parameters
    ----------
    rows : at most the symbol's bars; None for all of them.

    Raises
    ------
    DataError
        A value that is not finite after the warm-up.
    """
    bars = market.bars[symbol]
    count = len(bars) if rows is None else rows
    values = np.full((count, len(feature.names)), np.nan)
    warmup = feature.warmup_in(market, symbol)
    if len(bars) > warmup:
        source = _recent(market, symbol, [feature], len(bars) - count) if _windowed(feature) else market
        finite = min(count, len(bars) - warmup)
        values[count - finite :] = _checked(source, symbol, feature, finite)
    return values


def feature_names(features: Sequence[Feature]) -> tuple[str, ...]:
    """The F column names in order; none, or one twice, is a ConfigError."""
    names = tuple(name for feature in features for name in feature.names)
    if not names:
        raise ConfigError("features: there is none; a model that trains needs at least one")
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise ConfigError(f"features: {twice[0]} is there twice; remove one of them or change its parameters")
    return names


def _windowed(feature: Feature) -> bool:
    return isinstance(feature, BarFeature) and feature.windowed


def _recent(market: Market, symbol: str, features: Sequence[Feature], first: int) -> Market:
    """The market with no more of a symbol's bars than windowed features need for its rows from the first on."""
    warmup = max((feature.warmup for feature in features if _windowed(feature)), default=0)
    begin = first - warmup
    return replace(market, bars={symbol: market.bars[symbol].rows(begin)}) if begin >= WORTH_CUTTING else market


def _checked(market: Market, symbol: str, feature: Feature, rows: int) -> Matrix:
    """(rows, columns) one feature at a symbol's last rows."""
    bars = market.bars[symbol]
    warmup = feature.warmup_in(market, symbol)
    if len(bars) <= warmup:
        needed = f"at least {warmup + 1}" if warmup == feature.warmup else "more"
        raise DataError(
            f"{symbol}: has {len(bars)} bars, but feature {feature.names[0]} needs {needed}; "
            "take a longer history or a shorter window"
        )
    values = feature.of(market, symbol)
    if values.shape != (len(bars), len(feature.names)):
        raise DataError(
            f"{symbol}: feature {feature.kind} gave an array of shape {values.shape}, "
            f"must be {(len(bars), len(feature.names))}: one row a bar, one column a name"
        )
    first = len(bars) - rows
    _check_finite(bars, feature, values, warmup, first)
    return values[first:]


def _check_finite(bars: Bars, feature: Feature, values: Matrix, warmup: int, first: int) -> None:
    begin = max(warmup, first)
    finite = np.isfinite(values[begin:])
    if not finite.all():
        rows, columns = np.nonzero(~finite)
        row = begin + int(rows[0])
        name = feature.names[int(columns[0])]
        raise DataError(
            f"{bars.symbol}: feature {name} is {values[row, columns[0]]} at {bars.times[row].isoformat()}, "
            f"after its warm-up of {warmup} bars; check the prices up to that bar"
        )
