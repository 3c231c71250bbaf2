"""A recorded Cerebro run, and the result that is built of it."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from core.errors import ConfigError
from core.types import Market, Matrix, RunResult, SignalFrame
from engine.config.recorded_config import RecordedConfig

from .engine_output import EngineOutput, require_finite, tables
from .round_trips import Mark


@dataclass(frozen=True, eq=False)
class Recording:
    """A Cerebro run of any strategy, as it was recorded from outside; K steps, N feeds.

    Attributes
    ----------
    config : what ran.
    market : the feeds' bars as they were delivered; it trades the feeds that had orders.
    signals : the feeds' lines ``prediction`` and ``confidence``; fold -1 throughout where no feed has them.
    times : (K,) of the steps, UTC, increasing.
    output : account and orders; ``units`` has a column for each feed, in the order of ``market.bars``.
    exposed : (K, N) value of each position at each close, signed, account currency.
    multipliers : by symbol, the value of a unit at a price of 1, where it is not 1.
    notes : remarks on the run.
    plugins : the strategy's own source file: by its name, ``sha256`` and ``source``; none where Python cannot find it.
    """

    config: RecordedConfig
    market: Market
    signals: SignalFrame
    times: pd.DatetimeIndex
    output: EngineOutput
    exposed: Matrix
    multipliers: Mapping[str, float]
    notes: tuple[str, ...]
    plugins: Mapping[str, Mapping[str, str]]


def recorded_result(recording: Recording) -> RunResult:
    """The result of a recorded run.

    Raises
    ------
    DataError
        The account's value is infinite or NaN at some close.
    ConfigError
        The account lost more than it had, so returns mean nothing from there on.
    """
    output = recording.output
    require_finite(recording.times, output.value)
    ruin = np.flatnonzero(output.value <= 0)
    if ruin.size:
        step = int(ruin[0])
        raise ConfigError(
            f"the account is worth {output.value[step]:.2f} at {recording.times[step]}: no return can be computed; "
            "trade smaller sizes"
        )
    symbols = list(recording.market.bars)
    units = pd.DataFrame(output.units, index=recording.times.rename("time"), columns=symbols, dtype=np.float64)
    marks = {
        symbol: Mark(bars.times, float(bars.close[-1]), output.due[symbol], recording.multipliers.get(symbol, 1.0))
        for symbol, bars in recording.market.bars.items()
        if len(bars)
    }
    return RunResult(
        engine="backtrader",
        config_id=recording.config.id,
        cash=recording.config.cash,
        zone=recording.market.zone,
        positions=units[list(recording.market.trade)],
        notes=recording.notes,
        shares=output.shares,
        multipliers=recording.multipliers,
        plugins={name: item["source"] for name, item in recording.plugins.items()},
        **tables(output, recording.times, recording.exposed, marks),
    )
