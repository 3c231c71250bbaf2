"""A recorder for any Cerebro run: bars, account, orders and fills, whatever the strategy, the broker and the feeds."""

from collections.abc import Mapping
from typing import Any

import backtrader as bt
import numpy as np
import pandas as pd

from core.errors import ConfigError
from core.types import COLUMNS, Bars, Market, SignalFrame, read_only
from engine.backtest.engine_output import EngineOutput, audited
from engine.backtest.feed_checks import SIGNALS, check_prices
from engine.backtest.recording import Recording
from engine.config.recorded_config import RecordedConfig, recorded_config
from marketdata.benchmark import BASKET
from risk.bt_adapter.audit_rows import Fill

from .feed import times_of
from .fill_shares import SharesAtFills, SharesAudit, multiplier_of
from .fill_slippage import FillSlippage
from .script_facts import facts, source_of, symbols_of

Line = tuple[float, ...]


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
        self._shares_at_fills = SharesAtFills()
        self._slippage_at_fills = FillSlippage()
        self._audit = SharesAudit(
            clock=self._time, symbol=self._symbol, moved=self._moved, shares=self._shares_at_fills.by_order
        )

    def start(self) -> None:
        """Begin with no records, and refuse what cannot be recorded."""
        self._symbols = symbols_of(self.datas)
        if len(self.strategy.cerebro.runningstrats) > 1:
            raise ConfigError("RunRecorder: records the account of one strategy, and this Cerebro runs several")
        if self.p.benchmark is not None and self.p.benchmark not in self._symbols.values():
            names = ", ".join(self._symbols.values())
            raise ConfigError(f"RunRecorder: benchmark={self.p.benchmark!r} is no feed; feeds: {names}")
        self._broker = self.strategy.broker
        self._first_shares = self._broker.get_fundshares()
        self._bars: dict[Any, list[Line]] = {data: [] for data in self.datas}
        self._signals: dict[Any, list[Line]] = {data: [] for data in self.datas}
        self._steps: dict[float, tuple[float, float, float]] = {}
        self._units: dict[float, list[float]] = {}
        self._exposed: dict[float, list[float]] = {}
        self._warmup = 0
        self._shares_at_fills.begin(self._broker, self.datas)
        self._slippage_at_fills.watch(self._broker)

    def prenext(self) -> None:
        """Record a bar on which the strategy's indicators have no value yet."""
        self._warmup += 1
        self.next()

    def next(self) -> None:
        """Record the new bars, and the account at this close."""
        for data in self.datas:
            if len(data):
                self._record_bar(data)
        units = {data: self._held(data) for data in self.datas}
        now = self.strategy.datetime[0]
        value = float(self._broker.getvalue())
        shares = self._broker.get_fundshares() / self._first_shares
        self._steps[now] = (value, float(self._broker.getcash()), shares)
        self._units[now] = list(units.values())
        self._exposed[now] = [
            size * data.close[0] * multiplier_of(self._broker, data) if size else 0.0 for data, size in units.items()
        ]
        self._shares_at_fills.close(value, units)

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

    def notify_order(self, order: Any) -> None:
        """Compute the share of the account that each new fill left in its position."""
        for execution in order.executed.iterpending():
            self._shares_at_fills.add(order, execution.size, execution.price)

    def _symbol(self, data: Any) -> str:
        return self._symbols[data]

    def _time(self, data: Any, number: float) -> pd.Timestamp:  # noqa: ARG002 (a clock may differ from feed to feed)
        return times_of([number], self.p.zone, utc=self.p.utc)[0]

    def _moved(self, fill: Fill) -> Mapping[str, float]:
        """Slippage and impact of a fill: those that the broker noted, or else those that were noted of it."""
        key = (fill.ref, fill.number)
        note = getattr(self._broker, "notes", {}).get(key)
        if note:
            return {"slippage": note.slippage, "impact": note.impact}
        return self._slippage_at_fills.of(self._broker, key)

    def stop(self) -> None:
        """Put the records together, and finish."""
        self._slippage_at_fills.release()
        if not self._steps:
            raise ConfigError("RunRecorder: no bar was delivered, so there is nothing to record")
        self.finish(self._recording())
        # Orders and feeds are large, and no copy of the Cerebro in another process could take them along.
        self._children.clear()
        for name in ("_audit", "_broker", "_bars", "_signals", "_symbols", "_shares_at_fills", "_slippage_at_fills"):
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
        credit = getattr(self._broker, "d_credit", {})
        multipliers = {symbol: multiplier_of(self._broker, data) for data, symbol in self._symbols.items()}
        return Recording(
            config=self._config(market, source),
            market=market,
            signals=self._signal_frame(market),
            times=times_of(sorted(self._steps), self.p.zone, utc=self.p.utc),
            output=EngineOutput(
                value=steps[order, 0],
                cash=steps[order, 1],
                units=np.array(list(self._units.values()))[order],
                **audited(audit),
                due={symbol: float(credit.get(data, 0.0)) for data, symbol in self._symbols.items()},
                halts=(),
                shares=steps[order, 2] if (steps[:, 2] != 1.0).any() else None,
            ),
            exposed=np.array(list(self._exposed.values()))[order],
            multipliers={symbol: value for symbol, value in multipliers.items() if value != 1.0},
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
        if not isinstance(self._broker, bt.brokers.BackBroker):
            notes.append(
                f"slippage is not known: {type(self._broker).__name__} is no broker of backtrader's own kind and keeps "
                "no record of it; slippage, total costs and the drag of costs are n/a"
            )
        shares = [step[2] for step in self._steps.values()]
        if any(share != 1.0 for share in shares):
            notes.append(
                f"money was paid in or out: the account ends with {shares[-1]:.6g} shares for each one at the start; "
                "returns are time-weighted, those of one share"
            )
        return notes
