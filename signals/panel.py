"""The panel: every traded symbol's features and labels, stacked to the rows that models see."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import NamedTuple, Self

import numpy as np
import numpy.typing as npt
import pandas as pd

from core.types import Bars, Labels, Market, Matrix, Rows, Vector, read_only
from signals.confidence.base import Confidence
from signals.confidence.constant import Constant
from signals.features.base import Feature
from signals.labels.base import Label
from signals.models.base import Samples

from .feature_frame import feature_frame

NO_SPREAD = Constant()
NUMBERS = ("X", "y", "unit", "last", "spread", "close")
COLUMNS = ("times", "symbol", "known_at", *NUMBERS)


@dataclass(frozen=True, eq=False)
class Panel:
    """R rows, one a symbol and bar, stacked symbol by symbol and in time order within each; no warm-up rows.

    Attributes
    ----------
    symbols : the N traded symbols, in the market's order.
    names : F feature names.
    times : (R,) decision times.
    symbol : (R,) indices into ``symbols``.
    X : (R, F) features as computed, unscaled, all finite.
    y : (R,) labels; NaN where not known yet, in each symbol's tail.
    known_at : (R,) when the label is known; NaT where it is NaN.
    unit : (R,) the size of one unit of the label, known at the decision.
    last : (R,) the symbol's latest label that is known at the decision; NaN before there is one.
    spread : (R,) the confidence's scale of errors, known at the decision; NaN where it has none.
    close : (R,) the decision bar's close, in quote currency.
    """

    symbols: tuple[str, ...]
    names: tuple[str, ...]
    times: pd.DatetimeIndex
    symbol: npt.NDArray[np.intp]
    X: Matrix
    y: Vector
    known_at: pd.DatetimeIndex
    unit: Vector
    last: Vector
    spread: Vector
    close: Vector

    def __len__(self) -> int:
        return len(self.times)

    @property
    def first(self) -> Rows:
        """(R,) the row at which the same symbol's rows begin; no window of rows may reach before it."""
        return np.searchsorted(self.symbol, self.symbol, side="left")

    @property
    def samples(self) -> Samples:
        """The rows as a model's samples, unscaled."""
        return Samples(self.X, self.y, self.first, self.last)

    def take(self, rows: Rows | slice) -> Self:
        """Some of the rows, all symbols' names kept."""
        return replace(self, **{name: getattr(self, name)[rows] for name in COLUMNS})


def build_panel(
    market: Market,
    features: Sequence[Feature],
    label: Label,
    confidence: Confidence = NO_SPREAD,
    last: int | None = None,
    *,
    labelled: bool = True,
) -> Panel:
    """The panel of a market's traded symbols.

    Parameters
    ----------
    confidence : gives the expected scale of the errors.
    last : each symbol's last rows alone, at most so many; None for all. Their values are the same bits.
    labelled : False leaves out what only labels tell: ``y``, ``known_at`` and ``last`` are NaN and NaT throughout.

    Raises
    ------
    ConfigError
        No feature, or two columns of one name.
    DataError
        A symbol has too few bars for a feature, or a feature is not finite after its warm-up.
    """
    parts = [_part(market, symbol, features, label, confidence, last, labelled) for symbol in market.trade]
    return Panel(
        symbols=market.trade,
        names=parts[0].names,
        times=_joined([part.times for part in parts]),
        symbol=read_only(np.repeat(range(len(parts)), [len(part) for part in parts]), np.intp),
        known_at=_joined([part.known_at for part in parts]),
        **{name: _stacked([getattr(part, name) for part in parts]) for name in NUMBERS},
    )


class _Outcomes(NamedTuple):
    """The columns of :class:`Panel` that come from a label."""

    y: Vector
    known_at: pd.DatetimeIndex
    unit: Vector
    last: Vector


def _part(
    market: Market,
    symbol: str,
    features: Sequence[Feature],
    label: Label,
    confidence: Confidence,
    last: int | None,
    labelled: bool,
) -> Panel:
    """One symbol's rows."""
    bars = market.bars[symbol]
    begin = 0 if last is None else max(len(bars) - last, 0)
    frame = feature_frame(market, symbol, features, begin)
    first = max(begin + frame.warmup, label.warmup, confidence.warmup)
    outcomes = _outcomes(bars, label, first) if labelled else _no_outcomes(bars, label, first)
    return Panel(
        symbols=(symbol,),
        names=frame.names,
        times=frame.times[first - begin :] if first > begin else frame.times,
        symbol=np.zeros(max(len(bars) - first, 0), dtype=np.intp),
        X=frame.values[first - begin :],
        spread=confidence.spread(bars)[first:],
        close=bars.close[first:],
        **outcomes._asdict(),
    )


def _outcomes(bars: Bars, label: Label, first: int) -> _Outcomes:
    labels = label.compute(bars)
    return _Outcomes(labels.value[first:], labels.known_at[first:], labels.unit[first:], latest_known(labels, first))


def _no_outcomes(bars: Bars, label: Label, first: int) -> _Outcomes:
    unit = label.units(bars)[first:]
    unknown = np.full(len(unit), np.nan)
    return _Outcomes(unknown, _never(len(unit)), unit, unknown)


@lru_cache(maxsize=8)
def _never(count: int) -> pd.DatetimeIndex:
    return pd.DatetimeIndex(np.full(count, "NaT", "M8[ns]"), tz="UTC")


def latest_known(labels: Labels, first: int = 0) -> Vector:
    """(T - first,) at each bar from the first on, the label that became known last; NaN before there is one.

    Of two that became known at once it is the later decision's.
    """
    rows = np.flatnonzero(np.isfinite(labels.value))
    known_at = labels.known_at.asi8[rows]
    order = np.argsort(known_at, kind="stable")
    position = np.searchsorted(known_at[order], labels.times.asi8[first:], side="right") - 1
    latest = np.append(labels.value[rows[order]], np.nan)[
        position
    ]  # position -1, before the first, is the NaN at the end
    return np.asarray(latest, dtype=np.float64)


def _joined(parts: Sequence[pd.DatetimeIndex]) -> pd.DatetimeIndex:
    return pd.DatetimeIndex(parts[0].append(list(parts[1:]))) if len(parts) > 1 else parts[0]


def _stacked(columns: Sequence[Vector]) -> Vector:
    return read_only(np.concatenate(columns))
