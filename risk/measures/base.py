"""The contract of a measure plug-in: its input (``Sample``), its result (``Estimate``) and its spec (``Measure``)."""

import math
from abc import abstractmethod
from dataclasses import KW_ONLY, asdict, dataclass
from typing import Any, ClassVar, Literal, TypeAlias

from core.deprecated_members import RenamedAttribute, adopt_old_names
from core.errors import DataError, PluginError
from core.plugins import PluginSpec
from core.types import Vector
from risk.returns import checked_numbers, checked_returns, checked_year, warnings_of

from ._running_totals import Estimates, Totals

__all__ = [
    "FEW_TRADES",
    "FEW_TRADES_TEXT",
    "NO_BENCHMARK",
    "NO_TRADES",
    "Estimate",
    "Estimates",
    "Measure",
    "Measured",
    "Sample",
    "Totals",
    "TradeMeasure",
    "Unit",
    "defined",
    "too_few",
    "undefined",
]

Unit: TypeAlias = Literal["fraction", "ratio", "count", "money"]


@dataclass(frozen=True)
class Estimate:
    """A number, or the reason why there is none.

    Attributes
    ----------
    value : a finite number; None where the measure is undefined.
    reason : why there is no value; empty where there is one.
    flags : notes for the reader of the value.

    Raises
    ------
    PluginError
        A value and a reason, neither of them, or a value that is not finite.
    """

    value: float | None
    reason: str = ""
    flags: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if (self.value is None) != bool(self.reason):
            raise PluginError(f"a measure gives a value or the reason why there is none; given: {self}")
        if self.value is not None and not math.isfinite(self.value):
            raise PluginError(f"a measure's value must be finite, or None with a reason; given: {self}")


def defined(value: float, *flags: str) -> Estimate:
    """The estimate of a computed number; one that overflowed is undefined.

    >>> defined(0.5), defined(math.inf).reason
    (Estimate(value=0.5, reason='', flags=()), 'the returns are too large to compute with')
    """
    if not math.isfinite(value):
        return Estimate(None, "the returns are too large to compute with")
    return Estimate(float(value), flags=flags)


def undefined(reason: str) -> Estimate:
    """The estimate without a value, for this reason."""
    return Estimate(None, reason)


def too_few(returns: Vector, minimum: int) -> Estimate:
    """The estimate from fewer than ``minimum`` returns."""
    return undefined(f"needs {minimum} or more returns, has {len(returns)}")


@dataclass(frozen=True, eq=False)
class Sample:
    """The input of a measure; arrays are read-only copies.

    Attributes
    ----------
    returns : (T,) simple returns per session, fractions (0.01 is 1 %), at least -1. NaN and infinity are errors.
    exposure : (T,) gross exposure of each session, the mean at the closes of its bars, as a fraction of the account, at
        least 0; or None.
    benchmark : (T,) the benchmark's returns over the same sessions, as ``returns``; or None.
    traded : (T,) value traded in each session as a fraction of the account before it, at least 0; or None.
    costs : (T,) costs of each session as a fraction of the account before it, negative where more was earned than
        paid; or None.
    trades : (K,) net results of the closed trades, account currency, commission and interest deducted; or None.
    periods_per_year : sessions in a year, see :func:`risk.periods.periods_per_year`.
    risk_free : the annual rate that ratios compare with, a fraction above -1.

    Raises
    ------
    DataError
        A number that cannot be; arrays of different lengths.
    ConfigError
        No possible number of periods or rate.
    """

    returns: Vector
    _: KW_ONLY
    periods_per_year: float
    exposure: Vector | None = None
    benchmark: Vector | None = None
    traded: Vector | None = None
    costs: Vector | None = None
    trades: Vector | None = None
    risk_free: float = 0.0

    def __post_init__(self) -> None:
        checked_year(self.periods_per_year, self.risk_free)
        self._set("returns", checked_returns(self.returns))
        if self.benchmark is not None:
            self._set("benchmark", checked_returns(self.benchmark, "benchmark"))
        for name, minimum in (("exposure", 0.0), ("traded", 0.0), ("costs", -math.inf), ("trades", -math.inf)):
            if getattr(self, name) is not None:
                self._set(name, checked_numbers(getattr(self, name), name, minimum=minimum))

    def _set(self, name: str, values: Vector) -> None:
        if name != "trades" and len(values) != len(self.returns):
            raise DataError(f"{name} has {len(values)} rows, returns {len(self.returns)}; both need the same sessions")
        object.__setattr__(self, name, values)


@dataclass(frozen=True)
class Measured:
    """A measure's value with its name, formula, unit and period.

    Attributes
    ----------
    name : unique among measures of different parameters, for example ``value_at_risk_95``.
    value, reason, flags : as in :class:`Estimate`.
    formula : the computation in words.
    unit : ``fraction`` (0.01 is 1 %), ``ratio``, ``count`` or ``money``.
    period : the time that the value is for: ``per session``, ``per year``, ``per trade`` or ``whole span``.
    n : number of returns used; of trades where the period is ``per trade``.
    """

    name: str
    value: float | None
    reason: str
    flags: tuple[str, ...]
    formula: str
    unit: Unit
    period: str
    n: int

    def dump(self) -> dict[str, Any]:
        """The fields as a plain mapping that JSON can hold."""
        return {**asdict(self), "flags": list(self.flags)}


class Measure(PluginSpec):
    """A measure's parameters; subclasses state the class variables and :meth:`estimate`."""

    family: ClassVar[str] = "measures"
    unit: ClassVar[Unit]
    period: ClassVar[str]
    is_ratio: ClassVar[bool | None] = None
    """Whether the value depends on how much the returns vary; None for measures whose unit is ``ratio``."""
    many: ClassVar[Any] = RenamedAttribute("from_totals", since="0.2")

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        """Honour ``many``, the old name of :meth:`from_totals`, in a user's measure."""
        super().__pydantic_init_subclass__(**kwargs)
        adopt_old_names(cls, {"many": "from_totals"}, since="0.2", stacklevel=4)

    @property
    def name(self) -> str:
        """The name in results: the kind, and the parameters if there are any."""
        return self.kind

    @property
    @abstractmethod
    def formula(self) -> str:
        """The computation in words."""

    @abstractmethod
    def estimate(self, sample: Sample) -> Estimate:
        """The value for a sample, or the reason why there is none."""

    def from_totals(self, totals: Totals) -> Estimates | None:  # noqa: ARG002 (for the subclasses that override it)
        """The values of many samples from their sums alone; None where sums do not suffice.

        They are those of :meth:`estimate` to 1e-12. A measure without this is computed sample by sample.
        """
        return None

    def of(self, sample: Sample) -> Measured:
        """The value with its name, formula, unit and period."""
        estimate = self.estimate(sample)
        return Measured(
            name=self.name,
            value=estimate.value,
            reason=estimate.reason,
            flags=tuple(dict.fromkeys((*estimate.flags, *self._warnings(sample, estimate)))),
            formula=self.formula,
            unit=self.unit,
            period=self.period,
            n=self.count(sample),
        )

    def count(self, sample: Sample) -> int:
        """The number of observations behind the value."""
        return len(sample.returns)

    def warnings(self, sample: Sample) -> tuple[str, ...]:
        """Warnings on any value from this sample: a ratio or an annual figure of few returns, or of steady ones."""
        is_ratio = self.unit == "ratio" if self.is_ratio is None else self.is_ratio
        if not is_ratio and self.period != "per year":
            return ()
        return warnings_of(sample.returns, sample.periods_per_year, of_variation=is_ratio)

    def _warnings(self, sample: Sample, estimate: Estimate) -> tuple[str, ...]:
        return () if estimate.value is None else self.warnings(sample)


class TradeMeasure(Measure):
    """A measure of the closed trades rather than of the returns."""

    period: ClassVar[str] = "per trade"

    def count(self, sample: Sample) -> int:
        """The number of closed trades behind the value."""
        return 0 if sample.trades is None else len(sample.trades)

    def warnings(self, sample: Sample) -> tuple[str, ...]:
        """A warning on fewer than 30 trades."""
        return (FEW_TRADES_TEXT,) if self.count(sample) < FEW_TRADES else ()

    def estimate(self, sample: Sample) -> Estimate:
        """:meth:`of_trades` of the sample's trades."""
        return NO_TRADES if sample.trades is None or not len(sample.trades) else self.of_trades(sample.trades)

    @abstractmethod
    def of_trades(self, trades: Vector) -> Estimate:
        """The value for one or more trades."""


FEW_TRADES = 30
FEW_TRADES_TEXT = "fewer than 30 trades"
NO_TRADES = undefined("there are no closed trades to measure")
NO_BENCHMARK = undefined("needs a benchmark to compare with")
