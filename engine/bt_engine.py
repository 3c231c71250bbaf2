"""The backtrader engine: one run over a market and its signals."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import backtrader as bt
import numpy as np
import pandas as pd

from core.clock import sessions
from core.errors import ConfigError, DataError
from core.tables import COSTS, EQUITY, FILLS, ORDERS, STOPS
from core.types import Bars, Market, Matrix, RunResult, SignalFrame, Vector
from risk.bt_adapter import RiskAudit, RiskBroker, RiskRuleSizer, RuleCommission
from risk.costs import BrokerSpec
from risk.spec import RiskSpec
from risk.stops import Distances
from strategies._backtrader import Halt, SignalStrategy
from strategies._base import Strategy

from .bt_feed import SignalFeed, numbers_of
from .trades import Mark, round_trips


@dataclass(frozen=True, eq=False)
class Calendar:
    """How backtrader's times map back to ours.

    Attributes
    ----------
    stamps : by symbol (T,): the naive time that backtrader is fed for each bar: the session's date for daily bars, the
        UTC close for bars within the day.
    numbers : by symbol (T,): the same times as backtrader's numbers.
    closes : by symbol (T,): the UTC close times.
    """

    stamps: dict[str, pd.DatetimeIndex]
    numbers: dict[str, Vector]
    closes: dict[str, pd.DatetimeIndex]

    @classmethod
    def of(cls, bars: dict[str, Bars], zone: str) -> "Calendar":
        """The calendar of some symbols' bars; one symbol with two bars in a session makes all of them intraday."""
        closes = {symbol: item.times for symbol, item in bars.items()}
        stamps = {symbol: sessions(times, zone) for symbol, times in closes.items()}
        if not all(days.is_unique for days in stamps.values()):
            stamps = {symbol: times.tz_localize(None) for symbol, times in closes.items()}
        return cls(stamps, {symbol: numbers_of(times, symbol) for symbol, times in stamps.items()}, closes)

    def close(self, data: Any, number: float) -> pd.Timestamp:
        """The close time of the bar of a feed that backtrader calls ``number``."""
        symbol = data._name
        return self.closes[symbol][int(np.searchsorted(self.numbers[symbol], number))]

    def sessions(self, zone: str) -> dict[float, int]:
        """The session of each of backtrader's numbers, as a day's ordinal."""
        return {
            number: day.toordinal()
            for symbol, numbers in self.numbers.items()
            for number, day in zip(numbers.tolist(), sessions(self.closes[symbol], zone), strict=True)
        }

    def cycles(self) -> pd.DatetimeIndex:
        """One time per cycle of backtrader: the latest close of the bars that were delivered together."""
        return pd.DatetimeIndex(list(self._latest().values()), name="time").as_unit("ns")

    def cycle(self, number: float) -> pd.Timestamp:
        """The time of the cycle that backtrader calls ``number``."""
        return self._latest()[number]

    def _latest(self) -> dict[float, pd.Timestamp]:
        numbers = np.concatenate(list(self.numbers.values()))
        closes = np.concatenate([times.asi8 for times in self.closes.values()])
        latest = pd.Series(closes).groupby(numbers).max()
        return dict(zip(latest.index.tolist(), pd.to_datetime(latest.to_numpy(), utc=True), strict=True))


class Account(bt.Analyzer):
    """Value, cash and positions at each close."""

    def start(self) -> None:
        """Begin with an empty book."""
        self.value: list[float] = []
        self.cash: list[float] = []
        self.units: list[list[float]] = []

    def next(self) -> None:
        """Write one line."""
        broker = self.strategy.broker
        self.value.append(broker.getvalue())
        self.cash.append(broker.getcash())
        self.units.append([broker.getposition(data).size for data in self.datas])


def run(
    market: Market,
    signals: SignalFrame,
    strategy: Strategy,
    risk: RiskSpec,
    broker: BrokerSpec,
    config_id: str,
    *,
    solvent: bool = True,
) -> RunResult:
    """Backtest the signals from the first out-of-sample decision to the last bar.

    Parameters
    ----------
    market : its traded symbols' bars from ``signals.start`` on are fed, daily ones at the session's date.
    signals : for every bar of the traded symbols.
    strategy, risk, broker : the rule, the sizes, the costs.
    config_id : written into the result.
    solvent : refuse an account that lost more than it had. The leak battery, which trades on impossible futures, looks
        at what came before the loss alone.

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
    bars = _bars(market, signals)
    calendar = Calendar.of(bars, market.zone)
    cerebro = _cerebro(risk, broker, calendar)
    for symbol, item in bars.items():
        frame = _frame(item, calendar.stamps[symbol], signals)
        cerebro.adddata(SignalFeed(dataname=frame, name=symbol))  # type: ignore[call-arg]  # its metaclass takes them
    days = calendar.sessions(market.zone)
    distances = {symbol: _distances(market.bars[symbol], item, risk) for symbol, item in bars.items()}
    cerebro.addstrategy(SignalStrategy, spec=strategy, risk=risk, distances=distances, session=days.__getitem__)
    finished = cerebro.run()[0]
    tables = _tables(finished, bars, calendar)
    if solvent:
        _require_solvent(tables["equity"], tables["positions"], bars, calendar)
    tables["positions"] = tables["positions"].reindex(columns=list(signals.symbols), fill_value=0.0)
    idle = tuple(f"{symbol} has no bar from the first decision on" for symbol in signals.symbols if symbol not in bars)
    notes = (*idle, *_halts(finished.account.halts, calendar, risk))
    return RunResult(
        engine="backtrader", config_id=config_id, cash=broker.cash, zone=market.zone, notes=notes, metrics={}, **tables
    )


def _halts(halts: list[Halt], calendar: Calendar, risk: RiskSpec) -> Iterator[str]:
    """When the account's stops acted."""
    after = f"everything was sold at the next open, and no position opened for {risk.limits.resume_after} bars"
    for halt in halts:
        yield f"{calendar.cycle(halt.started):%F}: {halt.text}; {after}"


def _distances(whole: Bars, fed: Bars, risk: RiskSpec) -> Distances:
    """How far stops and targets lie from the closes that are fed; the bars before them are history that is known."""
    return Distances.of(whole, risk.stop, risk.take_profit).since(len(whole) - len(fed))


def _bars(market: Market, signals: SignalFrame) -> dict[str, Bars]:
    since = market.since(signals.start)
    bars = {symbol: since.bars[symbol] for symbol in signals.symbols if len(since.bars[symbol])}
    if not bars:
        raise DataError(f"no traded symbol has a bar at or after the first decision, {signals.start}")
    return bars


def _frame(bars: Bars, stamps: pd.DatetimeIndex, signals: SignalFrame) -> pd.DataFrame:
    rows = signals.times.get_indexer(bars.times)
    if (rows < 0).any():
        raise DataError(f"{bars.symbol}: there is no signal row for the bar of {bars.times[int(np.argmin(rows))]}")
    column = signals.symbols.index(bars.symbol)
    told = {"prediction": signals.prediction[rows, column], "confidence": signals.confidence[rows, column]}
    return bars.frame.set_axis(stamps).assign(**told)


def _cerebro(risk: RiskSpec, broker: BrokerSpec, calendar: Calendar) -> bt.Cerebro:
    cerebro = bt.Cerebro(stdstats=False)
    cerebro.broker = RiskBroker(
        cash=broker.cash,
        cap=risk.cap if risk.cap_at == "fill" else None,
        lot=broker.lot,
        limits=risk.limits,
        impact=broker.impact,
        cash_interest=broker.cash_interest,
    )
    cerebro.broker.addcommissioninfo(RuleCommission.of(broker))
    cerebro.broker.set_slippage_perc(broker.slippage, slip_open=True, slip_match=True, slip_out=broker.slip_out)
    cerebro.addsizer(RiskRuleSizer, base=risk.base, cap=risk.cap, lot=broker.lot, mode=risk.mode)
    cerebro.addanalyzer(Account, _name="account")
    cerebro.addanalyzer(RiskAudit, _name="audit", clock=calendar.close)
    return cerebro


def _tables(finished: Any, bars: dict[str, Bars], calendar: Calendar) -> dict[str, pd.DataFrame]:
    """The result's frames; ``positions`` has the columns of the symbols that have bars."""
    account, audit = finished.analyzers.account, finished.analyzers.audit.get_analysis()
    times, fills = calendar.cycles(), FILLS.frame(audit["fills"])
    units = pd.DataFrame(account.units, index=times, columns=list(bars), dtype=np.float64)
    closes = pd.DataFrame(_marked(bars, calendar), index=times, columns=list(bars))
    _require_finite(times, np.array(account.value))
    due = {data._name: finished.broker.d_credit.get(data, 0.0) for data in finished.datas}
    marks = {symbol: Mark(item.times, float(item.close[-1]), due[symbol]) for symbol, item in bars.items()}
    exposed = units.to_numpy() * closes.to_numpy()
    return {
        "equity": _equity(times, np.array(account.value), np.array(account.cash), exposed),
        "positions": units,
        "orders": ORDERS.frame(audit["orders"]),
        "fills": fills,
        "trades": round_trips(fills, audit["interest"], audit["exit_reasons"], marks),
        "costs": COSTS.frame(audit["costs"]).sort_values("time", kind="stable", ignore_index=True),
        "stops": STOPS.frame(audit["stops"]),
    }


def _require_finite(times: pd.DatetimeIndex, equity: Vector) -> None:
    bad = np.flatnonzero(~np.isfinite(equity))
    if bad.size:
        raise DataError(f"the account's value is {equity[bad[0]]} at {times[bad[0]]}; look for extreme prices there")


def _require_solvent(equity: pd.DataFrame, units: pd.DataFrame, bars: dict[str, Bars], calendar: Calendar) -> None:
    ruin = np.flatnonzero(equity["equity"] <= 0)
    if ruin.size:
        closes = pd.DataFrame(_marked(bars, calendar), index=units.index, columns=list(bars))
        raise ConfigError(
            f"the account is worth {equity['equity'].iloc[ruin[0]]:.2f} at {units.index[ruin[0]]}: "
            f"{_cause(int(ruin[0]), units, closes)}; "
            "lower risk.base and risk.cap, or allow only long positions (strategy.side: long)"
        )


def _cause(row: int, units: pd.DataFrame, closes: pd.DataFrame) -> str:
    """What emptied the account at a row: the short that lost most on this bar, or else what trading costs."""
    before, after = closes.to_numpy()[row - 1], closes.to_numpy()[row]
    lost = np.minimum(units.to_numpy()[row - 1], 0.0) * (after - before)
    worst = int(lost.argmin())
    if lost[worst] >= 0:
        return "commission, slippage and interest took more than there was"
    moved = f"{closes.columns[worst]} went from {before[worst]:g} to {after[worst]:g}"
    return f"a short lost more than there was ({moved}; if that is a typo or a split, mend the data)"


def _marked(bars: dict[str, Bars], calendar: Calendar) -> Matrix:
    """(T, N) the last known close of each symbol at each cycle; 0 before its first bar."""
    series = {symbol: pd.Series(item.close, index=calendar.numbers[symbol]) for symbol, item in bars.items()}
    return pd.DataFrame(series).sort_index().ffill().fillna(0.0).to_numpy()


def _equity(times: pd.DatetimeIndex, equity: Vector, cash: Vector, exposed: Matrix) -> pd.DataFrame:
    returns = np.full(len(equity), np.nan)
    returns[1:] = equity[1:] / equity[:-1] - 1.0
    frame = pd.DataFrame(
        {
            "time": times,
            "equity": equity,
            "cash": cash,
            "gross_exposure": np.abs(exposed).sum(axis=1) / equity,
            "net_exposure": exposed.sum(axis=1) / equity,
            "return": returns,
        }
    )
    EQUITY.check(frame)
    return frame
