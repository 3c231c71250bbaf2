"""Both engines on markets that hypothesis makes up, on real bars, and with strategies of a user's own file."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import strategies
from core.errors import ConfigError
from core.types import Bars, Market, SignalFrame
from engine import bt_engine, compiled_engine
from engine.books import Task
from engine.cli import main
from engine.compiled_engine import engine as compiled
from engine.compiled_engine.shape import Shape
from engine.config import of_mapping
from engine.engines import backtest, first_difference
from marketdata.data import DataSpec
from risk.costs import BrokerSpec
from risk.spec import RiskSpec
from strategies.threshold import Threshold


@pytest.fixture
def general(monkeypatch):
    """One kernel for everything."""
    monkeypatch.setattr(compiled, "shape_of", lambda *_, cross, record: Shape(cross=cross, record=record))


def both(task):
    """The result of backtrader, once the other engine gave the same."""
    one, other = (engine.carry_out(task, solvent=False) for engine in (bt_engine, compiled_engine))
    difference = first_difference(one, other)
    assert not difference, f"{difference}\n{task.strategy!r}\n{task.risk!r}\n{task.broker!r}\n{one.fills.to_string()}"
    return one


# --- what hypothesis makes up: a coarse grid of prices, so that equal ones and exact touches are common

TENTH = st.integers(-8, 8).map(lambda number: number / 2.0)
WICK = st.sampled_from([0.0, 0.0, 0.5, 1.0, 4.0])
TOLD = st.sampled_from([0.02, -0.02, 0.001, -0.001, 0.0, float("nan")])
STOPS = [
    None,
    {"kind": "percent", "value": 0.02},
    {"kind": "atr", "window": 1, "multiple": 1.0},
    {"kind": "trail_percent", "value": 0.03},
    {"kind": "trail_atr", "window": 2, "multiple": 0.5},
]


@st.composite
def bars(draw, times, symbol, whole):
    """Bars made of an open that gaps, a body and wicks; some are missing, at the ends and between."""
    rows, close = [], 100.0
    for _ in times:
        opened = max(close + draw(TENTH), 5.0)
        close = max(opened + draw(TENTH), 5.0)
        high, low = max(opened, close) + draw(WICK), max(min(opened, close) - draw(WICK), 1.0)
        rows.append((opened, high, low, close, 1e6))
    frame = pd.DataFrame(rows, index=times, columns=["open", "high", "low", "close", "volume"])
    kept = np.ones(len(times), dtype=bool)
    if not whole:
        first, last = draw(st.integers(0, 3)), draw(st.integers(0, 3))
        kept[:first] = kept[len(times) - last :] = False
        kept &= ~np.isin(np.arange(len(times)), draw(st.lists(st.integers(0, len(times) - 1), max_size=3)))
        kept[len(times) // 2] = True
    return Bars.of(symbol, frame[kept])


@st.composite
def tasks(draw):
    """A small market, signals and rules, with cash that is seldom enough."""
    days, count = draw(st.integers(8, 18)), draw(st.integers(1, 2))
    times = pd.bdate_range("2024-01-02", periods=days, tz="UTC") + pd.Timedelta("21h")
    symbols = tuple(f"s{number}" for number in range(count))
    market = Market({each: draw(bars(times, each, each == "s0")) for each in symbols}, symbols, "s0", "UTC")
    told = np.array(draw(st.lists(TOLD, min_size=days * count, max_size=days * count))).reshape(days, count)
    sure = np.where(np.isnan(told), np.nan, draw(st.sampled_from([0.25, 0.5, 1.0])))
    signals = SignalFrame(times, symbols, told, sure, np.zeros(days, dtype=np.int64))
    mode = draw(st.sampled_from(["notional", "stop"]))
    limits = {"short": draw(st.sampled_from([None, 3.0])), "drawdown": draw(st.sampled_from([None, 0.02]))}
    risk = {
        "mode": mode,
        "stop": draw(st.sampled_from(STOPS[1:] if mode == "stop" else STOPS)),
        "take_profit": draw(st.sampled_from([None, {"kind": "percent", "value": 0.02}])),
        "base": draw(st.sampled_from([0.02, 0.5, 1.0])),
        "cap": draw(st.sampled_from([0.05, 0.5, 1.0])),
        "cap_at": draw(st.sampled_from(["fill", "signal"])),
        "resize": draw(st.sampled_from([None, {"band": 0.05}])),
        "limits": {**limits, "resume_after": 2},
    }
    broker = BrokerSpec(
        cash=draw(st.sampled_from([1_000.0, 10_000.0])),
        commission=draw(st.sampled_from([0.0, 0.01])),
        commission_minimum=draw(st.sampled_from([0.0, 2.0])),
        slippage=draw(st.sampled_from([0.0, 0.01])),
        slip_out=draw(st.booleans()),
        lot=draw(st.sampled_from([0.0, 1.0])),
        short_interest=draw(st.sampled_from([0.0, 0.5])),
    )
    rule = Threshold(side=draw(st.sampled_from(["both", "long", "short"])), entry=0.01)
    return Task.of(market, signals, rule, RiskSpec.parse(risk), broker, "hypothesis")


def test_engines_agree_on_whatever_is_made_up(general):
    seen = []

    @settings(max_examples=250)
    @given(tasks())
    def agree(task):
        seen.append(both(task))

    agree()
    orders = pd.concat([result.orders for result in seen])
    filled = orders[orders["filled"] != 0]
    assert set(filled["kind"]) == {"market", "stop", "limit", "trail"}
    assert orders["reason"].str.startswith("not enough cash").any()
    assert orders["reason"].str.startswith("cap at the fill").any()


# --- real bars

CORPUS = {
    "the rule": {},
    "long": {"strategy.side": "long"},
    "short": {"strategy.side": "short", "broker.short_interest": 0.1},
    "all in": {"risk.base": 1.0, "risk.cap": 1.0},
    "all in at the signal": {"risk.base": 1.0, "risk.cap": 1.0, "risk.cap_at": "signal"},
    "lots": {"broker.lot": 1.0, "broker.cash": 100_000.0},
    "dear": {"broker.commission": 0.01, "broker.commission_minimum": 5.0, "broker.commission_per_unit": 0.01},
    "slips": {"broker.slippage": 0.01, "broker.slip_out": False},
    "percent": {"risk.stop": STOPS[1], "risk.take_profit": {"kind": "percent", "value": 0.03}},
    "atr": {"risk.stop": {"kind": "atr", "window": 14, "multiple": 2.0}, "risk.mode": "stop"},
    "trails": {"risk.stop": {"kind": "trail_percent", "value": 0.03}},
    "trails by range": {"risk.stop": {"kind": "trail_atr", "window": 10, "multiple": 3.0}, "risk.mode": "stop"},
    "resizes": {"risk.resize": {"band": 0.01}, "risk.base": 0.5, "risk.cap": 0.5},
    "halts": {"risk.limits": {"drawdown": 0.01, "daily_loss": 0.005}, "risk.base": 0.5, "risk.cap": 0.5},
    "limits": {"risk.limits": {"gross": 0.5, "net": 0.3, "positions": 1}, "risk.base": 0.3, "risk.cap": 0.3},
    "open risk": {"risk.stop": STOPS[1], "risk.limits": {"open_risk": 0.01}},
    "idle cash": {"broker.cash_interest": 0.03},
}


@pytest.fixture(scope="module")
def real():
    """Two indices over 700 sessions, some of them missing from the second, with seeded signals."""
    source = {"kind": "sample", "symbols": ["nasdaq", "sp500"]}
    spec = {"source": source, "benchmark": "sp500", "trade": ["nasdaq", "sp500"], "end": "2001-10-31"}
    market = DataSpec.parse(spec).load()
    rng, times = np.random.default_rng(5), market.bars["nasdaq"].times
    second = market.bars["sp500"].frame
    gappy = Bars.of("sp500", second[(rng.random(len(second)) < 0.95) & (second.index > times[20])])
    market = replace(market, bars={"nasdaq": market.bars["nasdaq"], "sp500": gappy})
    told = rng.normal(0.0, 0.01, (len(times), 2)).round(4)
    signals = SignalFrame(
        times, ("nasdaq", "sp500"), told, rng.uniform(0.3, 1.0, told.shape), np.zeros(len(times), int)
    )
    return market, signals


@pytest.mark.parametrize("name", CORPUS)
def test_real_bars_give_the_same_bits(general, real, name):
    values = {"strategy": {"entry": 0.006}, "risk": {}, "broker": {}}
    for path, value in CORPUS[name].items():
        block, key = path.split(".")
        values[block][key] = value
    rule, risk, broker = (
        kind.parse(values[block])
        for kind, block in ((Threshold, "strategy"), (RiskSpec, "risk"), (BrokerSpec, "broker"))
    )
    result = both(Task.of(*real, rule, risk, broker, name))
    assert len(result.fills) > 100
    require_books(result, real[0], risk, broker)


def require_books(result, market, risk, broker):
    """What must hold whatever an engine thinks: worked out from the tables alone."""
    units, fills, equity = result.positions, result.fills, result.equity.set_index("time")
    closes = pd.DataFrame({name: pd.Series(bars.close, bars.times) for name, bars in market.bars.items()})
    closes = closes.reindex(units.index).ffill().fillna(0.0)
    worth = equity["cash"] + (units * closes[units.columns]).sum(axis=1)
    np.testing.assert_allclose(worth, equity["equity"], rtol=1e-9)
    gained = equity["equity"].iloc[-1] - broker.cash
    earned = -result.costs.loc[result.costs["kind"] == "cash_interest", "amount"].sum()
    np.testing.assert_allclose(result.trades["pnl"].sum() + earned, gained, rtol=1e-9, atol=1e-7)
    moved = fills.groupby("symbol")["size"].cumsum()
    np.testing.assert_allclose(moved, fills["position_after"], atol=1e-9)
    created = result.orders.set_index("order_id")["created_at"].reindex(fills["order_id"])
    assert (fills["time"].to_numpy() > created.to_numpy()).all()
    for symbol, own in fills.groupby("symbol"):
        frame = market.bars[symbol].frame.reindex(own["time"])
        out = (broker.slippage if broker.slip_out else 0.0) + 1e-12
        assert (own["price"].to_numpy() <= frame["high"].to_numpy() * (1.0 + out)).all()
        assert (own["price"].to_numpy() >= frame["low"].to_numpy() * (1.0 - out)).all()
    if risk.cap_at == "fill" and risk.resize is None:
        opens = result.orders[(result.orders["kind"] == "market") & (result.orders["share_at_fill"] > 0)]
        assert (opens["share_at_fill"] <= risk.cap * (1 + 1e-12)).all()


# --- a user's own file

SCALAR = '''"""A rule of a user's own, with a helper."""

from typing import Any, ClassVar

from strategies._base import Rule, Strategy

SURE = 0.4


def strength(prediction: float, confidence: float, p: Any) -> float:
    """The prediction, as far as it is believed."""
    return prediction * p.weight if confidence > SURE else 0.0


def side_by_strength(prediction: float, confidence: float, side: int, held: int, p: Any) -> int:
    """Long when strong, flat after some bars."""
    if held >= p.bars:
        return 0
    {extra}return 1 if strength(prediction, confidence, p) > p.least else side


class {name}(Strategy):
    """A rule of a user's own."""

    rule: ClassVar[Rule] = staticmethod(side_by_strength)

    weight: float = 2.0
    """Times the prediction."""

    least: float = 0.001
    """What it must be above."""

    bars: int = 5
    """Bars to hold."""
'''
CONFIG = {
    "data": {"source": {"kind": "sample"}, "start": "1999-01-04", "end": "2000-06-30", "benchmark": "nasdaq"},
    "features": [{"kind": "sma_cross"}],
}


@pytest.fixture
def own(tmp_path, monkeypatch):
    """Puts a file where a user would: beside the strategies that are there."""
    monkeypatch.setattr(strategies, "__path__", [*strategies.__path__, str(tmp_path)])

    def put(name, extra=""):
        text = SCALAR.replace("{name}", name.capitalize()).replace("{extra}", extra)
        (tmp_path / f"{name}.py").write_text(text)
        return tmp_path / f"{name}.py"

    return put


def config_of(kind):
    base = of_mapping({"extends": "configs/sma_cross.yaml"}, ["data.end=2000-12-31", "engine=both"])
    return of_mapping({**base.dump(), "strategy": {"kind": kind, "least": 0.0}})


def test_a_strategy_of_a_users_own_file_runs_on_both_engines(own):
    own("mine")
    config = config_of("mine")
    rng, market = np.random.default_rng(3), config.data.load()
    times = market.bars["nasdaq"].times
    told = rng.normal(0.0, 0.01, (len(times), 1))
    signals = SignalFrame(times, ("nasdaq",), told, rng.uniform(0.2, 1.0, told.shape), np.zeros(len(times), int))
    result = backtest(config, market, signals)
    assert len(result.fills) > 50
    assert result.trades["bars"].max() <= 6


@pytest.mark.parametrize(
    ("name", "extra", "what"),
    [
        ("powers", "prediction = prediction**3\n    ", r"\*\*, whose last digit"),
        ("logs", "import math\n    ", "an import inside it"),
        ("tables", "p = {1: p}[1]\n    ", "a dict"),
    ],
)
def test_what_cannot_be_compiled_is_told_with_its_line_and_the_way_out(own, tmp_path, capsys, name, extra, what):
    path = own(name, extra)
    file = tmp_path / "config.yaml"
    file.write_text(
        f"extends: {Path('configs/sma_cross.yaml').resolve()}\nstrategy: {{kind: {name}}}\nengine: compiled\n"
    )
    assert main([str(file), "--out", str(tmp_path / "runs")]) == 2
    told = capsys.readouterr().err
    assert f"{path}:19: the rule side_by_strength cannot be compiled: it uses" in told
    assert told.strip().endswith("engine: backtrader runs it")
    assert not (tmp_path / "runs").exists() or not list((tmp_path / "runs").iterdir())
    with pytest.raises(ConfigError, match=what):
        compiled_engine.refuse(config_of(name).strategy, BrokerSpec())


def test_a_full_queue_is_one_clear_line(general, real, monkeypatch):
    space_of = compiled.space_of

    def tight(grid, **more):
        return space_of(grid, **more)._replace(queue=space_of(grid).queue[:1])

    monkeypatch.setattr(compiled, "space_of", tight)
    task = Task.of(*real, Threshold(entry=0.001), RiskSpec(), BrokerSpec(), "x")
    with pytest.raises(ConfigError, match=r"the compiled engine stopped at \d{4}-.* use engine: backtrader"):
        compiled_engine.carry_out(task)
