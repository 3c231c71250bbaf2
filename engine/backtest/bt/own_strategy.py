"""Strategy classes of users' own in the backtrader engine: their feeds, their sizes, and their errors."""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any

import backtrader as bt
import pandas as pd

from core.errors import ConfigError, WorkbenchError
from core.types import Matrix
from engine.backtest.engine_output import BacktestInput
from engine.backtest.rule_features import rule_features
from risk.bt_adapter import RiskRuleSizer
from strategies._backtrader.own_class import failed, own_class
from strategies._own_class import OwnClass

from .feed import SignalFeed


def feature_lines(task: BacktestInput) -> dict[str, str]:
    """By column of the config's features, the name of its line: letters, digits and ``_``.

    Raises
    ------
    ConfigError
        Two lines of one name, or one that a feed has already.
    """
    lines: dict[str, str] = {}
    feed_lines: Any = SignalFeed.lines
    taken = [*feed_lines._getlines()]
    for column in (name for feature in task.features for name in feature.names):
        line = re.sub(r"\W", "_", column, flags=re.ASCII)
        if line in taken:
            raise ConfigError(f"features: {column} would be the line {line!r}, which a feed has already; leave one out")
        taken.append(line)
        lines[column] = line
    return lines


def add_feeds(cerebro: bt.Cerebro, task: BacktestInput, frames: Mapping[str, pd.DataFrame]) -> None:
    """Add a feed for each symbol, with the features as lines."""
    lines = feature_lines(task)
    values = rule_features(task.market, task.bars, tuple(lines), task.features)
    feed = _feed_class(tuple(lines.values()))
    for symbol, frame in frames.items():
        cerebro.adddata(feed(dataname=_with(frame, lines, values[symbol]), name=symbol))


def _with(frame: pd.DataFrame, lines: Mapping[str, str], values: Matrix) -> pd.DataFrame:
    return frame.assign(**dict(zip(lines.values(), values.T, strict=True)))


@cache
def _feed_class(lines: Sequence[str]) -> type[Any]:
    metaclass: Any = type(SignalFeed)
    feed: type[Any] = metaclass("FeatureFeed", (SignalFeed,), {"lines": tuple(lines), "features": tuple(lines)})
    return feed


def confidence_of(strategy: Any, data: Any) -> float:  # noqa: ARG001 (the sizer's signature)
    """The confidence of a feed's bar, by which the sizer sizes."""
    return float(data.confidence[0])


def add_class(cerebro: bt.Cerebro, task: BacktestInput, strategy: OwnClass) -> None:
    """Add the class, and the sizer that sizes its orders by the confidence of the bar."""
    risk = task.risk
    cerebro.addsizer(RiskRuleSizer, base=risk.base, cap=risk.cap, lot=task.broker.lot, confidence=confidence_of)
    cerebro.addstrategy(own_class(strategy), **strategy.parameters)


@contextmanager
def one_line(strategy: OwnClass) -> Iterator[None]:
    """Turn what the class raises into one line with its file and line.

    Raises
    ------
    PluginError
        The class raised something.
    """
    try:
        yield
    except WorkbenchError:
        raise
    except Exception as error:
        raise failed(strategy, error) from error
