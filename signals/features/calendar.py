"""Position of a bar in the week, the month and the year."""

from collections.abc import Mapping
from typing import Annotated, Literal, TypeAlias

import numpy as np
import pandas as pd
from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from core.clock import sessions
from core.types import Market, Matrix, Vector

from .base import Feature

Cycle: TypeAlias = Literal["weekday", "month_turn", "month"]


def _distinct(cycles: tuple[Cycle, ...]) -> tuple[Cycle, ...]:
    if len(set(cycles)) < len(cycles):
        raise PydanticCustomError("cycles_twice", "must be distinct; given {cycles}", {"cycles": ", ".join(cycles)})
    return cycles


class Calendar(Feature):
    """Sine and cosine of the position of a bar's session in the week, the month and the year.

    The session is the day of the close in the market's zone; no calendar of trading days is used, so that no future day
    has to be known. A position is a fraction of its cycle, and the two columns are its sine and cosine as an angle, so
    that the last is next to the first:

    - ``weekday``: days since Monday, of 7;
    - ``month_turn``: days since the first of the month, of the days of that month; the cosine is 1 on the first and
      nearly so around the turn of the month;
    - ``month``: months since January, of 12.

    Examples
    --------
    >>> Calendar(cycles=("weekday",)).names, Calendar().warmup
    (('calendar_weekday_sin', 'calendar_weekday_cos'), 0)
    """

    cycles: Annotated[
        tuple[Cycle, ...],
        Field(min_length=1, json_schema_extra={"uniqueItems": True}),
        AfterValidator(_distinct),
    ] = ("weekday", "month_turn", "month")
    """Which cycles, distinct; two columns each."""

    @property
    def warmup(self) -> int:
        """None: a date is known at once."""
        return 0

    @property
    def names(self) -> tuple[str, ...]:
        """``calendar_<cycle>_sin`` and ``calendar_<cycle>_cos`` for each cycle, in the order given."""
        return tuple(f"calendar_{cycle}_{form}" for cycle in self.cycles for form in ("sin", "cos"))

    def inputs(self, market: Market) -> Mapping[str, str]:
        """The zone."""
        return {"zone": market.zone}

    def of(self, market: Market, symbol: str) -> Matrix:
        """(T, 2 cycles) numbers in [-1, 1]."""
        days = sessions(market.bars[symbol].times, market.zone)
        angles = [2 * np.pi * _position(days, cycle) for cycle in self.cycles]
        return np.column_stack([form(angle) for angle in angles for form in (np.sin, np.cos)])


def _position(days: pd.DatetimeIndex, cycle: Cycle) -> Vector:
    """(T,) fractions of the cycle, at least 0 and below 1."""
    if cycle == "weekday":
        position = days.day_of_week / 7
    elif cycle == "month_turn":
        position = (days.day - 1) / days.days_in_month
    else:
        position = (days.month - 1) / 12
    return np.asarray(position, dtype=np.float64)
