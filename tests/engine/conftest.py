"""Small markets and configs that several tests of the engine share."""

from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from general_kernels import use_general_kernels

from core.types import Bars, Market, SignalFrame
from engine.backtest.bt import engine
from engine.config.run_config import RunConfig
from engine.config.yaml_layers import Layer
from engine.results.outcome import Outcome, build
from engine.sweep.load_config import validate
from risk.costs import BrokerSpec
from risk.measure_set import MeasuresSpec
from signals.evaluation.evaluate import evaluate
from signals.labels.forward_return import ForwardReturn
from signals.signals_result import FoldDiagnostics, FoldReport, Signals, Span
from strategies.threshold import Threshold

BARS = 420
QUICK = MeasuresSpec.parse({"intervals": {"reps": 100}, "var_methods": ["gaussian", "ewma"]})
"""Enough to see that everything is there; resampling and fits are tested elsewhere."""


@pytest.fixture
def general(monkeypatch: pytest.MonkeyPatch) -> None:
    """One kernel for everything: a kernel of its own for each random setting would take an hour to compile."""
    use_general_kernels(monkeypatch)


@pytest.fixture(scope="session")
def walk() -> pd.DataFrame:
    """A random walk of daily bars, capitals as in a vendor's file."""
    return random_bars(BARS, seed=11)


def random_bars(bars: int, seed: int, start: str = "2015-01-02") -> pd.DataFrame:
    """Open-high-low-close bars of a random walk on weekdays."""
    rng = np.random.default_rng(seed)
    close = 100 * np.exp(np.cumsum(rng.normal(0.0002, 0.012, bars)))
    opened = np.concatenate([[100.0], close[:-1]]) * np.exp(rng.normal(0, 0.004, bars))
    high = np.maximum(opened, close) * (1 + rng.uniform(0, 0.006, bars))
    low = np.minimum(opened, close) * (1 - rng.uniform(0, 0.006, bars))
    frame = pd.DataFrame({"Open": opened, "High": high, "Low": low, "Close": close, "Volume": 1e6})
    return frame.set_index(pd.bdate_range(start, periods=bars, name="Date"))


@pytest.fixture(scope="session")
def cheap() -> Callable[..., RunConfig]:
    """Make a config of a CSV file that trains in a second: one small forest on two features, folds of 50 bars."""
    return _cheap


def _cheap(path: Path, **changes: object) -> RunConfig:
    values = {
        "data": {"source": {"kind": "csv", "files": {"X": str(path)}}},
        "features": [{"kind": "sma", "window": 10}, {"kind": "lagged_return", "lags": [0, 1]}],
        "model": {"kind": "random_forest", "trees": 5},
        "walk_forward": {"train": 200, "test": 50},
        "strategy": {"kind": "threshold"},
        "workers": 1,
        **changes,
    }
    return validate(Layer(values, {}), "test")


@pytest.fixture(scope="session")
def make_outcome() -> Callable[..., Outcome]:
    """Make the outcome of a small run: a random market, predictions that know as much of it as one likes."""
    return _outcome


def _outcome(
    *,
    bars: int = 420,
    seed: int = 3,
    skill: float = 0.0,
    trains: bool = True,
    name: str = "walk",
    symbol: str = "X",
    base: float = 0.02,
    cap_at: str = "fill",
    stop: dict[str, object] | None = None,
    measures: MeasuresSpec | None = None,
) -> Outcome:
    """Backtest planted predictions: ``skill`` 1 knows the next return, 0 is noise; no decision on the first 20 bars."""
    item = Bars.of(symbol, random_bars(bars, seed).rename(columns=str.lower).tz_localize("UTC"))
    market = Market({symbol: item}, (symbol,), symbol, "UTC")
    signals = _planted(item, skill, seed, trains)
    label = ForwardReturn()
    config = RunConfig.parse(
        {
            "seed": seed,
            "data": {"source": {"kind": "sample", "symbols": ["nasdaq"]}},
            "model": {"kind": "sma_cross"},
            "strategy": {"kind": "threshold"},
            "risk": {"base": base, "cap_at": cap_at, "stop": stop},
            "measures": (measures or QUICK).dump(),
        }
    ).model_copy(update={"name": name})  # unchecked: what a name may be is not the pages' business
    result = engine.run(market, signals.frame, Threshold(), config.risk, BrokerSpec(), "0123456789ab")
    evaluation = evaluate(market, signals, label) if trains else None
    return build(config=config, market=market, signals=signals, evaluation=evaluation, result=result)


def _planted(bars: Bars, skill: float, seed: int, trains: bool) -> Signals:
    rng = np.random.default_rng(seed + 1000)
    count, begin, middle = len(bars), 20, len(bars) // 2
    following = np.append(np.diff(bars.close) / bars.close[:-1], 0.0)
    prediction = skill * following + (1.0 - skill) * rng.normal(0.0, 0.01, count)
    fold = np.where(np.arange(count) < begin, -1, np.where(np.arange(count) < middle, 0, 1)).astype(np.int64)
    p_up = np.where(prediction > 0, 0.5 + 0.1 * rng.random(count), 0.5 - 0.1 * rng.random(count))
    known = fold >= 0
    frame = SignalFrame(
        bars.times,
        (bars.symbol,),
        np.where(known, prediction, np.nan)[:, None],
        np.where(known, np.maximum(p_up, 1 - p_up), np.nan)[:, None],
        fold if trains else np.where(known, 0, -1).astype(np.int64),
    )
    edges = ((begin, middle), (middle, count))
    reports = tuple(_fold(number, bars.times, first, last) for number, (first, last) in enumerate(edges))
    nowhere = np.full((count, 1), np.nan)
    return Signals(frame, reports if trains else (), np.where(known, p_up, np.nan)[:, None], nowhere)


def _fold(number: int, times: pd.DatetimeIndex, first: int, last: int) -> FoldReport:
    return FoldReport(
        number=number,
        cut=times[first].isoformat(),
        train=Span.from_rows(times, np.arange(first - 6)),
        stop=Span.from_rows(times, np.arange(first - 6, first - 3)),
        calibration=Span.from_rows(times, np.arange(first - 3, first)),
        test=Span.from_rows(times, np.arange(first, last)),
        train_mean=0.0003,
        up_share=0.52,
        diagnostics=FoldDiagnostics(members={"planted": {}}, calibrator={}),
    )


class _Tables(HTMLParser):
    """The text of every cell of every table."""

    def __init__(self) -> None:
        super().__init__()
        self.tables: list[list[list[str]]] = []
        self.inside = False

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in ("td", "th"):
            self.tables[-1][-1].append("")
            self.inside = True

    def handle_endtag(self, tag: str) -> None:
        self.inside = self.inside and tag not in ("td", "th")

    def handle_data(self, data: str) -> None:
        if self.inside:
            self.tables[-1][-1][-1] += data.strip()


@pytest.fixture(scope="session")
def tables() -> Callable[[str], list[list[list[str]]]]:
    """Read the tables of a page: for each, its rows of texts."""

    def read(page: str) -> list[list[list[str]]]:
        parser = _Tables()
        parser.feed(page)
        return parser.tables

    return read
