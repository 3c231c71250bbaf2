"""Random markets and settings for the comparison of engines: cash near its limit, gaps, stops, limits, every rule."""

import numpy as np
import pandas as pd

from core.types import Bars, Market, SignalFrame
from risk.costs import BrokerSpec
from risk.delisting import DelistingReturn
from risk.spec import RiskSpec
from strategies.base import EntryOrder
from strategies.rank import Rank
from strategies.threshold import Threshold
from strategies.time_exit import TimeExit

STOPS = (
    {"kind": "percent", "value": 0.03},
    {"kind": "atr", "window": 3, "multiple": 1.5},
    {"kind": "trail_percent", "value": 0.04},
    {"kind": "trail_atr", "window": 2, "multiple": 1.0},
)
TARGETS = ({"kind": "percent", "value": 0.03}, {"kind": "atr", "window": 2, "multiple": 1.0})

ENTRIES = (
    None,
    {"kind": "close"},
    {"kind": "limit", "offset": {"kind": "atr", "window": 2, "multiple": 0.3}, "bars": 2},
    {"kind": "stop", "offset": {"kind": "percent", "value": 0.01}, "bars": 3},
)


def case(seed, rules=("threshold", "time_exit", "rank"), tight=True):
    """Market, signals, strategy, risk and broker; ``tight`` wants more than the cash allows."""
    rng = np.random.default_rng(seed)

    def pick(*choices):
        return choices[rng.integers(len(choices))]

    days = int(rng.integers(10, 80))
    count = int(rng.integers(1, 5))
    times = pd.bdate_range("2024-01-02", periods=days, tz="UTC") + pd.Timedelta("21h")
    bars = {f"s{n}": random_bars(f"s{n}", times, rng, gaps=n > 0, still=0.05) for n in range(count)}
    market = Market(bars, tuple(bars), "s0", "UTC")
    prediction = np.round(rng.normal(0.0, 0.01, (days, count)), 3)
    prediction[rng.random((days, count)) < 0.2] = np.nan
    confidence = np.where(np.isnan(prediction), np.nan, rng.uniform(0.2, 1.0, (days, count)))
    fold = np.where(np.arange(days) < pick(0, 3), -1, 0)
    signals = SignalFrame(times, tuple(bars), prediction, confidence, fold)
    mode = pick("notional", "stop")
    limits = {
        "short": pick(None, 3.0) if tight else pick(None, 0.2),
        "gross": None if tight else pick(None, 0.6),
        "net": None if tight else pick(None, 0.2),
        "positions": pick(None, 2),
        "daily_loss": pick(None, 0.05),
        "drawdown": pick(None, 0.1),
        "resume_after": int(pick(1, 3)),
        "min_order": pick(0.0, 200.0),
    }
    risk = RiskSpec.parse(
        {
            "mode": mode,
            "stop": pick(*STOPS) if mode == "stop" else pick(None, *STOPS),
            "take_profit": pick(None, *TARGETS),
            "base": pick(0.3, 0.6, 1.0) if tight else pick(0.02, 0.2),
            "cap": pick(0.5, 0.95, 1.0) if tight else pick(0.05, 0.25),
            "cap_at": pick("fill", "signal"),
            "resize": pick(None, {"band": 0.05}),
            "limits": limits,
        }
    )
    broker = BrokerSpec(
        cash=pick(1000.0, 10_000.0),
        commission=pick(0.0, 0.01),
        commission_per_unit=pick(0.0, 0.01),
        commission_minimum=pick(0.0, 3.0),
        slippage=pick(0.0, 0.02),
        slip_out=bool(pick(True, False)),
        lot=pick(0.0, 1.0),
        short_interest=pick(0.0, 0.5),
        cash_interest=pick(0.0, 0.04),
    )
    strategies = {
        "threshold": Threshold(side=pick("both", "long", "short")),
        "time_exit": TimeExit(bars=3),
        "rank": Rank(top=1, bottom=1 if count > 1 else 0),
    }
    strategy = strategies[pick(*rules)]
    delisting = pick("hold", "close_at_last", DelistingReturn(**{"return": -0.3}))
    return market, signals, strategy, risk, broker.model_copy(update={"delisting": delisting})


def with_entry_order(strategy, seed):
    """The strategy with entries of one of the kinds; apart from :func:`case`, whose numbers it leaves alone."""
    rng = np.random.default_rng([seed, 1])
    order = ENTRIES[rng.integers(len(ENTRIES))]
    return strategy.model_copy(update={"entry_order": EntryOrder.parse(order) if order else None})


def as_told(prediction, confidence, side, held, p):
    """A rule that does what the prediction says: one kernel for every way to fail."""
    if prediction > 90.0:
        raise ValueError("it had enough")
    if prediction > 80.0:
        return 1.0 / (prediction - 85.0)
    return prediction


def random_bars(symbol, times, rng, *, gaps, still=0.0):
    """Bars that open several per cent from the close before; ``still`` is the share of those without a range.

    With gaps, bars are missing, and it may begin late or end early.
    """
    days = len(times)
    close = 100.0 * np.exp(np.cumsum(rng.normal(0.0, 0.03, days)))
    opened = np.concatenate([[100.0], close[:-1]]) * np.exp(rng.normal(0.0, 0.03, days))
    high = np.maximum(opened, close) * np.exp(np.abs(rng.normal(0.0, 0.015, days)))
    low = np.minimum(opened, close) * np.exp(-np.abs(rng.normal(0.0, 0.015, days)))
    if still:
        flat = rng.random(days) < still
        opened[flat] = high[flat] = low[flat] = close[flat]
    frame = pd.DataFrame({"open": opened, "high": high, "low": low, "close": close, "volume": 1e6}, index=times)
    if not gaps:
        return Bars.of(symbol, frame)
    row = np.arange(days)
    first = rng.integers(0, days // 2)
    last = rng.integers(days // 2, days + 1)
    is_present = (rng.random(days) < 0.85) & (row >= first) & (row < last)
    is_present[days // 2] = True
    return Bars.of(symbol, frame[is_present])
