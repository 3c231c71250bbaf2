"""A recorder for any Cerebro run: bars, account, orders and fills, whatever the strategy, the broker and the feeds."""

from typing import Any

import backtrader as bt
import numpy as np
import pandas as pd

from core.errors import ConfigError
from core.types import COLUMNS, Bars, Market, SignalFrame, read_only
from engine.backtest.engine_output import EngineOutput
from engine.backtest.feed_checks import SIGNALS, check_prices
from engine.backtest.recording import Recording
from engine.config.recorded_config import RecordedConfig, recorded_config
from marketdata.benchmark import BASKET
from risk.bt_adapter.audit_analyzer import RiskAudit, kind_of

from .feed import times_of
from .script_facts import facts, source_of, symbols_of

Line = tuple[float, ...]


class SharesAudit(RiskAudit):
    """The audit of orders with the share at each fill under any broker, and no limit order called a target.

    Parameters
    ----------
    shares : by the reference of an order, the share of the account that its last fill left in the position; filled in
        while the run goes on.
    """

    params = (("shares", None),)

    def _order(self, order_id: int, order: Any) -> dict[str, Any]:
        row = super()._order(order_id, order)
        known = row["share_at_fill"] == row["share_at_fill"]
        return row if known else {**row, "share_at_fill": self.p.shares.get(order.ref, float("nan"))}

    def stop(self) -> None:
        """Make the rows; a limit order that belongs to no bracket is a limit order, not a profit that was taken."""
        super().stop()
        plain = {ref for ref, order in self._orders.items() if order.parent is None and kind_of(order) == "limit"}
        reasons = zip(self._fills, self._rows["exit_reasons"], strict=True)
        self._rows["exit_reasons"] = [reason or ("limit" if fill.ref in plain else "") for fill, reason in reasons]


class AccountRecorder(bt.Analyzer):
    """Records a Cerebro run, for a subclass to evaluate: at the end it calls :meth:`finish` with a ``Recording``.

    Parameters
    ----------
    name : of the run.
    benchmark : name of a feed; None for the traded feeds in equal parts, bought once.
    cap : largest share of the account that a position may be; None takes that of a ``RiskBroker`` or ``RiskRuleSizer``.
    zone : IANA time zone whose days are the sessions. Feeds' times are taken as times of this zone.
    utc : True where the feeds' times are UTC, as backtrader keeps them for aware frames and with ``tzinput``.
    measures : keys of the config's block ``measures``.
    seed : of resampling.

    Raises
    ------
    ConfigError
        The Cerebro runs several strategies or none of the feeds is the benchmark; at the start.
    DataError
        The benchmark's prices are not finite or not above 0.
    """

    params: tuple[tuple[str, Any], ...] = (
        ("name", "cerebro"),
        ("benchmark", None),
        ("cap", None),
        ("zone", "UTC"),
        ("utc", False),
        ("measures", {}),
        ("seed", 0),
    )

    def __init__(self) -> None:
        self._share_of: dict[int, float] = {}
        self._audit = SharesAudit(clock=self._time, symbol=self._symbol, shares=self._share_of)

    def start(self) -> None:
        """Begin with no records, and refuse what cannot be recorded."""
        self._symbols = symbols_of(self.datas)
        if len(self.strategy.cerebro.runningstrats) > 1:
            raise ConfigError("RunRecorder: records the account of one strategy, and this Cerebro runs several")
        if self.p.benchmark is not None and self.p.benchmark not in self._symbols.values():
            known = ", ".join(self._symbols.values())
            raise ConfigError(f"RunRecorder: benchmark={self.p.benchmark!r} is no feed; feeds: {known}")
        self._broker = self.strategy.broker
        self._first_shares = self._broker.get_fundshares()
        self._bars: dict[Any, list[Line]] = {data: [] for data in self.datas}
        self._signals: dict[Any, list[Line]] = {data: [] for data in self.datas}
        self._steps: dict[float, tuple[float, float, float]] = {}
        self._units: dict[float, list[float]] = {}
        self._exposed: dict[float, list[float]] = {}
        self._close = dict.fromkeys(self.datas, 0.0)
        self._last_units = dict.fromkeys(self.datas, 0.0)
        self._worth = float(self._broker.startingcash)
        self._shares = self._first_shares
        self._warmup = 0

    def prenext(self) -> None:
        """Record a bar on which the strategy's indicators have no value yet."""
        self._warmup += 1
        self.next()

    def next(self) -> None:
        """Record the new bars, and the account at this close."""
        for data in self.datas:
            if len(data):
                self._record_bar(data)
        units = [self._held(data) for data in self.datas]
        now = self.strategy.datetime[0]
        self._worth = float(self._broker.getvalue())
        self._shares = self._broker.get_fundshares()
        self._steps[now] = (self._worth, float(self._broker.getcash()), self._shares / self._first_shares)
        self._units[now] = units
        self._last_units = dict(zip(self.datas, units, strict=True))
        self._exposed[now] = [
            size * self._close[data] * self._multiplier(data) if size else 0.0
            for data, size in self._last_units.items()
        ]

    def _held(self, data: Any) -> float:
        """Units held, without a look at a position that was never opened: backtrader would value it from then on."""
        positions = getattr(self._broker, "positions", None)
        if positions is not None and data not in positions:
            return 0.0
        return float(self._broker.getposition(data).size)

    def _record_bar(self, data: Any) -> None:
        bars = self._bars[data]
        if len(bars) < len(data):
            bars.append(())
            self._signals[data].append(())
        elif not data.replaying:
            return
        # A replayed bar is seen several times while it is made; its last form counts.
        bars[-1] = (data.datetime[0], *(float(getattr(data, name)[0]) for name in COLUMNS))
        lines = (getattr(data.lines, name, None) for name in SIGNALS)
        self._signals[data][-1] = tuple(float("nan") if line is None else float(line[0]) for line in lines)
        self._close[data] = bars[-1][4]

    def notify_order(self, order: Any) -> None:
        """Compute the share of the account that each new fill left in its position.

        The account before a fill is its last close, with positions moved to the open of a new bar and with what was
        paid in; interest that the broker charges on this bar is not known yet.
        """
        for execution in order.executed.iterpending():
            data = order.data
            multiplier = self._multiplier(data)
            worth = self._worth_at_open()
            self._last_units[data] += execution.size
            share = abs(self._last_units[data]) * execution.price * multiplier / worth if worth > 0 else float("nan")
            self._share_of[order.ref] = share
            commission = self._broker.getcommissioninfo(data).getcommission(execution.size, execution.price)
            gained = execution.size * multiplier * (self._mark(data) - execution.price)
            self._worth += gained - commission - self._moved(data, execution.size, multiplier)

    def _worth_at_open(self) -> float:
        shares = self._broker.get_fundshares()
        self._worth *= shares / self._shares
        self._shares = shares
        moved = sum(
            self._moved(data, units, self._multiplier(data)) for data, units in self._last_units.items() if units
        )
        return self._worth + moved

    def _moved(self, data: Any, units: float, multiplier: float) -> float:
        """What units gain from the last recorded close to the mark."""
        return units * multiplier * (self._mark(data) - self._close[data])

    def _mark(self, data: Any) -> float:
        """The open of a new bar, else the last close."""
        return float(data.open[0] if len(data) > len(self._bars[data]) else data.close[0])

    def _multiplier(self, data: Any) -> float:
        info = self._broker.getcommissioninfo(data)
        return 1.0 if info.stocklike else float(info.p.mult)

    def _symbol(self, data: Any) -> str:
        return self._symbols[data]

    def _time(self, data: Any, number: float) -> pd.Timestamp:  # noqa: ARG002 (a clock may differ from feed to feed)
        return times_of([number], self.p.zone, utc=self.p.utc)[0]

    def stop(self) -> None:
        """Put the records together, and finish."""
        if not self._steps:
            raise ConfigError("RunRecorder: no bar was delivered, so there is nothing to record")
        self.finish(self._recording())
        # Orders and feeds are large, and no copy of the Cerebro in another process could take them along.
        self._children.clear()
        for name in ("_audit", "_broker", "_bars", "_signals", "_symbols", "_close", "_last_units"):
            setattr(self, name, None)

    def finish(self, recording: Recording) -> None:
        """Evaluate the recording."""
        raise NotImplementedError

    def _recording(self) -> Recording:
        audit = self._audit.get_analysis()
        market = self._market({row["symbol"] for row in audit["orders"]})
        steps = np.array(list(self._steps.values()))
        order = np.argsort(list(self._steps))
        source, plugins = source_of(type(self.strategy))
        due = {
            symbol: float(getattr(self._broker, "d_credit", {}).get(data, 0.0))
            for data, symbol in self._symbols.items()
        }
        return Recording(
            config=self._config(market, source),
            market=market,
            signals=self._signal_frame(market),
            times=times_of(sorted(self._steps), self.p.zone, utc=self.p.utc),
            output=EngineOutput(
                value=steps[order, 0],
                cash=steps[order, 1],
                units=np.array(list(self._units.values()))[order],
                orders=audit["orders"],
                fills=audit["fills"],
                costs=audit["costs"],
                stops=audit["stops"],
                interest=audit["interest"],
                exit_reasons=audit["exit_reasons"],
                due=due,
                halts=(),
                shares=steps[order, 2] if (steps[:, 2] != 1.0).any() else None,
            ),
            exposed=np.array(list(self._exposed.values()))[order],
            multipliers={
                symbol: value for data, symbol in self._symbols.items() if (value := self._multiplier(data)) != 1.0
            },
            notes=tuple(self._notes()),
            plugins=plugins,
        )

    def _market(self, ordered: set[str]) -> Market:
        bars = {symbol: self._bars_of(data, symbol) for data, symbol in self._symbols.items()}
        trade = tuple(symbol for symbol in bars if symbol in ordered) or tuple(bars)
        benchmark = self.p.benchmark or BASKET
        for symbol in (benchmark,) if self.p.benchmark else trade:
            check_prices({name: getattr(bars[symbol], name) for name in COLUMNS}, bars[symbol].times, symbol)
        return Market(bars, trade, benchmark, self.p.zone, basket="" if self.p.benchmark else "held")

    def _bars_of(self, data: Any, symbol: str) -> Bars:
        rows = np.array(self._bars[data], dtype=np.float64).reshape(-1, 1 + len(COLUMNS))
        times = times_of(rows[:, 0], self.p.zone, utc=self.p.utc)
        # A resampled feed may end with a bar that it delivers twice.
        last = np.append(times[1:] > times[:-1], True) if len(times) else np.array([], dtype=bool)
        return Bars(symbol, times[last], *(read_only(rows[last, column]) for column in range(1, 1 + len(COLUMNS))))

    def _signal_frame(self, market: Market) -> SignalFrame:
        """The lines of the traded feeds."""
        values = [np.full((len(market.times), len(market.trade)), np.nan) for _ in SIGNALS]
        for data, symbol in self._symbols.items():
            if symbol in market.trade:
                column = market.trade.index(symbol)
                times = times_of([row[0] for row in self._bars[data]], self.p.zone, utc=self.p.utc)
                rows = market.times.get_indexer(times)
                for number, matrix in enumerate(values):
                    matrix[rows, column] = [line[number] for line in self._signals[data]]
        has_signals = any(hasattr(data.lines, SIGNALS[0]) for data in self.datas)
        fold = np.full(len(market.times), 0 if has_signals else -1)
        return SignalFrame(
            market.times, market.trade, read_only(values[0]), read_only(values[1]), read_only(fold, np.int64)
        )

    def _config(self, market: Market, source: str) -> RecordedConfig:
        parts = (self._broker, self.strategy.getsizer())
        broker_cap, sizer_cap = (getattr(getattr(part, "p", None), "cap", None) for part in parts)
        cap = self.p.cap or broker_cap or sizer_cap
        values = {
            "name": self.p.name,
            "cerebro": facts(self.strategy, market, source),
            "benchmark": market.benchmark,
            "zone": self.p.zone,
            "cash": float(self._broker.startingcash),
            "cash_interest": float(getattr(self._broker.p, "cash_interest", 0.0)),
            "slippage": self._slippage(market),
            "risk": {"cap": cap, "cap_at": "fill" if broker_cap else "signal"},
            "measures": dict(self.p.measures),
            "seed": self.p.seed,
        }
        return recorded_config(values)

    def _slippage(self, market: Market) -> float:
        """The largest slippage of a fill, as a fraction of its price; a fixed one counts at the lowest price."""
        fixed = float(getattr(self._broker.p, "slip_fixed", 0.0) or 0.0)
        part = float(getattr(self._broker.p, "slip_perc", 0.0) or 0.0)
        lowest = min(float(market.bars[symbol].low.min()) for symbol in market.trade)
        return max(part, fixed / lowest if fixed and lowest > 0 else 0.0)

    def _notes(self) -> list[str]:
        notes = []
        if self._warmup:
            notes.append(
                f"the first {self._warmup} of {len(self._steps)} bars are warm-up of the strategy's indicators; they "
                "count in every figure, as in backtrader's analyzers"
            )
        paid = self._shares / self._first_shares
        if any(step[2] != 1.0 for step in self._steps.values()):
            notes.append(
                f"money was paid in or out: the account ends with {paid:.6g} shares for each one at the start; returns "
                "are time-weighted, those of one share"
            )
        return notes
