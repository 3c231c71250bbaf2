"""Labels: the outcome that follows each bar, and when it is known."""

from typing import Annotated, Any, Literal

import numpy as np
import pandas as pd
from pydantic import BeforeValidator, PositiveInt
from pydantic_core import PydanticCustomError

from core.spec import Spec
from core.types import Bars, Labels, Vector, read_only


def _refuse_level(kind: Any) -> Any:
    if kind == "level":
        raise PydanticCustomError(
            "level_label",
            "a price level is no label here: trees cannot predict a level they have not seen, and a level's fit is "
            "mostly yesterday's price; use forward_return or open_to_open",
        )
    return kind


class LabelSpec(Spec):
    """What models learn to predict: a simple return over the next bars.

    ``forward_return`` is ``close[t + horizon] / close[t] - 1``. ``open_to_open`` is
    ``open[t + 1 + horizon] / open[t + 1] - 1``: what a decision at close ``t`` can earn, as it is filled at the next
    open.
    """

    kind: Annotated[Literal["forward_return", "open_to_open"], BeforeValidator(_refuse_level)] = "forward_return"
    """Close to close, or open to open from the bar at which a decision can be filled."""

    horizon: PositiveInt = 1
    """How many bars of the symbol the return spans."""

    def compute(self, bars: Bars) -> Labels:
        """The labels of one symbol's bars.

        Returns
        -------
        One a bar. In the tail, where the outcome is not known yet, the value is NaN and ``known_at`` NaT. ``known_at``
        is the close time of the last bar that the label uses: a bar time of the same symbol, never a calendar sum.
        """
        prices, delay = (bars.close, 0) if self.kind == "forward_return" else (bars.open, 1)
        ahead = delay + self.horizon
        value = _forward(prices, ahead) / _forward(prices, delay) - 1
        unknown = pd.DatetimeIndex([pd.NaT] * min(ahead, len(bars)), dtype=bars.times.dtype)
        known_at = pd.DatetimeIndex(bars.times[ahead:].append(unknown))
        return Labels(bars.symbol, bars.times, read_only(value), known_at)


def _forward(prices: Vector, bars: int) -> Vector:
    """(T,) the price so many bars later; NaN in the tail."""
    later = np.full(len(prices), np.nan)
    later[: max(len(prices) - bars, 0)] = prices[bars:]
    return later
