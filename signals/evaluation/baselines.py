"""Baselines that a forecast must beat before it means anything. Each uses what was known at its fold's cut."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from core.types import Bars, Labels, Vector
from signals.rolling_windows import simple_returns
from signals.signals_result import FoldReport

from .scores import ForecastSample


@dataclass(frozen=True, eq=False)
class History:
    """Every labelled bar of every traded symbol, stacked, for a baseline that learns.

    Attributes
    ----------
    past : (H,) one-bar return that ends at the bar, finite.
    label : (H,) outcome that follows it, finite.
    known_at : (H,) when the outcome is known.
    """

    past: Vector
    label: Vector
    known_at: pd.DatetimeIndex

    @classmethod
    def from_symbols(cls, bars: Sequence[Bars], labels: Sequence[Labels]) -> "History":
        """The history of some symbols, from their bars and their labels."""
        past = np.concatenate([simple_returns(symbol_bars.close) for symbol_bars in bars])
        label = np.concatenate([symbol_labels.value for symbol_labels in labels])
        known_at = labels[0].known_at.append([symbol_labels.known_at for symbol_labels in labels[1:]])
        usable = np.isfinite(past) & np.isfinite(label)
        return cls(past[usable], label[usable], pd.DatetimeIndex(known_at[usable]))


def baselines(
    sample: ForecastSample, past: Vector, fold: npt.NDArray[np.int64], folds: Sequence[FoldReport], history: History
) -> Mapping[str, ForecastSample]:
    """The baselines' predictions of the same rows, as samples to score.

    ``zero`` and ``always_long`` always; for a model that trains also ``expanding_mean`` (the training window's mean,
    with its up-share as probability) and ``ar1`` (a regression of the label on the last one-bar return).

    Parameters
    ----------
    sample : the model's K predictions.
    past : (K,) one-bar return that ends at each decision; NaN at a symbol's first bar.
    fold : (K,) the fold that each comes from.
    """
    no_probability = np.full(len(sample.label), np.nan)
    long = np.ones(len(sample.label))
    samples = {
        "zero": replace(sample, prediction=0 * long, p_up=no_probability, strength=False),
        "always_long": replace(sample, prediction=long, p_up=no_probability, strength=True),
    }
    if folds:
        samples["expanding_mean"] = replace(sample, prediction=sample.mean, p_up=sample.up_share, strength=False)
        samples["ar1"] = replace(
            sample, prediction=_ar1(past, fold, folds, history), p_up=no_probability, strength=False
        )
    return samples


def _ar1(past: Vector, fold: npt.NDArray[np.int64], folds: Sequence[FoldReport], history: History) -> Vector:
    """(K,) predictions of a least-squares line on all history whose outcome is known at the fold's cut."""
    predicted = np.full(len(past), np.nan)
    for report in folds:
        rows = fold == report.number
        known_rows = history.known_at <= pd.Timestamp(report.cut)
        intercept, slope = _line(history.past[known_rows], history.label[known_rows])
        # A symbol's first bar has no past return: its best guess is the intercept.
        predicted[rows] = intercept + slope * np.nan_to_num(past[rows])
    return predicted


def _line(x: Vector, y: Vector) -> tuple[float, float]:
    centred = x - np.mean(x)
    squares = float(np.sum(centred**2))
    slope = float(np.sum(centred * y)) / squares if squares > 0 else 0.0
    return float(np.mean(y) - slope * np.mean(x)), slope
