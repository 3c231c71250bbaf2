"""Input and output of a backtest, and the result that is built of it: the same for every engine."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from core.clock import sessions
from core.deprecation import deprecated_names
from core.errors import ConfigError, DataError
from core.table_schemas import COSTS, EQUITY, FILLS, ORDERS, STOPS
from core.types import Bars, Market, Matrix, RunResult, SignalFrame, Vector
from engine.config.run_config import RunConfig
from risk.costs import BrokerSpec
from risk.delisting import DELISTING
from risk.spec import RiskSpec
from signals.features.base import Feature
from strategies._contract import columns_of
from strategies._entry_filter import NO_FILTER
from strategies.base import Strategy

from .round_trips import Mark, round_trips
from .rule_features import entries_allowed, rule_features
from .timeline import Timeline


@dataclass(frozen=True, eq=False)
class BacktestInput:
    """The input of a backtest; it trades ``bars``, those of the traded symbols from the first decision on.

    Attributes
    ----------
    market, signals : the full history, and the rule's inputs at each bar.
    strategy, risk, broker : the rule, the sizes, the costs.
    config_id : written into the result.
    features : of the config; the rule may read them.
    """

    market: Market
    signals: SignalFrame
    strategy: Strategy
    risk: RiskSpec
    broker: BrokerSpec
    config_id: str
    bars: Mapping[str, Bars]
    timeline: Timeline
    features: tuple[Feature, ...] = ()

    @classmethod
    def of(
        cls,
        market: Market,
        signals: SignalFrame,
        strategy: Strategy,
        risk: RiskSpec,
        broker: BrokerSpec,
        config_id: str,
        features: Sequence[Feature] = (),
    ) -> "BacktestInput":
        """The input of a backtest.

        Raises
        ------
        DataError
            No bar at or after the first decision, or a bar without a row in the signals.
        """
        since = market.since(signals.start)
        bars = {symbol: since.bars[symbol] for symbol in signals.symbols if len(since.bars[symbol])}
        if not bars:
            raise DataError(f"no traded symbol has a bar at or after the first decision, {signals.start}")
        for symbol, item in bars.items():
            rows = signals.times.get_indexer(item.times)
            if (rows < 0).any():
                missing = item.times[int(np.argmin(rows))]
                raise DataError(f"{symbol}: there is no signal row for the bar of {missing}")
        timeline = Timeline.of(bars, market.zone)
        return cls(market, signals, strategy, risk, broker, config_id, bars, timeline, tuple(features))

    @classmethod
    def from_config(cls, market: Market, signals: SignalFrame, config: RunConfig) -> "BacktestInput":
        """The input of a backtest with the strategy, risk rule and broker of a config; errors as :meth:`of`."""
        return cls.of(market, signals, config.strategy, config.risk, config.broker, config.id, features=config.features)

    @cached_property
    def rule_features(self) -> Mapping[str, Matrix]:
        """By symbol (T, R): the features that the strategy's rule reads, at the bars that are traded.

        Raises
        ------
        ConfigError
            The rule reads a feature that is not there.
        DataError
            A feature is not finite after its warm-up.
        """
        return rule_features(self.market, self.bars, columns_of(self.strategy, self.features), self.features)

    def entries_allowed(self, strategy: Strategy | None = None) -> Mapping[str, npt.NDArray[np.bool_]]:
        """By symbol (T,): True at the bars that are traded at whose close a strategy's filters allow an entry.

        Parameters
        ----------
        strategy : another one than the task's own.

        Raises
        ------
        ConfigError
            A filter names a feature that is not there.
        """
        return entries_allowed(self.market, self.bars, self.signals, strategy or self.strategy, self.features)


@dataclass(frozen=True, eq=False)
class EngineOutput:
    """The output of an engine; K steps, N symbols with bars.

    Attributes
    ----------
    value, cash : (K,) of the account at each close.
    units : (K, N) held at each close.
    orders, fills, costs, stops : rows of these tables, in order.
    interest : short interest booked into each fill.
    exit_reasons : the strategy's reason for each fill's order, as far as it closes; empty for none.
    due : by symbol, short interest charged and not booked into a fill by the last bar.
    halts : (step, text) of each stop of the account that acted.
    shares : (K,) shares of the account, 1 at the start; None where no money was paid in or out.
    """

    value: Vector
    cash: Vector
    units: Matrix
    orders: list[dict[str, Any]]
    fills: list[dict[str, Any]]
    costs: list[dict[str, Any]]
    stops: list[dict[str, Any]]
    interest: Sequence[float]
    exit_reasons: Sequence[str]
    due: Mapping[str, float]
    halts: Sequence[tuple[int, str]]
    shares: Vector | None = None


def audited(audit: Mapping[str, Any]) -> dict[str, Any]:
    """The parts of an engine's output that the analyzer of orders records, by their names."""
    return {name: audit[name] for name in ("orders", "fills", "costs", "stops", "interest", "exit_reasons")}


def result_of(output: EngineOutput, task: BacktestInput, engine: str, *, solvent: bool = True) -> RunResult:
    """The result of a run.

    Parameters
    ----------
    engine : its name.
    solvent : refuse an account that lost more than it had.

    Raises
    ------
    DataError
        Prices that make the account's value infinite or NaN.
    ConfigError
        The account lost more than it had, so returns mean nothing from there on.
    """
    symbols = task.signals.symbols
    timeline = task.timeline
    closes = timeline.marked(task.bars)
    require_finite(timeline.times, output.value)
    if solvent:
        _require_solvent(output, timeline.times, closes, list(task.bars))
    marks = {symbol: Mark(bars.times, float(bars.close[-1]), output.due[symbol]) for symbol, bars in task.bars.items()}
    units = pd.DataFrame(output.units, index=timeline.times, columns=list(task.bars), dtype=np.float64)
    return RunResult(
        engine=engine,
        config_id=task.config_id,
        cash=task.broker.cash,
        zone=task.market.zone,
        positions=units.reindex(columns=list(symbols), fill_value=0.0),
        notes=tuple(_notes(output, task)),
        **tables(output, timeline.times, output.units * closes, marks),
    )


def tables(output: EngineOutput, times: pd.DatetimeIndex, exposed: Matrix, marks: Mapping[str, Mark]) -> dict[str, Any]:
    """The tables of a run, by name.

    Parameters
    ----------
    times : (K,) of the steps, UTC.
    exposed : (K, N) value of each position at each close, signed.
    marks : by symbol.
    """
    fills = FILLS.frame(output.fills)
    orders = ORDERS.frame(output.orders)
    decisions = dict(zip(orders["order_id"].tolist(), orders["decision"].tolist(), strict=True))
    return {
        "equity": _equity(times, output, exposed),
        "orders": orders,
        "fills": fills,
        "trades": round_trips(fills, output.interest, output.exit_reasons, marks, decisions),
        "costs": COSTS.frame(output.costs).sort_values("time", kind="stable", ignore_index=True),
        "stops": STOPS.frame(output.stops),
    }


def _notes(output: EngineOutput, task: BacktestInput) -> Iterator[str]:
    """Symbols that were never traded, when the account's stops acted, and positions in symbols that have ended."""
    for symbol in task.signals.symbols:
        if symbol not in task.bars:
            yield f"{symbol} has no bar from the first decision on"
    after = f"everything was sold at the next open, and no position opened for {task.risk.limits.resume_after} bars"
    yield from _filter_notes(task)
    for step, text in output.halts:
        yield f"{_day(task, task.timeline.times[step])}: {text}; {after}"
    for fill, reason in zip(output.fills, output.exit_reasons, strict=True):
        if reason == DELISTING:
            last = _day(task, task.bars[fill["symbol"]].times[-1])
            yield (
                f"{fill['symbol']} has no bar after {last}: its position was closed on {_day(task, fill['time'])} at "
                f"{fill['price']:g} (broker.delisting)"
            )


def _filter_notes(task: BacktestInput) -> Iterator[str]:
    """The number of bars that the strategy's filters leave for entries."""
    if task.strategy.entry_filter != NO_FILTER:
        allowed = task.entries_allowed().values()
        yield (
            f"the strategy's filters allow entries at {sum(int(item.sum()) for item in allowed):,} of "
            f"{sum(len(item) for item in allowed):,} bars (strategy.only_if, warmup, sessions, hours)"
        )


def _day(task: BacktestInput, time: pd.Timestamp) -> str:
    """The date of a time's session."""
    return f"{sessions(pd.DatetimeIndex([time]), task.market.zone)[0]:%F}"


def require_finite(times: pd.DatetimeIndex, value: Vector) -> None:
    """Refuse an account whose value is infinite or NaN at a close, with a DataError that names it."""
    bad = np.flatnonzero(~np.isfinite(value))
    if bad.size:
        raise DataError(f"the account's value is {value[bad[0]]} at {times[bad[0]]}; look for extreme prices there")


def _require_solvent(output: EngineOutput, times: pd.DatetimeIndex, closes: Matrix, symbols: list[str]) -> None:
    ruin = np.flatnonzero(output.value <= 0)
    if ruin.size:
        step = int(ruin[0])
        raise ConfigError(
            f"the account is worth {output.value[step]:.2f} at {times[step]}: "
            f"{_cause(output.units[step - 1], closes[step - 1], closes[step], symbols)}; "
            "lower risk.base and risk.cap, or allow only long positions (strategy.side: long)"
        )


def _cause(units: Vector, before: Vector, after: Vector, symbols: list[str]) -> str:
    """The cause of an empty account at a step: the short that lost most on this bar, or else trading costs."""
    lost = np.minimum(units, 0.0) * (after - before)
    worst = int(lost.argmin())
    if lost[worst] >= 0:
        return "commission, slippage and interest took more than there was"
    moved = f"{symbols[worst]} went from {before[worst]:g} to {after[worst]:g}"
    return f"a short lost more than there was ({moved}; if that is a typo or a split, mend the data)"


def _equity(times: pd.DatetimeIndex, output: EngineOutput, exposed: Matrix) -> pd.DataFrame:
    equity = output.value
    before = equity[:-1] if output.shares is None else equity[:-1] * (output.shares[1:] / output.shares[:-1])
    returns = np.full(len(equity), np.nan)
    returns[1:] = equity[1:] / before - 1.0
    frame = pd.DataFrame(
        {
            "time": times,
            "equity": equity,
            "cash": output.cash,
            "gross_exposure": np.abs(exposed).sum(axis=1) / equity,
            "net_exposure": exposed.sum(axis=1) / equity,
            "return": returns,
        }
    )
    EQUITY.check(frame)
    return frame


if not TYPE_CHECKING:
    __getattr__ = deprecated_names(__name__, {"Task": "BacktestInput", "Books": "EngineOutput"}, since="0.2")
