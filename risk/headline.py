"""The measures that every run reports."""

from collections import Counter
from typing import Annotated, Literal, Self, TypeAlias

import pandas as pd
from pydantic import (
    AfterValidator,
    Field,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from core.clock import DAYS_PER_YEAR
from core.errors import DataError
from core.plugins import PluginField
from core.spec import Level, Rate, Spec

from .measures._base import Measure, Measured, Sample
from .measures.cagr import Cagr
from .measures.calmar import Calmar
from .measures.expected_shortfall import ExpectedShortfall
from .measures.max_drawdown import MaxDrawdown
from .measures.sharpe import Sharpe
from .measures.sortino import Sortino
from .measures.total_return import TotalReturn
from .measures.value_at_risk import ValueAtRisk
from .measures.volatility import Volatility

EXCHANGE, WEEKDAYS, EVERY_DAY = 252.0, 260.0, 365.0
SATURDAY = 5
ALWAYS: tuple[Measure, ...] = (TotalReturn(), Cagr(), Volatility(), Sharpe(), Sortino(), MaxDrawdown(), Calmar())


def _periods(value: object, handler: ValidatorFunctionWrapHandler) -> object:
    try:
        return handler(value)
    except ValidationError as error:
        rule = "must be `auto` or the number of sessions in a year: above 0, at most 366, such as 252"
        raise PydanticCustomError("periods_per_year", rule) from error


def _some(levels: tuple[float, ...]) -> tuple[float, ...]:
    if not levels:
        raise PydanticCustomError("levels", "needs at least one level, such as 0.95")
    return levels


Levels: TypeAlias = Annotated[tuple[Level, ...], AfterValidator(_some), Field(json_schema_extra={"minItems": 1})]
"""Confidence levels, at least one."""

Periods: TypeAlias = Annotated[
    Literal["auto"] | Annotated[float, Field(gt=0, le=366)],
    WrapValidator(_periods),
]
"""Sessions per year, or ``auto``: counted in the data."""


class MeasuresSpec(Spec):
    """Which measures are reported, and what they compare with."""

    var_levels: Levels = (0.95, 0.99)
    """Confidence levels of value at risk and expected shortfall, each between 0.5 and 1."""

    risk_free: Rate = 0.0
    """Annual risk-free rate that the Sharpe and Sortino ratios compare with; 0.03 is 3 %."""

    periods_per_year: Periods = "auto"
    """Sessions in a year; `auto` counts them in the data and takes 252, 260 or 365 where that is within 3 %."""

    extra: tuple[Annotated[Measure, PluginField("risk.measures")], ...] = ()
    """Measures to report besides those that every run does, each a mapping with a `kind`."""

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        counts = Counter(measure.name for measure in self.measures)
        twice = ", ".join(name for name, count in counts.items() if count > 1)
        if twice:
            rule = "each measure is reported once; asked for again in `var_levels` or `extra`: {twice}"
            raise PydanticCustomError("measure_twice", rule, {"twice": twice})
        return self

    @property
    def measures(self) -> tuple[Measure, ...]:
        """All measures in the order in which they are reported."""
        tails = (kind(level=level) for level in self.var_levels for kind in (ValueAtRisk, ExpectedShortfall))
        return (*ALWAYS, *tails, *self.extra)


def headline(sample: Sample, spec: MeasuresSpec) -> tuple[Measured, ...]:
    """Every measure of ``spec`` for one sample, in order: growth, ratios, drawdown, tails by level, extra ones.

    Parameters
    ----------
    sample : its ``periods_per_year`` and ``risk_free`` are used as they stand; make it with those of ``spec``.

    >>> found = headline(Sample([0.01, -0.02], periods_per_year=252), MeasuresSpec())
    >>> found[1].name, found[1].reason
    ('cagr', 'shorter than one year: 2 of 252 returns')
    """
    return tuple(measure.of(sample) for measure in spec.measures)


def periods_per_year(sessions: pd.DatetimeIndex, setting: float | Literal["auto"] = "auto") -> float:
    """Sessions in a year: the setting, or what the data's calendar says.

    ``auto`` counts the steps between sessions per year of 365.25 days and takes the nearest customary number that is
    within 3 %: 252 (an exchange), 260 (every weekday) or 365 (every day; only if a session falls on a weekend).
    Otherwise the count itself stands, for example 52.18 for weekly data. Two things are kept apart:

    - a short span may lack one weekend: three days of it are added to the tolerance;
    - less than a year has too few holidays to tell an exchange from every weekday: it is taken for an exchange, and
      so are fewer than two sessions.

    Parameters
    ----------
    sessions : (T,) days at 00:00, strictly increasing, as :func:`core.clock.sessions` gives them, each once.
    setting : ``auto``, or a number that is returned.

    Raises
    ------
    DataError
        The sessions are not days, or not strictly increasing.

    >>> periods_per_year(pd.date_range("2020-01-01", "2022-12-31"))
    365.0
    """
    if setting != "auto":
        return float(setting)
    if not (sessions.is_monotonic_increasing and sessions.is_unique and sessions.equals(sessions.normalize())):
        raise DataError("sessions must be days at 00:00 in increasing order, each once; see core.clock.sessions")
    return _snapped(sessions) if len(sessions) > 1 else EXCHANGE


def _snapped(sessions: pd.DatetimeIndex) -> float:
    span = (sessions[-1] - sessions[0]).days
    counted = (len(sessions) - 1) / span * DAYS_PER_YEAR
    weekend = bool((sessions.day_of_week >= SATURDAY).any())
    customary = [EXCHANGE] + [WEEKDAYS] * (span >= EVERY_DAY) + [EVERY_DAY] * weekend
    nearest = min(customary, key=lambda number: abs(counted / number - 1.0))
    return nearest if abs(counted / nearest - 1.0) <= 0.03 + 3.0 / span else counted
