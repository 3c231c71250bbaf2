"""The contract of label plug-ins: the outcome that models learn to predict, and when it is known."""

from abc import abstractmethod
from typing import Annotated, ClassVar, Literal, TypeAlias

import numpy as np
import pandas as pd
from pydantic import Field, PositiveInt

from core.plugins import PluginSpec
from core.types import Bars, Labels, Rows, Vector, read_only

__all__ = ["EQUAL", "Label", "Weighting", "ahead", "labels_of"]

Weighting: TypeAlias = Literal["equal", "uniqueness"]
EQUAL: Weighting = "equal"


class Label(PluginSpec):
    """An outcome of the next bars. ``returns`` is true where a prediction of it is a return."""

    family: ClassVar[str] = "labels"
    returns: ClassVar[bool] = True

    horizon: PositiveInt = 1
    """How many bars of the symbol the outcome spans, at most."""

    # Written out only where it is not the default: the ids of configs are older than it.
    weights: Annotated[Weighting, Field(exclude_if=lambda weights: weights == EQUAL)] = EQUAL
    """`equal`; or `uniqueness`: a training row counts less the more other training rows' outcomes overlap its own."""

    @property
    def warmup(self) -> int:
        """Rows at the start whose outcome has no unit yet."""
        return 0

    @abstractmethod
    def compute(self, bars: Bars) -> Labels:
        """The labels of one symbol's bars.

        Returns
        -------
        One a bar. In the tail, where the outcome is not known yet, the value is NaN and ``known_at`` NaT. ``known_at``
        is the close time of the last bar that the label uses: a bar time of the same symbol, never a calendar sum.
        """

    def units(self, bars: Bars) -> Vector:
        """(T,) the unit of :class:`core.types.Labels` alone, for predictions: the bits are those of :meth:`compute`."""
        return self.compute(bars).unit

    def as_return(self, value: Vector, unit: Vector) -> Vector:
        """(T,) values, known or predicted, as simple returns over the horizon; only called where ``returns``."""
        del unit
        return value


def labels_of(bars: Bars, value: Vector, last: Rows, unit: Vector | None = None, notes: tuple[str, ...] = ()) -> Labels:
    """Labels from their values.

    Parameters
    ----------
    value : (T,) outcomes; NaN where not known.
    last : (T,) index of the last bar that each uses; not used where the value is NaN.
    unit : (T,) as in :class:`core.types.Labels`; None for 1 throughout.
    """
    is_known = np.isfinite(value)
    stamps = bars.times.asi8
    known_at = np.where(is_known, stamps[np.where(is_known, last, 0)], pd.NaT.value) if len(bars) else stamps
    return Labels(
        symbol=bars.symbol,
        times=bars.times,
        value=read_only(value),
        known_at=pd.DatetimeIndex(known_at.view(f"M8[{bars.times.unit}]"), tz="UTC"),
        unit=read_only(np.ones(len(bars)) if unit is None else unit),
        notes=notes,
    )


def ahead(values: Vector, bars: int) -> Vector:
    """(T,) the value so many bars later; NaN in the tail."""
    later = np.full(len(values), np.nan)
    later[: max(len(values) - bars, 0)] = values[bars:]
    return later
