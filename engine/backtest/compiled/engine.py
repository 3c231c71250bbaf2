"""One run by the compiled engine: the same tables as the backtrader engine's, to the last bit."""

import itertools
from typing import Any

import numpy as np

from core.errors import ConfigError, PluginError, WorkbenchError
from core.types import RunResult
from engine.backtest.compiled.kernel.log_writer import ORDERS_A_STEP
from engine.backtest.compiled.kernel.records import (
    BAD_SIDE,
    DONE,
    FILL,
    ORDER,
    OVERFLOW,
    POSITION,
    QUEUE_FULL,
    QUEUED,
    KernelFeatures,
    Log,
    MarketArrays,
    Workspace,
    wider,
)
from engine.backtest.engine_output import BacktestInput, result_of
from risk.costs import BrokerSpec
from strategies.base import Strategy

from .compilation import functions_of, is_cross, kernel, parameters, rule_of
from .log_reader import LogReader
from .market_arrays import grid_of, ground_of, parameters_of, policy_of, shape_of, windows_of
from .source_linker import place_of

ENGINE = "compiled"
ROOM = 1024


def run_task(task: BacktestInput, *, solvent: bool = True, like: KernelFeatures | None = None) -> RunResult:
    """Backtest; result and errors are those of :func:`engine.backtest.bt.engine.run`.

    Parameters
    ----------
    like : what other runs need of their kernel, so that one is made for all of them.

    Raises
    ------
    ConfigError
        Also for what this engine cannot do; the message names it.
    PluginError
        The rule failed, or gave something else than a side.
    """
    strategy, risk, broker = task.strategy, task.risk, task.broker
    refuse(strategy, broker)
    rule = rule_of(type(strategy))
    windows = windows_of(risk)
    grid = grid_of(task, windows)
    policies = policy_of(risk, broker, windows)
    shape = shape_of(policies, ground_of(grid), cross=is_cross(strategy), record=True)
    shape = wider(shape, like)._replace(record=True, foresight=shape.foresight) if like else shape
    p = parameters_of(strategy, parameters(rule))
    compiled = kernel(rule, shape.cross, shape)
    room = ROOM + ORDERS_A_STEP * len(task.bars)
    while True:
        space, log = space_of(grid), log_of(grid, room)
        try:
            ended = int(compiled(grid, policies[0], p[0], space, log))
        except Exception as error:
            raise told(error, task, space.where) from error
        if ended != DONE:
            raise failure(ended, task, space.where)
        if not log.counts[OVERFLOW]:
            break
        room *= 4
    state = space.state
    return result_of(LogReader(log, task).books(state["due"], state["due_since"]), task, ENGINE, solvent=solvent)


def refuse(strategy: Strategy, broker: BrokerSpec) -> None:
    """Refuse what this engine cannot do, before any time is spent on it.

    Raises
    ------
    ConfigError
        The message names the key, or what in the strategy's rule cannot be compiled and on which line.
    """
    parameters_of(strategy, parameters(rule_of(type(strategy))))
    refuse_broker(broker)


def refuse_broker(broker: BrokerSpec) -> None:
    """The broker's part of :func:`refuse`."""
    if broker.impact is not None:
        raise ConfigError(
            f"broker.impact: {{kind: {broker.impact.kind}}} is not supported by the compiled engine; "
            "remove it, or use engine: backtrader"
        )


def space_of(grid: MarketArrays) -> Workspace:
    """Where a kernel works on a grid."""
    count = grid.close.shape[1]
    return Workspace(
        state=np.zeros(count, dtype=POSITION),
        queue=np.zeros(4 * count + 4, dtype=QUEUED),
        clones=np.zeros((3, count)),
        picks=np.zeros((3, count), dtype=np.int64),
        seen=np.zeros((2, count)),
        sides=np.zeros(count, dtype=np.int64),
        tally=np.zeros(5),
        where=np.zeros(2, dtype=np.int64),
        worth=np.zeros(int(grid.day.max()) + 2),
        spare=np.zeros(int(grid.day.max()) + 1),
        rough=np.zeros(4),
        plan=np.zeros(6),
        until=np.zeros((3, 0), dtype=np.int32),
    )


def until_of(grid: MarketArrays) -> Any:
    """Room for what a kernel foresees; see :class:`~engine.backtest.compiled.kernel.records.Workspace`."""
    return np.zeros((3, len(grid.day) + 1), dtype=np.int32)


def log_of(grid: MarketArrays, room: int) -> Log:
    """An empty log with room for so many orders."""
    steps, count = grid.close.shape
    return Log(
        value=np.zeros(steps),
        cash=np.zeros(steps),
        units=np.zeros((steps, count)),
        orders=np.zeros(room, dtype=ORDER),
        fills=np.zeros(room, dtype=FILL),
        halts=np.zeros((steps, 4)),
        earned=np.zeros((steps, 2)),
        counts=np.zeros(5, dtype=np.int64),
    )


def no_log() -> Log:
    """A log for kernels that write none."""
    flat, square, counts = np.zeros(1), np.zeros((1, 1)), np.zeros(5, dtype=np.int64)
    return Log(flat, flat, square, np.zeros(1, dtype=ORDER), np.zeros(1, dtype=FILL), square, square, counts)


def told(error: Exception, task: BacktestInput, where: Any) -> PluginError:
    """What a kernel raised: a rule may raise anything, and the compiler at what it cannot do."""
    if type(error).__module__.startswith("numba."):
        return _beyond(task, str(error))
    return _wrong_rule(task, where, f"{type(error).__name__}: {error}")


def _beyond(task: BacktestInput, text: str) -> PluginError:
    """What the compiler says of a rule: its first line, and the line of source that it shows."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    shown = next((line for line, below in itertools.pairwise(lines) if set(below) == {"^"}), "")
    place = place_of(functions_of(rule_of(type(task.strategy))), shown)
    what = next((line for line in lines if not line.startswith(("Failed in", "During", "File"))), text)
    return PluginError(f"{place}: the rule cannot be compiled: {what} ({shown}); engine: backtrader runs it")


def _wrong_rule(task: BacktestInput, where: Any, what: str) -> PluginError:
    bar = task.timeline.ticks[int(where[0])]
    symbol = tuple(task.bars)[int(where[1])]
    kind = getattr(task.strategy, "kind", type(task.strategy).__name__)
    return PluginError(f"strategy {kind}: its rule failed on {symbol} at the bar of {bar:%F %T}: {what}; mend the rule")


def failure(ended: int, task: BacktestInput, where: Any) -> WorkbenchError:
    """Why a kernel could not go on; ``where`` is of :class:`~engine.backtest.compiled.kernel.records.Workspace`."""
    if ended == BAD_SIDE:
        return _wrong_rule(task, where, "it gave something that is no side: 1 (long), -1 (short) or 0 (flat)")
    step = task.timeline.ticks[int(where[0])]
    what = "more orders waited than it has room for" if ended == QUEUE_FULL else f"its kernel ended with code {ended}"
    return ConfigError(f"the compiled engine stopped at {step:%F %T}: {what}; report this, and use engine: backtrader")
