"""The risk measures as backtrader analyzers: shells that collect the account's daily returns."""

import datetime
from typing import Any, TypeVar

import backtrader as bt
import numpy as np
import pandas as pd
from pydantic import ValidationError

from core.errors import ConfigError
from core.spec import Spec
from core.types import Vector
from risk.measure_set import OF_RETURNS, MeasuresSpec
from risk.measures import expected_shortfall, value_at_risk
from risk.measures._tail import TailMeasure
from risk.measures.base import Measure, Sample
from risk.periods import EXCHANGE, periods_per_year

Answer = dict[str, Any]


class SessionReturns(bt.Analyzer):
    """Collects the account's value at the last bar of each day, for a subclass to measure.

    The first return is against the starting cash, so it is 0 where the first day only decides. A day is a date of
    the strategy's clock, ``strategy.datetime``, whatever the bars' length.

    Returns are time-weighted: money paid in or out by ``broker.add_cash`` is no gain and no loss. A flow buys or sells
    shares of the account at its last value, as in backtrader's fund mode, and a return is that of one share.
    """

    def start(self) -> None:
        """Begin without any value."""
        self.rets: Answer = {}
        self._values: dict[datetime.date, float] = {}
        self._shares: dict[datetime.date, float] = {}
        self._first_shares = self.strategy.broker.get_fundshares()

    def next(self) -> None:
        """Keep the day's latest value, and the number of shares of the account."""
        day = self.strategy.datetime.date()
        self._values[day] = self.strategy.broker.getvalue()
        self._shares[day] = self.strategy.broker.get_fundshares()

    def stop(self) -> None:
        """Measure, once."""
        self.rets = self.measure()

    def measure(self) -> Answer:
        """The result of :meth:`get_analysis`."""
        raise NotImplementedError

    @property
    def sessions(self) -> pd.DatetimeIndex:
        """(T,) the days, naive midnights."""
        return pd.DatetimeIndex(list(self._values))

    @property
    def returns(self) -> Vector:
        """(T,) simple returns per day, fractions, time-weighted."""
        return np.array(list(self._values.values()), dtype=np.float64) / self.before - 1.0

    @property
    def before(self) -> Vector:
        """(T,) the account's value at the day before, with what was paid in or out since; account currency.

        ``value before x shares / shares before``. References: Bacon (2008), *Practical Portfolio Performance
        Measurement and Attribution*, chapter 2, on the unit price method of time-weighted returns.
        """
        values = np.array([self.strategy.broker.startingcash, *self._values.values()], dtype=np.float64)
        shares = np.array([self._first_shares, *self._shares.values()], dtype=np.float64)
        return values[:-1] * (shares[1:] / shares[:-1])

    @property
    def ruin(self) -> str:
        """The statement that the account was worth nothing, with the day; empty if it never was."""
        day = next((f"{day:%F}" for day, value in self._values.items() if not value > 0), None)
        return f"the account was worth nothing on {day}" if day else ""

    def sample(self, sessions_in_year: float, risk_free: float) -> Sample:
        """The sample for the measures."""
        return Sample(self.returns, periods_per_year=sessions_in_year, risk_free=risk_free)

    def answer(self, measure: Measure, sessions_in_year: float, risk_free: float = 0.0) -> Answer:
        """A measure's value with name, reason, flags, formula, unit, period and n; no value for a ruined account."""
        if not self.ruin:
            return measure.of(self.sample(sessions_in_year, risk_free)).dump()
        empty = measure.of(Sample(self.returns[:0], periods_per_year=sessions_in_year, risk_free=risk_free)).dump()
        return {**empty, "reason": self.ruin, "n": len(self._values)}


S = TypeVar("S", bound=Spec)


def parsed(analyzer: bt.Analyzer, spec: type[S], **parameters: object) -> S:
    """The spec of an analyzer's parameters.

    Raises
    ------
    ConfigError
        The first of them that cannot be.
    """
    try:
        return spec.parse(parameters)
    except ValidationError as error:
        first = error.errors()[0]
        raise ConfigError(f"{type(analyzer).__name__}: {first['loc'][0]}={first['input']!r}: {first['msg']}") from error


class Tail(SessionReturns):
    """A measure of the worst days.

    Parameters
    ----------
    level : confidence, between 0.5 and 1.
    method : how the tail is estimated, see :func:`~risk.measures.value_at_risk.value_at_risk`.

    Raises
    ------
    ConfigError
        Before the first bar: an impossible level or an unknown method.
    """

    params = (("level", 0.95), ("method", "historical"))
    spec: type[TailMeasure]

    def __init__(self) -> None:
        self._measure = parsed(self, self.spec, level=self.p.level, method=self.p.method)

    def measure(self) -> Answer:
        """The measure's value with its level and method."""
        return {**self.answer(self._measure, EXCHANGE), "level": self.p.level, "method": self.p.method}


class ValueAtRisk(Tail):
    """The return that the worst days fall below: ``cerebro.addanalyzer(ValueAtRisk, level=0.99)``.

    ``get_analysis()`` has ``value`` (return-signed, a loss is negative; None if there is none), ``reason``, ``flags``,
    ``n``, ``level``, ``method``, ``period``, ``formula`` and ``unit``. Parameters: see :class:`Tail`.
    """

    spec = value_at_risk.ValueAtRisk


class ExpectedShortfall(Tail):
    """The mean return of the worst days: ``cerebro.addanalyzer(ExpectedShortfall, level=0.99)``.

    ``get_analysis()`` and parameters: as for :class:`ValueAtRisk`.
    """

    spec = expected_shortfall.ExpectedShortfall


class ReturnMetrics(SessionReturns):
    """All measures that need nothing but daily returns: ``cerebro.addanalyzer(ReturnMetrics)``.

    ``get_analysis()`` maps each measure's name (``total_return``, ``cagr``, ``volatility``, ``sharpe``, ``sortino``,
    ``max_drawdown``, ``calmar``; then shape, drawdowns, and the reliability of the Sharpe ratio) to a mapping with
    ``value`` (None if there is none), ``reason``, ``flags``, ``n``, ``period``, ``formula`` and ``unit``.

    Parameters
    ----------
    risk_free : annual rate, a fraction.
    periods_per_year : days in a year, or ``auto``: counted in the data.

    Raises
    ------
    ConfigError
        Before the first bar: a parameter that cannot be.
    """

    params: tuple[tuple[str, Any], ...] = (("risk_free", 0.0), ("periods_per_year", "auto"))

    def __init__(self) -> None:
        parsed(self, MeasuresSpec, risk_free=self.p.risk_free, periods_per_year=self.p.periods_per_year)

    @property
    def measures(self) -> tuple[Measure, ...]:
        """The measures that are computed."""
        return OF_RETURNS

    def measure(self) -> Answer:
        """Every measure by its name."""
        in_year = periods_per_year(self.sessions, self.p.periods_per_year)
        return {measure.name: self.answer(measure, in_year, self.p.risk_free) for measure in self.measures}
