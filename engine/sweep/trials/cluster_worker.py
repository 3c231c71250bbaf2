"""What a worker of a cluster does: pure functions of a market, a spec or signals, and rows of points.

Each asks first whether it runs in the same code and libraries as whoever sent it: a worker that differs would give
other numbers without a word. What it is sent is opened only after that.
"""

import os
import pickle
import platform
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from core.errors import ConfigError, DataError, ModelError, WorkbenchError
from core.processes import one_thread
from core.types import Market, Rows
from engine.backtest.engine_output import BacktestInput
from engine.config.run_config import RunConfig
from engine.run_folder import manifest
from engine.sweep.space.dimensions import Columns, Dimension
from engine.sweep.space.space_check import trial_config
from signals.generate import generate
from signals.signals_result import Signals

from .backtrader_trials import run_trial
from .compiled_trials import CompiledTrials, TrialOutputs
from .trial_scores import INVALID, Scores, unmeasured_scores

LAID_OUT = 4
"""Groups that a worker keeps laid out: the market's arrays, the kernel, the specs that it has checked."""
REMEDY = "install the same code and constraints.txt there, or take it out of the cluster"


class WorkerDiffersError(WorkbenchError):
    """A worker has other code or other libraries than this process."""

    def __reduce__(self) -> Any:
        return type(self), self.args


@dataclass(frozen=True, eq=False)
class SweepContext:
    """What a sweep's chunks share: sent to the cluster once, and kept by each worker.

    Attributes
    ----------
    market, wants, axes : of the sweep.
    base : its config, for trials on backtrader.
    """

    market: Market
    wants: TrialOutputs
    axes: tuple[Dimension, ...]
    base: RunConfig


@dataclass(frozen=True, eq=False)
class GroupSignals:
    """What a group's chunks share: its config and its signals, or why there are none."""

    config: RunConfig
    signals: Signals | str


@dataclass(frozen=True)
class ChunkOrder:
    """What goes with every chunk, and small for that.

    Attributes
    ----------
    here : the sender's environment.
    key : of the group, unique in the sweep.
    slow : whether its trials run on backtrader.
    """

    here: Mapping[str, str]
    key: str
    slow: bool


@cache
def environment() -> Mapping[str, str]:
    """What decides numbers here: the project's code, Python, the processor's kind, threads, libraries."""
    return {
        "code": manifest.code_digest(),
        "python": platform.python_version(),
        "processor": platform.machine(),
        "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", "missing"),
        **manifest.versions(),
    }


def require_same(here: Mapping[str, str], there: Mapping[str, str], who: str) -> None:
    """Refuse to work where numbers might come out otherwise.

    Parameters
    ----------
    here, there : the environments of the sender and of ``who``.

    Raises
    ------
    WorkerDiffersError
        The code or a library is another one; all that differ are named.
    """
    changed = [
        f"{name} {_short(there.get(name))}, here {_short(here[name])}" for name in here if here[name] != there.get(name)
    ]
    if changed:
        raise WorkerDiffersError(f"{who} differs from this machine ({'; '.join(changed)}); {REMEDY}")


def _short(value: str | None) -> str:
    return "missing" if value is None else value[:12]


@dataclass
class WorkerCache:
    """What a worker keeps from one chunk to the next; one task at a time has it, however many threads there are."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    opened: dict[str, Any] = field(default_factory=dict)
    laid_out: dict[str, CompiledTrials] = field(default_factory=dict)

    def open(self, key: str, packed: bytes) -> Any:
        """What was packed, unpacked once."""
        if key not in self.opened:
            _make_room(self.opened)
            self.opened[key] = pickle.loads(packed)  # noqa: S301 - of whoever may run any code here
        return self.opened[key]

    def policies(self, common: SweepContext, taught: GroupSignals, signals: Signals, key: str) -> CompiledTrials:
        """The group laid out, once for all of its chunks that come to this worker."""
        if key not in self.laid_out:
            _make_room(self.laid_out)
            config = taught.config
            task = BacktestInput.of(
                common.market, signals.frame, config.strategy, config.risk, config.broker, config.id
            )
            self.laid_out[key] = CompiledTrials(task, common.wants, common.axes, threads=1)
        return self.laid_out[key]


def _make_room(kept: dict[str, Any]) -> None:
    while len(kept) >= LAID_OUT:
        kept.pop(next(iter(kept)))


_kept = WorkerCache()


def train(common: bytes, config: bytes, order: ChunkOrder, who: str) -> bytes:
    """A group's signals, or why there are none, packed."""
    require_same(order.here, environment(), who)
    one_thread()
    with _kept.lock:
        own: RunConfig = pickle.loads(config)  # noqa: S301 - as above
        try:
            found: Signals | str = generate(_common(common, order).market, own.signals)
        except (ModelError, DataError, ConfigError) as error:
            found = error.line
    return pickle.dumps(GroupSignals(own, found), protocol=5)


def run_chunk(common: bytes, taught: bytes, order: ChunkOrder, points: bytes, who: str) -> Scores | str:
    """The scores of some trials, or why there are none."""
    require_same(order.here, environment(), who)
    with _kept.lock:
        group: GroupSignals = _kept.open(order.key, taught)
        if isinstance(group.signals, str):
            return group.signals
        numbers, columns = pickle.loads(points)  # noqa: S301 - as above
        shared = _common(common, order)
        if order.slow:
            return _slow(shared, group.signals, numbers, columns)
        try:
            return _kept.policies(shared, group, group.signals, order.key).scores(numbers, columns)
        except (ModelError, DataError, ConfigError) as error:
            return error.line


def _common(packed: bytes, order: ChunkOrder) -> SweepContext:
    found: SweepContext = _kept.open(order.key.partition("-")[0], packed)
    return found


def _slow(common: SweepContext, signals: Signals, numbers: Rows, columns: Columns) -> Scores | str:
    """A trial on backtrader; what a strategy of anyone's raises is told as on one machine."""
    wants = common.wants
    try:
        config = trial_config(common.base, {path: values[0] for path, values in columns.items()})
    except ConfigError as error:
        return unmeasured_scores(numbers, INVALID, [error.line], wants.names, wants.shape)
    try:
        return run_trial(int(numbers[0]), config, common.market, signals.frame, wants)
    except Exception as error:
        return f"{type(error).__name__}: {error}"
