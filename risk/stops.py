"""Protective stops and profit targets, by their distance from the close of the decision.

A distance is computed once per bar from what was known at its close; prices are then ``close - side x distance`` for
the stop and ``close + side x distance`` for the target, side 1 for a long and -1 for a short.
"""

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal, TypeAlias

import numpy as np
from pydantic import Field

from core.errors import ConfigError, DataError
from core.spec import Part, Spec
from core.types import Bars, Vector

Window: TypeAlias = Annotated[int, Field(ge=1, le=1000)]
Times: TypeAlias = Annotated[float, Field(gt=0, le=100)]


def average_true_range(high: Vector, low: Vector, close: Vector, window: int) -> Vector:
    """Wilder's average true range.

    The true range of a bar is the largest of high - low, abs(high - close before) and abs(low - close before). The
    first average is the mean of the first ``window`` of them, from the second bar on; each further one is
    ``(before x (window - 1) + true range) / window``.

    Parameters
    ----------
    high, low, close : (T,) prices.
    window : bars, at least 1.

    Returns
    -------
    (T,) in units of the price; NaN in the first ``window`` rows.

    References: Wilder (1978), *New Concepts in Technical Trading Systems*, section III, The Volatility Index.

    >>> average_true_range(*(np.array(x, float) for x in ([9, 11, 13], [8, 9, 11], [8, 10, 12])), window=1)
    array([nan,  3.,  3.])
    """
    if not len(high) == len(low) == len(close):
        raise DataError(f"high, low and close have {len(high)}, {len(low)} and {len(close)} rows; they must be equal")
    average = np.full(len(close), np.nan)
    before = close[:-1]
    ranges = np.maximum(high[1:] - low[1:], np.maximum(np.abs(high[1:] - before), np.abs(low[1:] - before)))
    if len(ranges) < window:
        return average
    value = average[window] = ranges[:window].mean()
    for row, step in enumerate(ranges[window:], start=window + 1):
        value = average[row] = (value * (window - 1) + step) / window
    return average


class _Distance(Spec):
    """Base of the specs of a distance from the close."""

    trails: ClassVar[bool] = False
    """True if the stop follows the close when that moves in the position's favour."""
    warmup: ClassVar[int] = 0


class Percent(_Distance):
    """A fixed part of the price."""

    kind: Literal["percent"] = "percent"
    """`percent`: a part of the close at which the order was decided."""
    value: Part
    """How far from the close, as a part of it; 0.05 is 5 %."""

    def distances(self, bars: Bars) -> Vector:
        """(T,) in units of the price."""
        return bars.close * self.value


class TrailPercent(Percent):
    """A part of the price that follows the close."""

    trails: ClassVar[bool] = True
    kind: Literal["trail_percent"] = "trail_percent"  # type: ignore[assignment]  # another word of the same union
    """`trail_percent`: as `percent`, and follows each close that is better than all before it."""


class Atr(_Distance):
    """A multiple of the average true range."""

    kind: Literal["atr"] = "atr"
    """`atr`: a multiple of Wilder's average true range at the close at which the order was decided."""
    window: Window = 14
    """Bars of the average true range; before that many there is no stop and so no entry."""
    multiple: Times = 2.0
    """How many average true ranges away."""

    def distances(self, bars: Bars) -> Vector:
        """(T,) in units of the price; NaN while there is no average yet."""
        return self.multiple * average_true_range(bars.high, bars.low, bars.close, self.window)


class TrailAtr(Atr):
    """A multiple of the average true range that follows the close."""

    trails: ClassVar[bool] = True
    kind: Literal["trail_atr"] = "trail_atr"  # type: ignore[assignment]  # another word of the same union
    """`trail_atr`: as `atr`, and follows each close that is better than all before it; the distance stays."""


StopSpec: TypeAlias = Annotated[Percent | Atr | TrailPercent | TrailAtr, Field(discriminator="kind")]
"""A protective stop."""

TargetSpec: TypeAlias = Annotated[Percent | Atr, Field(discriminator="kind")]
"""A profit target."""


def stop_price(side: int, close: float, distance: float) -> float:
    """The price of a stop ``distance`` away from the close, on the losing side.

    >>> stop_price(1, 100.0, 5.0), stop_price(-1, 100.0, 5.0)
    (95.0, 105.0)
    """
    return close - side * distance


def target_price(side: int, close: float, distance: float) -> float:
    """The price of a profit target ``distance`` away from the close, on the winning side.

    >>> target_price(1, 100.0, 10.0), target_price(-1, 100.0, 10.0)
    (110.0, 90.0)
    """
    return close + side * distance


@dataclass(frozen=True, eq=False)
class Distances:
    """Distances of one symbol's stop and target from each close; NaN throughout where there is none.

    Attributes
    ----------
    stop, target : (T,) in units of the price.
    """

    stop: Vector
    target: Vector

    @classmethod
    def of(cls, bars: Bars, stop: "StopSpec | None", target: "TargetSpec | None") -> "Distances":
        """The distances at each of a symbol's bars, from what was known at its close."""
        none = np.full(len(bars), np.nan)
        return cls(stop.distances(bars) if stop else none, target.distances(bars) if target else none)

    @classmethod
    def at_close(cls, close: float, stop: "StopSpec | None", target: "TargetSpec | None") -> "Distances":
        """The distances at one close where they need nothing else.

        Raises
        ------
        ConfigError
            One of them needs the bars before, as the average true range does.
        """
        return cls(np.array([_alone(close, stop)]), np.array([_alone(close, target)]))

    def since(self, rows: int) -> "Distances":
        """The distances without the first rows."""
        return Distances(self.stop[rows:], self.target[rows:])


def _alone(close: float, spec: "StopSpec | TargetSpec | None") -> float:
    if spec is None:
        return np.nan
    if isinstance(spec, Percent):
        return close * spec.value
    raise ConfigError(f"{spec.kind} needs the bars before: hand the strategy `distances`, made by Distances.of")


def distance_at(spec: "StopSpec | TargetSpec | None", price: float, distance: float) -> float:
    """A distance from the price of an order: a part of it, or what was worked out beforehand; NaN for none."""
    return price * spec.value if isinstance(spec, Percent) else float(distance)
