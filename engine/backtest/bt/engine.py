"""The backtrader engine: one run over a market and its signals. It is the reference for every other."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import backtrader as bt
import numpy as np
import pandas as pd

from core.types import Bars, Market, RunResult, SignalFrame, Vector
from engine.backtest.engine_output import BacktestInput, EngineOutput, audited, result_of
from engine.backtest.feed_checks import SIGNALS
from engine.backtest.timeline import Timeline
from risk.bt_adapter import RiskAudit, RiskBroker, RiskRuleSizer, RuleCommission
from risk.costs import BrokerSpec
from risk.delisting import delisting_return
from risk.spec import RiskSpec
from risk.stops import Distances
from signals.features.base import Feature
from strategies._backtrader import SignalStrategy
from strategies._entry_filter import NO_FILTER
from strategies._own_class import OwnClass
from strategies.base import Strategy

from . import fast_loop
from .feed import ORDINAL_OF_1970, SignalFeed, numbers_of
from .own_strategy import add_class, add_feeds, one_line

ENGINE = "backtrader"
log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Clock:
    """The map from backtrader's numbers for times back to times and steps.

    Attributes
    ----------
    numbers : by symbol (T,): backtrader's number of the stamp of each bar.
    ticks : (K,) the same for every step of the run.
    timeline : of the run.
    """

    numbers: dict[str, Vector]
    ticks: Vector
    timeline: Timeline

    @classmethod
    def of(cls, timeline: Timeline) -> "Clock":
        """The clock of a run."""
        numbers = {symbol: numbers_of(times, symbol) for symbol, times in timeline.stamps.items()}
        return cls(numbers, np.unique(np.concatenate(list(numbers.values()))), timeline)

    def close(self, data: Any, number: float) -> pd.Timestamp:
        """The close time of the bar of a feed with backtrader's ``number``, or of that step where it has no bar."""
        return self._closes[data._name].get(number) or self.timeline.times[self.step(number)]

    @cached_property
    def _closes(self) -> dict[str, dict[float, pd.Timestamp]]:
        """By symbol and number."""
        closes = self.timeline.closes
        return {
            symbol: dict(zip(numbers.tolist(), closes[symbol], strict=True)) for symbol, numbers in self.numbers.items()
        }

    def step(self, number: float) -> int:
        """The step of a run with backtrader's ``number``."""
        return int(np.searchsorted(self.ticks, number))

    @cached_property
    def sessions(self) -> dict[float, int]:
        """The session of each of backtrader's numbers, as a day's proleptic Gregorian ordinal."""
        ordinals = self.timeline.days + ORDINAL_OF_1970
        return dict(zip(self.ticks.tolist(), ordinals.tolist(), strict=True))


class Account(bt.Analyzer):
    """Value, cash and positions at each close."""

    def start(self) -> None:
        """Begin with no values."""
        self._broker = self.strategy.broker
        self._feeds = list(self.datas)
        self.value: list[float] = []
        self.cash: list[float] = []
        self.units: list[list[float]] = []

    def next(self) -> None:
        """Write one line."""
        broker = self._broker
        self.value.append(broker.getvalue())
        self.cash.append(broker.getcash())
        self.units.append([broker.getposition(data).size for data in self._feeds])


def run(  # noqa: PLR0913 (the parts of a config)
    market: Market,
    signals: SignalFrame,
    strategy: Strategy,
    risk: RiskSpec,
    broker: BrokerSpec,
    config_id: str,
    *,
    features: Sequence[Feature] = (),
    solvent: bool = True,
) -> RunResult:
    """Backtest the signals from the first out-of-sample decision to the last bar.

    Parameters
    ----------
    market : its traded symbols' bars from ``signals.start`` on are fed, daily ones at the session's date.
    signals : for every bar of the traded symbols.
    strategy, risk, broker : the rule, the sizes, the costs.
    config_id : written into the result.
    features : of the config; the rule may read them.
    solvent : refuse an account that lost more than it had. The leak battery, which trades on impossible
        futures, compares only the time before the loss.

    Returns
    -------
    The tables' times are UTC close times: ``created_at`` is the close of the bar that decided; a fill's ``time`` is
    the close of the bar in which it happened (a market order fills at that bar's open).

    Raises
    ------
    DataError
        A bar without a row in the signals, no bar at all, or prices that make the account's value infinite or NaN.
    ConfigError
        The account lost more than it had, so returns mean nothing from there on.
    """
    task = BacktestInput.of(market, signals, strategy, risk, broker, config_id, features=features)
    return run_task(task, solvent=solvent)


def run_task(task: BacktestInput, *, solvent: bool = True) -> RunResult:
    """Backtest a task; see :func:`run`."""
    clock = Clock.of(task.timeline)
    risk = task.risk
    own_class = task.strategy if isinstance(task.strategy, OwnClass) else None
    lean = fast_loop.is_known() and own_class is None
    if not fast_loop.is_known():
        log.info("this backtrader is not %s: its plain loop runs, which is slower", fast_loop.VERSION)
    cerebro = _cerebro(risk, task.broker, clock, lean=lean)
    signals = {}
    frames = {s: _frame(item, task.timeline.stamps[s], task.signals) for s, item in task.bars.items()}
    if own_class:
        add_feeds(cerebro, task, frames)
        add_class(cerebro, task, own_class)
        with one_line(own_class):
            finished = cerebro.run()[0]
        return result_of(_engine_output(finished, clock), task, ENGINE, solvent=solvent)
    for symbol, frame in frames.items():
        cerebro.adddata(SignalFeed(dataname=frame, name=symbol))  # type: ignore[call-arg]  # its metaclass takes them
        signals[symbol] = tuple(frame[name].tolist() for name in SIGNALS)
    distances = {symbol: _distances(task.market.bars[symbol], item, risk) for symbol, item in task.bars.items()}
    rule = {
        "spec": task.strategy,
        "features": task.rule_features,
        "entries": task.entries_allowed() if task.strategy.entry_filter != NO_FILTER else {},
        "closes": task.timeline.closes,
        "risk": risk,
        "distances": distances,
        **_entry_terms(task),
        "session": clock.sessions.__getitem__,
    }
    if lean:
        cerebro.addstrategy(fast_loop.LeanStrategy, signals=signals, **rule)
    else:
        cerebro.addstrategy(SignalStrategy, **rule)
    with fast_loop.without_collection():
        return result_of(_engine_output(cerebro.run()[0], clock), task, ENGINE, solvent=solvent)


def _entry_terms(task: BacktestInput) -> dict[str, Any]:
    """The strategy's parameters for entries at a price of their own."""
    order = task.strategy.entry_order
    if order is None:
        return {}
    offsets = {}
    for symbol, fed in task.bars.items():
        history = task.market.bars[symbol]
        offsets[symbol] = order.distances(history)[len(history) - len(fed) :]
    return {"entry_order": order, "offsets": offsets}


def _distances(history: Bars, fed: Bars, risk: RiskSpec) -> Distances:
    """Distances of stops and targets from the closes that are fed; the bars before them are history."""
    return Distances.of(history, risk.stop, risk.take_profit).since(len(history) - len(fed))


def _frame(bars: Bars, stamps: pd.DatetimeIndex, signals: SignalFrame) -> pd.DataFrame:
    rows = signals.times.get_indexer(bars.times)
    column = signals.symbols.index(bars.symbol)
    return bars.frame.set_axis(stamps).assign(
        prediction=signals.prediction[rows, column], confidence=signals.confidence[rows, column]
    )


def _cerebro(risk: RiskSpec, broker: BrokerSpec, clock: Clock, *, lean: bool) -> bt.Cerebro:
    cerebro = (fast_loop.LeanCerebro if lean else bt.Cerebro)(stdstats=False)
    cerebro.broker = (fast_loop.LeanBroker if lean else RiskBroker)(
        cash=broker.cash,
        cap=risk.cap if risk.cap_at == "fill" else None,
        lot=broker.lot,
        limits=risk.limits,
        impact=broker.impact,
        cash_interest=broker.cash_interest,
        session=clock.sessions.__getitem__,
        **_delisting(broker, clock),
    )
    cerebro.broker.addcommissioninfo(RuleCommission.of(broker))
    cerebro.broker.set_slippage_perc(broker.slippage, slip_open=True, slip_match=True, slip_out=broker.slip_out)
    cerebro.addsizer(RiskRuleSizer, base=risk.base, cap=risk.cap, lot=broker.lot, mode=risk.mode)
    cerebro.addanalyzer(Account, _name="account")
    cerebro.addanalyzer(fast_loop.LeanAudit if lean else RiskAudit, _name="audit", clock=clock.close)
    return cerebro


def _delisting(broker: BrokerSpec, clock: Clock) -> dict[str, Any]:
    """The broker's parameters for symbols that have ended."""
    change = delisting_return(broker.delisting)
    if change is None:
        return {}
    ends = {symbol: float(clock.ticks[step]) for symbol, step in clock.timeline.ends.items()}
    return {"ends": ends, "delisting_return": change}


def _halts(finished: Any) -> Sequence[Any]:
    """The stops of the account that acted; a class of the user's own has none."""
    return finished.account.halts if isinstance(finished, SignalStrategy) else ()


def _engine_output(finished: Any, clock: Clock) -> EngineOutput:
    account = finished.analyzers.account
    audit = finished.analyzers.audit.get_analysis()
    return EngineOutput(
        value=np.array(account.value),
        cash=np.array(account.cash),
        units=np.array(account.units, dtype=np.float64),
        **audited(audit),
        due={data._name: finished.broker.d_credit.get(data, 0.0) for data in finished.datas},
        halts=[(clock.step(halt.started), halt.text) for halt in _halts(finished)],
    )
