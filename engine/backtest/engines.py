"""The choice of the engine for a config, and the comparison of two engines."""

from collections.abc import Callable, Iterator
from typing import Literal, TypeAlias

import pandas as pd

from core.errors import WorkbenchError
from core.types import Market, RunResult, SignalFrame
from engine.config.run_config import RunConfig

from .engine_output import BacktestInput

Engine: TypeAlias = Literal["backtrader", "compiled", "both"]

TIMES = {
    "equity": "time",
    "fills": "time",
    "orders": "created_at",
    "trades": "entered_at",
    "costs": "time",
    "stops": "entered_at",
    "positions": "time",
}
"""The tables that are compared, and the column with the time of a row."""


class EnginesDifferError(WorkbenchError):
    """Two engines gave different results for one config: one of them is wrong."""

    exit_code = 1


def require_supported(config: RunConfig) -> None:
    """Refuse a config that its engine cannot run, before any time is spent on it.

    Raises
    ------
    ConfigError
        The message names the key that is not supported.
    """
    if config.engine != "backtrader":
        from engine.backtest.compiled import refuse

        refuse(config.strategy, config.broker)


def backtest(config: RunConfig, market: Market, signals: SignalFrame, *, solvent: bool = True) -> RunResult:
    """Backtest signals by the config's engine; by ``both``, the result of backtrader once the other gave the same.

    Raises
    ------
    DataError, ConfigError
        As :func:`engine.backtest.bt.engine.run`.
    EnginesDifferError
        The engines differ; the first difference is named: bar, symbol, field.
    """
    task = BacktestInput.from_config(market, signals, config)
    results = [_runner(name)(task, solvent=solvent) for name in _named(config.engine)]
    if len(results) > 1:
        difference = first_difference(*results)
        if difference:
            raise EnginesDifferError(f"{config.name}: the engines differ: {difference}; please report this config")
    return results[0]


def _named(engine: Engine) -> tuple[str, ...]:
    return ("backtrader", "compiled") if engine == "both" else (engine,)


def _runner(name: str) -> Callable[..., RunResult]:
    if name == "compiled":
        from . import compiled

        return compiled.run_task
    from engine.backtest.bt import engine as bt_engine

    return bt_engine.run_task


def first_difference(one: RunResult, other: RunResult) -> str:
    """The first difference in time of two results, in one line; empty if every table is equal bit for bit."""
    differences: list[tuple[pd.Timestamp, str]] = []
    for name, time in TIMES.items():
        differences += _differences(name, time, one, other)
    if differences:
        return min(differences)[1]
    return "" if one.notes == other.notes else f"notes: {one.notes} against {other.notes}"


def _differences(name: str, time: str, one: RunResult, other: RunResult) -> Iterator[tuple[pd.Timestamp, str]]:
    """The first difference of a table: its time, and its text."""
    left, right = (_plain(getattr(result, name)) for result in (one, other))
    rows = min(len(left), len(right))
    same = (left[:rows] == right[:rows]) | (left[:rows].isna() & right[:rows].isna())
    wrong = ~same.all(axis=1).to_numpy()
    if wrong.any():
        row = int(wrong.argmax())
        column = str(same.columns[~same.iloc[row].to_numpy()][0])
        symbol = f" of {left['symbol'].iloc[row]}" if "symbol" in left else ""
        at = left[time].iloc[row]
        values = f"{one.engine} {left[column].tolist()[row]!r}, {other.engine} {right[column].tolist()[row]!r}"
        yield at, f"bar of {at}{symbol}, {name}.{column}, row {row}: {values}"
    elif len(left) != len(right):
        longer = left if len(left) > rows else right
        at = longer[time].iloc[rows]
        yield at, f"bar of {at}, {name}: {one.engine} has {len(left)} rows, {other.engine} {len(right)}"


def _plain(table: pd.DataFrame) -> pd.DataFrame:
    """A table with its times as a column, as all but the positions have them."""
    return table.reset_index() if table.index.name == "time" else table
