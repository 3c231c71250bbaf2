"""Any of the risk measures as one backtrader analyzer, which collects all inputs."""

import datetime
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from typing import Any, cast

import numpy as np

from core.errors import ConfigError, DataError, PluginError
from core.plugins import load
from core.types import Vector
from risk.measure_set import FURTHER, MeasuresSpec
from risk.measures.base import Measure, Sample

from .analyzers import ReturnMetrics

STANDARD: tuple[Measure, ...] = (*MeasuresSpec().measures, *(item for items in FURTHER.values() for item in items))
"""The measures by default."""


class RiskMeasures(ReturnMetrics):
    """Any measures, of the account and against a feed: ``cerebro.addanalyzer(RiskMeasures, benchmark="SPY")``.

    ``get_analysis()`` maps each measure's name to a mapping, as for :class:`ReturnMetrics`. Besides the daily returns
    it keeps, by day, the gross exposure at each bar's close, the value of the fills and their commission, and the
    net result of each trade that closes. Slippage is part of the prices already, and not of the costs.

    Parameters
    ----------
    measures : measures, or the names of files in ``risk/measures``; left out, all but those of a method of its own.
    benchmark : the name of a feed, which has a bar on the first day; None for no comparison. Its first return is 0,
        as the account's is on the day that only decides.
    risk_free, periods_per_year : as for :class:`ReturnMetrics`.

    Raises
    ------
    ConfigError
        Before the first bar: an unknown measure, a repeated one, an unknown feed, an impossible parameter.
    DataError
        At the first bar: the benchmark has none.
    """

    params = (("measures", ()), ("benchmark", None))

    def __init__(self) -> None:
        super().__init__()
        self._measures = tuple(_read(self.p.measures)) or STANDARD
        counts = Counter(measure.name for measure in self._measures)
        twice = [name for name, count in counts.items() if count > 1]
        if twice:
            raise ConfigError(f"RiskMeasures: measures: {', '.join(twice)} is asked for twice; leave one out")

    @property
    def measures(self) -> tuple[Measure, ...]:
        """The measures that are computed."""
        return self._measures

    def start(self) -> None:
        """Begin without any record, and find the benchmark."""
        super().start()
        self._exposures: dict[datetime.date, list[float]] = defaultdict(list)
        self._traded: dict[datetime.date, float] = defaultdict(float)
        self._paid: dict[datetime.date, float] = defaultdict(float)
        self._trades: list[float] = []
        self._closes: dict[datetime.date, float] = {}
        self._benchmark = self._feed(self.p.benchmark) if self.p.benchmark is not None else None

    def _feed(self, name: str) -> Any:
        feeds = {data._name: data for data in self.strategy.datas}
        if name not in feeds:
            raise ConfigError(f"RiskMeasures: benchmark={name!r}: no feed has that name; there are: {', '.join(feeds)}")
        return feeds[name]

    def next(self) -> None:
        """Record the day's latest value and close of the benchmark, and the bar's exposure."""
        super().next()
        day = self.strategy.datetime.date()
        value = self._values[day]
        if value > 0.0:  # at a bar at which the account is worth nothing there is no exposure
            invested = sum(abs(self._worth(data)) for data in self.strategy.datas)
            self._exposures[day].append(invested / value)
        if self._benchmark is not None:
            self._closes[day] = self._close(self._benchmark, day)

    def _worth(self, data: Any) -> float:
        """The value of the position in a feed, account currency."""
        size = self.strategy.broker.getposition(data).size
        return size * data.close[0] * self._multiplier(data) if size else 0.0

    def _multiplier(self, data: Any) -> float:
        return float(self.strategy.broker.getcommissioninfo(data).p.mult)

    def _close(self, data: Any, day: datetime.date) -> float:
        if not len(data):
            raise DataError(
                f"RiskMeasures: benchmark {self.p.benchmark} has no bar by {day:%F}, the account's first day"
            )
        return float(data.close[0])

    def notify_order(self, order: Any) -> None:
        """Record the value and the commission of new fills."""
        day = self.strategy.datetime.date()
        for bit in order.executed.iterpending():
            self._traded[day] += abs(bit.size) * bit.price * self._multiplier(order.data)
            self._paid[day] += bit.openedcomm + bit.closedcomm

    def notify_trade(self, trade: Any) -> None:
        """Record the net result of a trade that has closed."""
        if trade.isclosed:
            self._trades.append(trade.pnlcomm)

    def sample(self, sessions_in_year: float, risk_free: float) -> Sample:
        """The sample of all inputs."""
        before = self.before
        return Sample(
            self.returns,
            periods_per_year=sessions_in_year,
            risk_free=risk_free,
            exposure=np.array([np.mean(self._exposures[day]) for day in self._values], dtype=np.float64),
            traded=self._by_day(self._traded) / before,
            costs=self._by_day(self._paid) / before,
            trades=np.array(self._trades, dtype=np.float64),
            benchmark=None if self._benchmark is None else _changes(self._by_day(self._closes)),
        )

    def _by_day(self, book: Mapping[datetime.date, float]) -> Vector:
        return np.array([book.get(day, 0.0) for day in self._values], dtype=np.float64)


def _changes(closes: Vector) -> Vector:
    """(T,) returns from close to close; the first is 0."""
    return np.concatenate(([0.0], closes[1:] / closes[:-1] - 1.0))


def _read(measures: object) -> Iterator[Measure]:
    if isinstance(measures, str) or not isinstance(measures, tuple | list):
        raise ConfigError(f"RiskMeasures: measures={measures!r}: must be several, such as ('sharpe', 'sqn')")
    for item in measures:
        yield item if isinstance(item, Measure) else _named(item)


def _named(kind: object) -> Measure:
    if not isinstance(kind, str):
        raise ConfigError(f"RiskMeasures: measures: {kind!r} is neither a measure nor the name of one")
    try:
        return cast("Measure", load("risk.measures", kind)())
    except PluginError as error:
        raise ConfigError(f"RiskMeasures: measures: {error}") from error
