"""One run by the compiled engine: the same tables as the backtrader engine's, to the last bit."""

import itertools
from typing import Any

import numpy as np

from core.errors import ConfigError, PluginError, WorkbenchError
from core.types import RunResult
from engine.backtest.compiled.codes import BAD_SIDE, DONE, OVERFLOW, QUEUE_FULL, STEP, SYMBOL
from engine.backtest.compiled.kernel.log_writer import ORDERS_A_STEP
from engine.backtest.compiled.kernel.records import (
    APPROX_ACCOUNT,
    CHECKED,
    FILL,
    HALT_ROW,
    INTEREST,
    ORDER,
    PLANNED_EXPOSURE,
    POSITION,
    QUEUED,
    SEEN,
    Log,
    MarketArrays,
    Workspace,
)
from engine.backtest.compiled.kernel_features import KernelFeatures, union
from engine.backtest.engine_output import BacktestInput, result_of
from risk.costs import BrokerSpec
from strategies._contract import form_of
from strategies._entry_filter import NO_FILTER
from strategies._own_class import OwnClass
from strategies.base import CrossSectional, Strategy

from .compilation import functions_of, kernel, parameters, rule_of
from .log_reader import LogReader
from .market_arrays import (
    allowed_steps,
    arrays_of,
    entry_windows,
    features_of,
    market_features,
    policy_of,
    require_numeric,
    rule_kernel_features,
    rule_parameters,
    windows_of,
)
from .source_linker import location_of
from .view_source import VIEWED, state_size

ENGINE = "compiled"
ROOM = 1024


def run_task(task: BacktestInput, *, solvent: bool = True, like: KernelFeatures | None = None) -> RunResult:
    """Backtest; result and errors are those of :func:`engine.backtest.bt.engine.run`.

    Parameters
    ----------
    like : features of the kernel of other runs, so that one is made for all of them.

    Raises
    ------
    ConfigError
        Also for settings that this engine does not support; the message names them.
    PluginError
        The rule failed, or gave something that is no side.
    """
    refuse(task.strategy, task.broker)
    windows = tuple(dict.fromkeys((*windows_of(task.risk), *entry_windows(task.strategy))))
    arrays = arrays_of(task, windows)
    policies = policy_of(task.risk, task.broker, windows)
    filters = [task.strategy.entry_filter]
    if filters != [NO_FILTER]:
        arrays = arrays._replace(may_enter=allowed_steps(task, [task.strategy]))
    rules = rule_parameters([task.strategy], parameters(rule_of(type(task.strategy))), filters, windows)
    market = {**market_features(arrays), **rule_kernel_features(task.strategy, rules)}
    cross = isinstance(task.strategy, CrossSectional)
    features = features_of(policies, market, cross=cross, record=True)
    if like:
        features = union(features, like)._replace(record=True, skipping=features.skipping)
    log, positions = _logged_run(task, arrays, policies[0], rules[0], features)
    output = LogReader(log, task).engine_output(positions["due"])
    return result_of(output, task, ENGINE, solvent=solvent)


def _logged_run(
    task: BacktestInput, arrays: MarketArrays, policy: Any, p: Any, features: KernelFeatures
) -> tuple[Log, Any]:
    """The log of a run, in as much room as it needs, and the positions at its end."""
    strategy = type(task.strategy)
    compiled = kernel(strategy, features)
    room = ROOM + ORDERS_A_STEP * len(task.bars)
    while True:
        workspace = new_workspace(arrays, strategy)
        log = new_log(arrays, room)
        try:
            ended = int(compiled(arrays, policy, p, workspace, log))
        except Exception as error:
            raise rule_error(error, task, workspace.failed_at) from error
        if ended != DONE:
            raise kernel_error(ended, task, workspace.failed_at)
        if not log.counts[OVERFLOW]:
            return log, workspace.positions
        room *= 4


def refuse(strategy: Strategy, broker: BrokerSpec) -> None:
    """Refuse a strategy or broker that this engine does not support, before any time is spent on it.

    Raises
    ------
    ConfigError
        The message names the key, or the construct in the strategy's rule that cannot be compiled and its line.
    """
    if isinstance(strategy, OwnClass):
        raise ConfigError(
            f"strategy.file: {strategy.kind} is a backtrader class, which the compiled engine cannot run; "
            "use engine: backtrader"
        )
    require_numeric([strategy], parameters(rule_of(type(strategy))))
    refuse_broker(broker)


def refuse_broker(broker: BrokerSpec) -> None:
    """The broker's part of :func:`refuse`."""
    if broker.impact is not None:
        raise ConfigError(
            f"broker.impact: {{kind: {broker.impact.kind}}} is not supported by the compiled engine; "
            "remove it, or use engine: backtrader"
        )


def new_workspace(arrays: MarketArrays, strategy: type[Strategy]) -> Workspace:
    """A workspace for a market; steps cannot be skipped by it before :func:`with_next_changes`."""
    count = arrays.close.shape[1]
    sessions = int(arrays.return_index.max()) + 1
    nothing = np.zeros(0, dtype=np.int32)
    seen, state = (count, state_size(strategy)) if form_of(strategy).takes_view else (1, 0)
    cross = count if issubclass(strategy, CrossSectional) else 0
    return Workspace(
        positions=_zeros(count, POSITION),
        orders=_zeros(4 * count + 4, QUEUED),
        waiting_entries=_zeros(count, QUEUED),
        checked=_zeros(count, CHECKED),
        planned_prices=np.zeros(count),
        planned_stops=np.zeros(count),
        hit_symbols=np.zeros(count, dtype=np.int64),
        planned_symbols=np.zeros(count, dtype=np.int64),
        changed_symbols=np.zeros(count, dtype=np.int64),
        rule_predictions=np.zeros(count),
        rule_confidences=np.zeros(count),
        rule_sides=np.zeros(count, dtype=np.int64),
        seen=_zeros(seen, SEEN),
        rule_state=np.zeros((state, count) if cross else (seen, state)),
        rule_view=np.zeros((len(VIEWED), cross)),
        rule_features=np.zeros((arrays.features.shape[2], cross)),
        rule_held=np.zeros(cross, dtype=np.int64),
        rule_waiting=np.zeros(cross, dtype=np.int64),
        counters=np.zeros(5),
        failed_at=np.zeros(2, dtype=np.int64),
        session_equity=np.zeros(sessions + 1),
        session_returns=np.zeros(sessions),
        approx_account=_zeros(1, APPROX_ACCOUNT),
        planned_exposure=_zeros(1, PLANNED_EXPOSURE),
        next_change_short=nothing,
        next_change_flat=nothing,
        next_change_long=nothing,
    )


def _zeros(count: int, layout: "np.dtype[np.void]") -> Any:
    """Records of a layout."""
    return np.zeros(count, dtype=layout)


def with_next_changes(workspace: Workspace, arrays: MarketArrays) -> Workspace:
    """The workspace with room for the steps at which the rule wants to leave a side."""
    short, flat, long = np.zeros((3, len(arrays.return_index) + 1), dtype=np.int32)
    return workspace._replace(next_change_short=short, next_change_flat=flat, next_change_long=long)


def new_log(arrays: MarketArrays, room: int) -> Log:
    """An empty log with room for so many orders, fills and charges of interest."""
    steps, count = arrays.close.shape
    return Log(
        value=np.zeros(steps),
        cash=np.zeros(steps),
        units=np.zeros((steps, count)),
        orders=_zeros(room, ORDER),
        fills=_zeros(room, FILL),
        halts=_zeros(steps, HALT_ROW),
        interest=_zeros(steps, INTEREST),
        charges=_zeros(room, INTEREST),
        counts=np.zeros(6, dtype=np.int64),
    )


def no_log() -> Log:
    """A log for kernels that write none."""
    return Log(
        value=np.zeros(1),
        cash=np.zeros(1),
        units=np.zeros((1, 1)),
        orders=_zeros(1, ORDER),
        fills=_zeros(1, FILL),
        halts=_zeros(1, HALT_ROW),
        interest=_zeros(1, INTEREST),
        charges=_zeros(1, INTEREST),
        counts=np.zeros(6, dtype=np.int64),
    )


def rule_error(error: Exception, task: BacktestInput, failed_at: Any) -> PluginError:
    """The error of a kernel that raised: a rule may raise anything, and the compiler at what it cannot do."""
    if type(error).__module__.startswith("numba."):
        return _compiler_error(task, str(error))
    return _wrong_rule(task, failed_at, f"{type(error).__name__}: {error}")


def _compiler_error(task: BacktestInput, text: str) -> PluginError:
    """The compiler's message on a rule: its first line, and the line of source that it shows."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    shown = next((line for line, below in itertools.pairwise(lines) if set(below) == {"^"}), "")
    location = location_of(functions_of(rule_of(type(task.strategy))), shown)
    what = next((line for line in lines if not line.startswith(("Failed in", "During", "File"))), text)
    return PluginError(f"{location}: the rule cannot be compiled: {what} ({shown}); engine: backtrader runs it")


def _wrong_rule(task: BacktestInput, failed_at: Any, what: str) -> PluginError:
    symbol = tuple(task.bars)[int(failed_at[SYMBOL])]
    bar = f"{task.timeline.close_at(int(failed_at[STEP]), symbol):%F %T} UTC"
    kind = getattr(task.strategy, "kind", type(task.strategy).__name__)
    return PluginError(f"strategy {kind}: its rule failed on {symbol} at the bar of {bar}: {what}; mend the rule")


def _no_answer(strategy: Strategy) -> str:
    """The fault of a rule's answer that is none."""
    if not form_of(type(strategy)).takes_view:
        return "it gave something that is no side: 1 (long), -1 (short) or 0 (flat)"
    reasons = max(len(strategy.reasons), 1)
    return f"it gave a target that is not from -1 to 1, or a reason that is not from 0 to {reasons - 1}"


def kernel_error(ended: int, task: BacktestInput, failed_at: Any) -> WorkbenchError:
    """The error of a kernel that could not go on.

    Parameters
    ----------
    ended : the end of the kernel, such as ``BAD_SIDE``.
    failed_at : of the :class:`~engine.backtest.compiled.kernel.records.Workspace`.
    """
    if ended == BAD_SIDE:
        return _wrong_rule(task, failed_at, _no_answer(task.strategy))
    step = task.timeline.ticks[int(failed_at[STEP])]
    what = "more orders waited than it has room for" if ended == QUEUE_FULL else f"its kernel ended with code {ended}"
    return ConfigError(f"the compiled engine stopped at {step:%F %T}: {what}; report this, and use engine: backtrader")
