"""The panel: every traded symbol's features and labels, stacked to the rows that models see."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from core.types import FeatureFrame, Market, Matrix, Rows, Vector, read_only

from .feature_frame import feature_frame
from .features._base import Feature
from .labels import LabelSpec


@dataclass(frozen=True, eq=False)
class Panel:
    """R rows, one a symbol and bar, stacked symbol by symbol and in time order within each; no warm-up rows.

    Attributes
    ----------
    symbols : the N traded symbols, in the market's order.
    names : F feature names.
    times : (R,) decision times.
    symbol : (R,) numbers into ``symbols``.
    X : (R, F) features as computed, unscaled, all finite.
    y : (R,) labels; NaN where not known yet, in each symbol's tail.
    known_at : (R,) when the label is known; NaT where it is NaN.
    close : (R,) the decision bar's close, in quote currency.
    """

    symbols: tuple[str, ...]
    names: tuple[str, ...]
    times: pd.DatetimeIndex
    symbol: npt.NDArray[np.intp]
    X: Matrix
    y: Vector
    known_at: pd.DatetimeIndex
    close: Vector

    def __len__(self) -> int:
        return len(self.times)

    @property
    def first(self) -> Rows:
        """(R,) the row at which the same symbol's rows begin; no window of rows may reach before it."""
        return np.searchsorted(self.symbol, self.symbol, side="left")


def build_panel(market: Market, features: Sequence[Feature], label: LabelSpec) -> Panel:
    """The panel of a market's traded symbols.

    Raises
    ------
    ConfigError
        No feature, or two columns of one name.
    DataError
        A symbol has too few bars for a feature, or a feature is not finite after its warm-up.
    """
    frames = [feature_frame(market.bars[symbol], features) for symbol in market.trade]
    labels = [label.compute(market.bars[symbol]) for symbol in market.trade]
    return Panel(
        symbols=market.trade,
        names=frames[0].names,
        times=_joined([frame.times[frame.warmup :] for frame in frames]),
        symbol=read_only(np.repeat(range(len(frames)), [len(frame.times) - frame.warmup for frame in frames]), np.intp),
        X=read_only(np.concatenate([frame.values[frame.warmup :] for frame in frames])),
        y=read_only(_stacked(frames, [each.value for each in labels])),
        known_at=_joined([each.known_at[frame.warmup :] for frame, each in zip(frames, labels, strict=True)]),
        close=read_only(_stacked(frames, [market.bars[symbol].close for symbol in market.trade])),
    )


def _joined(parts: Sequence[pd.DatetimeIndex]) -> pd.DatetimeIndex:
    return pd.DatetimeIndex(parts[0].append(list(parts[1:])))


def _stacked(frames: Sequence[FeatureFrame], columns: Sequence[Vector]) -> Vector:
    return np.concatenate([column[frame.warmup :] for frame, column in zip(frames, columns, strict=True)])
