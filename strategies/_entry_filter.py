"""Bars at which a strategy may enter: conditions on features, a warm-up, weekdays and hours. They need no code."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd
from pydantic import AfterValidator
from pydantic_core import PydanticCustomError

from core.clock import sessions, split_zone
from core.spec import Spec
from core.types import Vector

__all__ = ["Condition", "EntryFilter", "Hours", "Weekday", "allowed_entries"]

Weekday: TypeAlias = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
OF_THE_BAR = ("prediction", "confidence", "open", "high", "low", "close", "volume")
"""What a condition may name beside the config's features."""
MINUTES_A_DAY = 24 * 60


class Condition(Spec):
    """A comparison that must hold at the close of a bar for an entry to be decided there."""

    feature: str
    """A column of the config's features, or the kind of its only feature of that kind; or one of `prediction`,
    `confidence`, `open`, `high`, `low`, `close`, `volume`. While it is NaN there is no entry."""
    op: Literal["<", "<=", ">", ">="]
    """The comparison of the feature with `value`: `<`, `<=`, `>` or `>=`."""
    value: float
    """A number in the units of the feature as computed, without any scaling."""


def _span(text: str) -> str:
    minutes_of(text)
    return text


Hours: TypeAlias = Annotated[str, AfterValidator(_span)]
"""A span of a day such as ``09:45-15:30``."""


def minutes_of(text: str) -> tuple[int, int]:
    """The first and the last minute of the day of a span; the last comes before the first in a span over midnight.

    >>> minutes_of("09:45-15:30")
    (585, 930)
    """
    first, dash, last = text.partition("-")
    clock = [part.strip().split(":") for part in (first, last)]
    if dash and all(len(part) == 2 and all(item.isdigit() for item in part) for part in clock):
        minutes = [60 * int(hour) + int(minute) for hour, minute in clock if int(minute) < 60]
        if len(minutes) == 2 and max(minutes) <= MINUTES_A_DAY:
            return minutes[0], minutes[1]
    raise PydanticCustomError("hours", "must be a span of the day such as 09:45-15:30")


class EntryFilter(NamedTuple):
    """All conditions on the bars of entries.

    Attributes
    ----------
    only_if : conditions; all must hold.
    warmup : bars of each symbol, from the first decision on, without an entry.
    weekdays : of the sessions with entries; empty for all.
    hours : spans of the day of the closes with entries, in the market's time zone; empty for all.
    """

    only_if: tuple[Condition, ...]
    warmup: int
    weekdays: tuple[Weekday, ...]
    hours: tuple[str, ...]

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the features that the conditions read, each once."""
        return tuple(dict.fromkeys(item.feature for item in self.only_if if item.feature not in OF_THE_BAR))


NO_FILTER = EntryFilter((), 0, (), ())


def allowed_entries(
    entry_filter: EntryFilter, columns: Mapping[str, Vector], times: pd.DatetimeIndex, zone: str
) -> npt.NDArray[np.bool_]:
    """(T,) True at the bars at whose close an entry may be decided.

    Parameters
    ----------
    columns : (T,) by name, those of :data:`OF_THE_BAR` and the features of the conditions.
    times : (T,) close times of one symbol, from the first decision on.
    zone : of the market.
    """
    allowed = np.arange(len(times)) >= entry_filter.warmup
    for condition in entry_filter.only_if:
        allowed &= _holds(condition, columns[condition.feature])
    if entry_filter.weekdays:
        numbers = [WEEKDAYS.index(day) for day in entry_filter.weekdays]
        allowed &= np.isin(sessions(times, zone).day_of_week, numbers)
    if entry_filter.hours:
        local = times.tz_convert(split_zone(zone)[1])
        allowed &= _within(np.asarray(60 * local.hour + local.minute), entry_filter.hours)
    return allowed


def _holds(condition: Condition, values: Vector) -> Any:
    compare = {"<": np.less, "<=": np.less_equal, ">": np.greater, ">=": np.greater_equal}
    return compare[condition.op](values, condition.value)


def _within(minutes: Any, hours: Sequence[str]) -> Any:
    within = np.zeros(len(minutes), dtype=np.bool_)
    for first, last in map(minutes_of, hours):
        if first <= last:
            within |= (minutes >= first) & (minutes <= last)
        else:
            within |= (minutes >= first) | (minutes <= last)
    return within
