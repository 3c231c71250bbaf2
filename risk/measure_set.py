"""The measures that every run reports: the headline ones and further ones, by group."""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Annotated, Literal, Self, TypeAlias, get_args

from pydantic import (
    AfterValidator,
    Field,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from core.plugins import PluginField
from core.spec import AnyRate, Level, Spec
from risk.measures._tail import returns_needed
from risk.measures._var_methods import Method
from risk.measures.alpha import Alpha
from risk.measures.average_drawdown import AverageDrawdown
from risk.measures.average_exposure import AverageExposure
from risk.measures.base import Measure, Measured, Sample
from risk.measures.beta import Beta
from risk.measures.cagr import Cagr
from risk.measures.calmar import Calmar
from risk.measures.correlation import Correlation
from risk.measures.cost_drag import CostDrag
from risk.measures.expectancy import Expectancy
from risk.measures.expected_shortfall import ExpectedShortfall
from risk.measures.hit_rate import HitRate
from risk.measures.information_ratio import InformationRatio
from risk.measures.kurtosis import Kurtosis
from risk.measures.longest_drawdown import LongestDrawdown
from risk.measures.max_drawdown import MaxDrawdown
from risk.measures.minimum_track_record_length import MinimumTrackRecordLength
from risk.measures.omega import Omega
from risk.measures.probabilistic_sharpe import ProbabilisticSharpe
from risk.measures.profit_factor import ProfitFactor
from risk.measures.recovery_time import RecoveryTime
from risk.measures.sharpe import Sharpe
from risk.measures.skew import Skew
from risk.measures.sortino import Sortino
from risk.measures.sqn import Sqn
from risk.measures.tail_ratio import TailRatio
from risk.measures.total_return import TotalReturn
from risk.measures.turnover import Turnover
from risk.measures.ulcer_index import UlcerIndex
from risk.measures.value_at_risk import ValueAtRisk
from risk.measures.volatility import Volatility
from risk.measures.win_rate import WinRate
from risk.var.var_backtest import VarBacktestSpec

from .bootstrap import IntervalsSpec

ALWAYS: tuple[Measure, ...] = (TotalReturn(), Cagr(), Volatility(), Sharpe(), Sortino(), MaxDrawdown(), Calmar())
"""The first measures of every report, before the tails and the config's extra ones."""

FURTHER: Mapping[str, tuple[Measure, ...]] = {
    "Distribution": (Skew(), Kurtosis(), TailRatio(), Omega(), HitRate()),
    "Drawdown": (AverageDrawdown(), LongestDrawdown(), RecoveryTime(), UlcerIndex()),
    "Trades": (WinRate(), ProfitFactor(), Expectancy(), Sqn()),
    "Activity": (AverageExposure(), Turnover(), CostDrag()),
    "Against the benchmark": (
        Alpha(),
        Beta(),
        Correlation(),
        InformationRatio(),
        InformationRatio(equal_volatility=True),
    ),
    "Probabilistic Sharpe ratio and track record": (ProbabilisticSharpe(), MinimumTrackRecordLength()),
}
"""The further measures of every run, by group."""
OF_ACCOUNTS = ("Trades", "Activity")
"""The groups that need more than returns: a benchmark has no values there."""
OF_PAIRS = "Against the benchmark"
"""The group that needs a benchmark's returns."""
OF_RETURNS: tuple[Measure, ...] = (
    *ALWAYS,
    *(item for group, items in FURTHER.items() if group not in (*OF_ACCOUNTS, OF_PAIRS) for item in items),
)
"""The measures that need nothing but the returns."""
BY_METHOD = "Tails by method"
"""The group of value at risk and expected shortfall by each of the spec's methods."""


def _periods(value: object, handler: ValidatorFunctionWrapHandler) -> object:
    try:
        return handler(value)
    except ValidationError as error:
        rule = "must be `auto` or the number of sessions in a year: above 0, at most 366, such as 252"
        raise PydanticCustomError("periods_per_year", rule) from error


def _at_least_one(levels: tuple[float, ...]) -> tuple[float, ...]:
    if not levels:
        raise PydanticCustomError("levels", "needs at least one level, such as 0.95")
    return levels


Levels: TypeAlias = Annotated[
    tuple[Level, ...], AfterValidator(_at_least_one), Field(json_schema_extra={"minItems": 1})
]
"""Confidence levels, at least one."""


def _once(methods: tuple[Method, ...]) -> tuple[Method, ...]:
    repeated = ", ".join(method for method, count in Counter(methods).items() if count > 1)
    if repeated:
        raise PydanticCustomError(
            "method_twice", "each method is asked for once; given again: {twice}", {"twice": repeated}
        )
    return methods


Methods: TypeAlias = Annotated[tuple[Method, ...], AfterValidator(_once)]
"""Methods of value at risk and expected shortfall, each once; there may be none."""

Periods: TypeAlias = Annotated[
    Literal["auto"] | Annotated[float, Field(gt=0, le=366)],
    WrapValidator(_periods),
]
"""Sessions per year, or ``auto``: counted in the data."""


class MeasuresSpec(Spec):
    """The measures that are reported, and the rates and periods that they use."""

    var_levels: Levels = (0.95, 0.99)
    """Confidence levels of value at risk and expected shortfall, each between 0.5 and 1."""

    var_methods: Methods = get_args(Method)
    """How value at risk and expected shortfall are estimated besides; the headline ones are `historical`."""

    risk_free: AnyRate = 0.0
    """Annual risk-free rate that the Sharpe and Sortino ratios compare with; 0.03 is 3 %, and it may be negative."""

    periods_per_year: Periods = "auto"
    """Sessions in a year; `auto` counts them in the data and takes 252, 260 or 365 where that is within 3 %."""

    extra: tuple[Annotated[Measure, PluginField("risk.measures")], ...] = ()
    """Measures to show beside the headline ones, each a mapping with a `kind`."""

    intervals: IntervalsSpec = IntervalsSpec()
    """Bootstrap intervals of the headline measures."""

    exam: VarBacktestSpec = VarBacktestSpec()
    """One-day-ahead value at risk of the strategy and the benchmark, held to what happened."""

    @model_validator(mode="after")
    def _window_is_long_enough(self) -> Self:
        minimum = max(returns_needed(level, 1) for level in self.var_levels)
        if self.exam.methods and self.exam.window < minimum:
            rule = "a window of {window} sessions has none in the tail at {level}: take {least} or more"
            context = {"window": self.exam.window, "level": max(self.var_levels), "least": minimum}
            raise PydanticCustomError("exam_window", rule, {**context, "path": ["exam", "window"]})
        return self

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        counts = Counter(measure.name for measure in self.measures)
        repeated = ", ".join(name for name, count in counts.items() if count > 1)
        if repeated:
            rule = "each measure is reported once; asked for again in `var_levels` or `extra`: {twice}"
            raise PydanticCustomError("measure_twice", rule, {"twice": repeated})
        return self

    @property
    def measures(self) -> tuple[Measure, ...]:
        """The headline measures in the order in which they are reported."""
        tails = (kind(level=level) for level in self.var_levels for kind in (ValueAtRisk, ExpectedShortfall))
        return (*ALWAYS, *tails, *self.extra)

    @property
    def further(self) -> Mapping[str, tuple[Measure, ...]]:
        """The measures that every run reports besides, by group; those that the headline has are left out."""
        headline_names = {measure.name for measure in self.measures}
        groups = {**FURTHER, BY_METHOD: tuple(self._by_method())}
        remaining = {
            group: tuple(item for item in items if item.name not in headline_names) for group, items in groups.items()
        }
        return {group: items for group, items in remaining.items() if items}

    def _by_method(self) -> Iterator[Measure]:
        for level in self.var_levels:
            for method in self.var_methods:
                yield ValueAtRisk(level=level, method=method)
                yield ExpectedShortfall(level=level, method=method)
            yield ExpectedShortfall(level=level, method="fractional")


def headline(sample: Sample, spec: MeasuresSpec) -> tuple[Measured, ...]:
    """Every headline measure of ``spec`` for one sample: growth, ratios, drawdown, tails by level, extra ones.

    Parameters
    ----------
    sample : its ``periods_per_year`` and ``risk_free`` are used, not those of ``spec``; make it with the same.

    >>> measured = headline(Sample([0.01, -0.02], periods_per_year=252), MeasuresSpec())
    >>> measured[1].name, measured[1].reason
    ('cagr', 'shorter than one year: 2 of 252 returns')
    """
    return tuple(measure.of(sample) for measure in spec.measures)


def further(sample: Sample, spec: MeasuresSpec) -> dict[str, tuple[Measured, ...]]:
    """Every further measure of ``spec`` for one sample, by group.

    >>> list(further(Sample([0.01, -0.02], periods_per_year=252), MeasuresSpec()))[:3]
    ['Distribution', 'Drawdown', 'Trades']
    """
    return {group: tuple(measure.of(sample) for measure in items) for group, items in spec.further.items()}
