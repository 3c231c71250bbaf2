"""Small markets for hypothesis: prices on a coarse grid, so that bars without a range, gaps and touches are common.

What is drawn shrinks towards flat bars, no opinion and the plainest settings, and shows itself as one readable text.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from hypothesis import strategies as st

from core.types import Bars, Market, SignalFrame
from engine.backtest.engine_output import BacktestInput
from risk.costs import BrokerSpec
from risk.delisting import DelistingReturn
from risk.spec import RiskSpec
from strategies.threshold import Threshold

NAN = float("nan")
MOVES = (0, 1, -1, 2, -2, 5, -5)
WICKS = (0, 0, 1, 2)
TICKS = (1.0, 1.0, 0.1, 0.37)
"""Of whole prices sums are exact, and stops are met exactly; the others need rounding."""
THERE = (True,) * 8 + (False,)
"""One bar in nine is missing."""
WORDS = ((NAN, NAN), (1.0, 1.0), (-1.0, 1.0), (0.0, 1.0), (1.0, 0.5), (-1.0, 0.7), (0.004, 0.9))
"""What a strategy may be told at a bar: prediction and confidence."""
STOPS = (
    {"kind": "percent", "value": 0.05},
    {"kind": "percent", "value": 0.2},
    {"kind": "atr", "window": 1, "multiple": 1.0},
    {"kind": "atr", "window": 3, "multiple": 1.5},
    {"kind": "trail_percent", "value": 0.1},
    {"kind": "trail_atr", "window": 1, "multiple": 2.0},
)
TARGETS = (
    {"kind": "percent", "value": 0.05},
    {"kind": "percent", "value": 0.1},
    {"kind": "atr", "window": 1, "multiple": 1.0},
    {"kind": "atr", "window": 2, "multiple": 2.0},
)
ENTRIES = (
    *[None] * 5,
    {"kind": "close"},
    {"kind": "close"},
    {"kind": "limit", "offset": {"kind": "percent", "value": 0.05}, "bars": 2},
    {"kind": "stop", "offset": {"kind": "atr", "window": 1, "multiple": 0.5}},
)
EXPOSED = ("gross", "net", "short")
EXPOSURES = (
    *[(None, None, None)] * 3,
    (None, None, 3.0),
    (None, None, 0.3),
    (1.0, None, None),
    (1.5, 0.5, None),
    (None, 0.2, 0.2),
)
HALTED = ("daily_loss", "drawdown")
HALTS = (*[(None, None)] * 3, (0.05, None), (None, 0.02), (0.01, 0.1))


@dataclass(frozen=True, eq=False, repr=False)
class Case:
    """All that a backtest needs."""

    market: Market
    signals: SignalFrame
    strategy: Threshold
    risk: RiskSpec
    broker: BrokerSpec

    @property
    def task(self) -> BacktestInput:
        return BacktestInput.of(self.market, self.signals, self.strategy, self.risk, self.broker, "0123456789ab")

    def until(self, last: pd.Timestamp) -> "Case":
        """The same with the future after a close cut off."""
        rows = self.signals.times <= last
        signals = self.signals
        cut = SignalFrame(
            signals.times[rows],
            signals.symbols,
            signals.prediction[rows],
            signals.confidence[rows],
            signals.fold[rows],
        )
        return Case(self.market.until(last), cut, self.strategy, self.risk, self.broker)

    def _repr_pretty_(self, printer, cycle):
        printer.text(repr(self))

    def __repr__(self) -> str:
        specs = (self.strategy, self.risk, self.broker)
        blocks = ("strategy", "risk", "broker")
        settings = [
            f"{block}: {spec.model_dump(exclude_defaults=True)}" for block, spec in zip(blocks, specs, strict=True)
        ]
        bars = [line for symbol in self.market.trade for line in self._bars(symbol)]
        return "\n".join([*settings, f"decides from {self.signals.start:%F %H:%M}", *bars])

    def _bars(self, symbol):
        bars = self.market.bars[symbol]
        column = self.signals.symbols.index(symbol)
        yield f"{symbol}: open, high, low, close; prediction, confidence"
        for time, *prices in zip(bars.times, bars.open, bars.high, bars.low, bars.close, strict=True):
            row = self.signals.times.get_loc(time)
            prediction = self.signals.prediction[row, column]
            confidence = self.signals.confidence[row, column]
            yield f"  {time:%F %H:%M}  {' '.join(f'{price:.10g}' for price in prices)}; {prediction:g}, {confidence:g}"


@st.composite
def cases(draw, *, daily=False):
    """A case; ``daily`` draws no bars within the day."""
    count = draw(st.integers(1, 3))
    moves = st.sampled_from(MOVES)
    wicks = st.sampled_from(WICKS)
    cell = st.tuples(moves, moves, wicks, wicks, st.sampled_from(THERE), st.sampled_from(WORDS))
    # Of several lists the shrinker takes parts out; of one with a drawn least length it could not.
    weeks = draw(st.lists(st.lists(st.tuples(*[cell] * count), min_size=1, max_size=5), min_size=2, max_size=6))
    days = [day for week in weeks for day in week]
    spacing = "B" if daily else draw(st.sampled_from(["B", "B", "B", "12h"]))
    times = pd.date_range("2024-01-03 21:00", periods=len(days), freq=spacing, tz="UTC").as_unit("ns")
    start = draw(st.sampled_from([20, 10, 100]))
    tick = draw(st.sampled_from(TICKS))
    lives = [(draw(st.sampled_from([0, 0, 2, 6])), draw(st.sampled_from([0, 0, 1, 4]))) for _ in range(count)]
    symbols = tuple(f"s{number}" for number in range(count))
    bars = {
        symbol: _bars(symbol, times, [day[number] for day in days], start, tick, lives[number], always_last=number == 0)
        for number, symbol in enumerate(symbols)
    }
    words = np.array([[cell[5] for cell in day] for day in days])
    first = min(draw(st.sampled_from([0, 0, 2])), len(days) - 1)
    fold = np.where(np.arange(len(days)) < first, -1, 0)
    signals = SignalFrame(times, symbols, words[:, :, 0], words[:, :, 1], fold)
    market = Market(bars, symbols, symbols[0], "UTC")
    return Case(market, signals, draw(rules()), draw(risks()), draw(brokers()))


def _bars(symbol, times, cells, close, tick, life, *, always_last):
    """Each bar opens at the close before plus a gap and has wicks; prices never fall below one tick."""
    rows = []
    last = len(cells) - 1
    for number, (gap, move, up, down, there, _) in enumerate(cells):
        opened = max(close + gap, 1)
        close = max(opened + move, 1)
        prices = [tick * level for level in (opened, max(opened, close) + up, max(min(opened, close) - down, 1), close)]
        if (always_last and number == last) or (there and life[0] <= number <= last - life[1]):
            rows.append((times[number], *prices, 1000.0))
    index = pd.DatetimeIndex([row[0] for row in rows], tz="UTC")
    frame = pd.DataFrame([row[1:] for row in rows], index, ["open", "high", "low", "close", "volume"], dtype=float)
    return Bars.of(symbol, frame)


def one_of(**choices):
    """A dict of one choice for each name; the first of each is the plainest."""
    return st.fixed_dictionaries({name: st.sampled_from(values) for name, values in choices.items()})


@st.composite
def rules(draw):
    entry = draw(st.sampled_from([0.0, 0.005]))
    side = draw(st.sampled_from(["both", "long", "short"]))
    order = draw(st.sampled_from(ENTRIES))
    return Threshold.parse(
        {"entry": entry, "exit": draw(st.sampled_from([0.0, entry])), "side": side, "entry_order": order}
    )


@st.composite
def risks(draw):
    mode = draw(st.sampled_from(["notional", "stop"]))
    stop = draw(st.sampled_from((None, *STOPS) if mode == "notional" else STOPS))
    chosen = draw(
        one_of(
            base=[1.0, 0.5, 0.05, 0.02],
            cap=[1.0, 0.95, 0.5, 0.2],
            cap_at=["fill", "signal"],
            take_profit=[None, *TARGETS],
            resize=[None, None, {"band": 0.05}, {"band": 0.3}],
        )
    )
    limits = draw(
        one_of(
            exposure=EXPOSURES,
            positions=[None, None, 1, 2],
            open_risk=[None, 1.0] if stop else [None],
            halts=HALTS,
            resume_after=[1, 2, 4],
            min_order=[0.0, 0.0, 150.0],
        )
    )
    pairs = (*zip(EXPOSED, limits.pop("exposure"), strict=True), *zip(HALTED, limits.pop("halts"), strict=True))
    return RiskSpec.parse({"mode": mode, "stop": stop, **chosen, "limits": {**limits, **dict(pairs)}})


@st.composite
def brokers(draw):
    return BrokerSpec(
        **draw(
            one_of(
                cash=[1000.0, 100.0, 10_000.0],
                commission=[0.0, 0.001, 0.01],
                commission_per_unit=[0.0, 0.01],
                commission_minimum=[0.0, 1.0],
                slippage=[0.0, 0.001, 0.02],
                slip_out=[True, False],
                lot=[0.0, 0.1, 1.0, 5.0],
                short_interest=[0.0, 0.5],
                cash_interest=[0.0, 0.04],
                delisting=["close_at_last", "hold", DelistingReturn(**{"return": -0.3})],
            )
        )
    )
