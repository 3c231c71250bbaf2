"""The content of a bundle in memory: the fits of one cut, the rule, and the sizes."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from core.clock import sessions
from core.errors import ConfigError
from core.types import COLUMNS, Bars, Market, Matrix, Rows, Vector
from engine.config.run_config import RunConfig
from risk.costs import BrokerSpec
from risk.spec import RiskSpec
from signals.folds.fit_at_cut import ALL, window_of
from signals.folds.fit_fold import Answers, FittedPart, answer
from signals.models.base import RuleModel
from signals.panel import Panel
from signals.spec import SignalSpec
from strategies.base import Strategy

from .contents import Contents

SELF_TEST_ROWS = 256
SELF_TEST_ANSWERS = 8


@dataclass(frozen=True, eq=False)
class Rules:
    """The parts of a config that decide, without where the data are.

    Attributes
    ----------
    signals, strategy, risk, broker : as in the config.
    """

    signals: SignalSpec
    strategy: Strategy
    risk: RiskSpec
    broker: BrokerSpec

    @classmethod
    def of(cls, config: RunConfig) -> "Rules":
        """Those of a config."""
        return cls(config.signals, config.strategy, config.risk, config.broker)


@dataclass(frozen=True, eq=False)
class Part:
    """One fit.

    Attributes
    ----------
    fitted : scaler, model and confidence.
    ranges : (F, 2) the least and the greatest value of each feature in the training rows.
    """

    fitted: FittedPart
    ranges: Matrix


@dataclass(frozen=True, eq=False, repr=False)
class BundleContent:
    """The content of a bundle.

    Attributes
    ----------
    contents : its description.
    rules : signals, strategy, risk rule and broker.
    parts : by symbol, the fit that serves it; ``""`` for one that serves all; none for a rule.
    """

    contents: Contents
    rules: Rules
    parts: Mapping[str, Part]

    @cached_property
    def cut(self) -> pd.Timestamp:
        """The close of the last bar that was known at the fit."""
        return pd.Timestamp(self.contents.cut)


@dataclass(frozen=True, eq=False)
class SelfTest:
    """An input of a part and what it must answer, bit for bit.

    Attributes
    ----------
    inputs : by name, (R, ...) the columns of a panel.
    answers : by name, (K,) the predictions of the last K rows.
    """

    inputs: Mapping[str, npt.NDArray[Any]]
    answers: Mapping[str, Vector]


def self_test_of(panel: Panel, rules: Rules, part: FittedPart) -> SelfTest:
    """The self-test of a part on the last rows of one of the symbols that it was fitted on."""
    symbol = panel.symbol[-1]
    rows = np.flatnonzero(panel.symbol == symbol)[-SELF_TEST_ROWS:]
    inputs = {name: getattr(panel, name)[rows] for name in ("X", "unit", "last", "spread", "close")}
    return SelfTest(inputs, answered(inputs, panel.names, rules, part))


def answered(
    inputs: Mapping[str, npt.NDArray[Any]], names: tuple[str, ...], rules: Rules, part: FittedPart
) -> dict[str, Vector]:
    """The answers of a part to the inputs of a self-test."""
    count = len(inputs["X"])
    times = pd.date_range("2000-01-01", periods=count, tz="UTC")
    unknown = pd.DatetimeIndex([pd.NaT] * count, dtype=times.dtype)
    zeros = np.zeros(count, dtype=np.intp)
    panel = Panel(("symbol",), names, times, zeros, y=np.full(count, np.nan), known_at=unknown, **inputs)
    rows = np.arange(max(count - SELF_TEST_ANSWERS, 0), count)
    return columns_of(answer(rules.signals.training, window_of(panel), part, rows))


def self_test_of_rule(market: Market, model: RuleModel) -> SelfTest:
    """The self-test of a rule on the last bars of a symbol."""
    bars = market.bars[market.trade[0]]
    rows = slice(-(SELF_TEST_ROWS + model.warmup), None)
    inputs = {name: getattr(bars, name)[rows] for name in COLUMNS}
    return SelfTest(inputs, answered_by_rule(inputs, model))


def answered_by_rule(inputs: Mapping[str, npt.NDArray[Any]], model: RuleModel) -> dict[str, Vector]:
    """The answers of a rule to the bars of a self-test."""
    times = pd.date_range("2000-01-01", periods=len(inputs["close"]), tz="UTC").as_unit("ns")
    bars = Bars("symbol", times, *(inputs[name] for name in COLUMNS))
    return {"prediction": model.signal(bars)[-SELF_TEST_ANSWERS:]}


def columns_of(answers: Answers) -> dict[str, Vector]:
    """The columns of predictions by name."""
    return {name: getattr(answers, name) for name in ("prediction", "confidence", "p_up", "half_width")}


def last_rows(panel: Panel) -> dict[str, int]:
    """By symbol, the number of its last row in a panel; symbols without rows are missing."""
    stops = panel.symbol.searchsorted(range(len(panel.symbols)), side="right").tolist()
    blocks = zip(panel.symbols, pairwise([0, *stops]), strict=True)
    return {symbol: stop - 1 for symbol, (start, stop) in blocks if stop > start}


def part_of(parts: Mapping[str, Part], symbol: str) -> Part | None:
    """The fit that serves a symbol; None if it has none."""
    return parts.get(ALL) or parts.get(symbol)


def alone(panel: Panel, symbol: str) -> Panel:
    """The rows of one symbol, as its own model sees them."""
    if len(panel.symbols) == 1:
        return panel
    rows: Rows = np.flatnonzero(panel.symbol == panel.symbols.index(symbol))
    part = panel.take(rows)
    return replace(part, symbols=(symbol,), symbol=np.zeros(len(rows), dtype=np.intp))


def cut_of(market: Market, text: str, option: str = "--cut") -> pd.Timestamp:
    """The last bar that is known at a date (its session included) or an ISO time.

    Raises
    ------
    ConfigError
        The text is none, or no bar is that early.
    """
    times = market.times
    if not text:
        return times[-1]
    try:
        stamp = pd.Timestamp(text)
    except ValueError:
        raise ConfigError(f"{option} {text}: is no date or time; write 2024-06-28, or 2024-06-28T20:00Z") from None
    if stamp.tz is None and stamp == stamp.normalize():
        rows_until = np.flatnonzero(sessions(times, market.zone) <= stamp)
    else:
        rows_until = np.flatnonzero(times <= (stamp.tz_localize("UTC") if stamp.tz is None else stamp))
    if not len(rows_until):
        raise ConfigError(f"{option} {text}: the data begin at {times[0].isoformat()}")
    return pd.Timestamp(times[rows_until[-1]])
