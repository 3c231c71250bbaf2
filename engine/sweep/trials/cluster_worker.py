"""Functions that run on a cluster's workers: they train the signals of a group, and run a chunk of its trials.

Each function first compares its environment with the sender's, because other code or libraries could give other
results without an error. The data are unpickled only after that.
"""

import os
import pickle
import platform
import threading
from collections.abc import Hashable, Mapping
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

CACHE_SIZE = 4
"""Groups whose signals, arrays and kernel a worker keeps in memory."""
REMEDY = "install the same code and constraints.txt there, or take it out of the cluster"


class WorkerDiffersError(WorkbenchError):
    """A worker has other code or other libraries than this process."""

    def __reduce__(self) -> Any:
        return type(self), self.args


@dataclass(frozen=True, eq=False)
class SweepContext:
    """Data that all chunks of a sweep share: sent to the cluster once, and cached by each worker.

    Attributes
    ----------
    market, outputs, axes : of the sweep.
    config : its config, for trials on backtrader.
    """

    market: Market
    outputs: TrialOutputs
    axes: tuple[Dimension, ...]
    config: RunConfig


@dataclass(frozen=True, eq=False)
class GroupSignals:
    """Data that all chunks of a group share: its config, and its signals or the reason why there are none."""

    config: RunConfig
    signals: Signals | str


@dataclass(frozen=True)
class ChunkHeader:
    """The small part of a chunk's task.

    Attributes
    ----------
    environment : the sender's.
    sweep_key : identifies the sweep, its data and its code.
    group : the number of the chunk's group.
    on_backtrader : True if its trials run on backtrader.
    """

    environment: Mapping[str, str]
    sweep_key: str
    group: int
    on_backtrader: bool

    @property
    def group_key(self) -> tuple[str, int]:
        """The key of the group among the groups of all sweeps."""
        return self.sweep_key, self.group


@cache
def environment() -> Mapping[str, str]:
    """Everything that determines results in this process: code, Python, processor type, threads, libraries."""
    return {
        "code": manifest.code_digest(),
        "python": platform.python_version(),
        "processor": platform.machine(),
        "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", "missing"),
        **manifest.versions(),
    }


def require_same(here: Mapping[str, str], there: Mapping[str, str], who: str) -> None:
    """Refuse a process whose results might differ.

    Parameters
    ----------
    here, there : the environments of the sender and of ``who``.

    Raises
    ------
    WorkerDiffersError
        The code or a library differs; the message names all differences.
    """
    differences = [
        f"{name} {_short(there.get(name))}, here {_short(here[name])}" for name in here if here[name] != there.get(name)
    ]
    if differences:
        raise WorkerDiffersError(f"{who} differs from this machine ({'; '.join(differences)}); {REMEDY}")


def _short(value: str | None) -> str:
    return "missing" if value is None else value[:12]


@dataclass
class WorkerCache:
    """Data that a worker keeps from one chunk to the next; the lock admits one task at a time."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    unpickled: dict[Hashable, Any] = field(default_factory=dict)
    compiled_trials: dict[Hashable, CompiledTrials] = field(default_factory=dict)

    def open(self, key: Hashable, packed: bytes) -> Any:
        """Pickled data, unpickled once."""
        if key not in self.unpickled:
            _make_room(self.unpickled)
            self.unpickled[key] = pickle.loads(packed)  # noqa: S301 - the sender may run any code here anyway
        return self.unpickled[key]

    def trials_of(self, context: SweepContext, group: GroupSignals, signals: Signals, key: Hashable) -> CompiledTrials:
        """The compiled trials of a group, built once for all of its chunks on this worker."""
        if key not in self.compiled_trials:
            _make_room(self.compiled_trials)
            config = group.config
            task = BacktestInput.from_config(context.market, signals.frame, config)
            self.compiled_trials[key] = CompiledTrials(task, context.outputs, context.axes, threads=1)
        return self.compiled_trials[key]


def _make_room(entries: dict[Hashable, Any]) -> None:
    """Remove the oldest entries of a full cache."""
    while len(entries) >= CACHE_SIZE:
        entries.pop(next(iter(entries)))


_cache = WorkerCache()


def train(packed_context: bytes, packed_config: bytes, header: ChunkHeader, who: str) -> bytes:
    """A group's signals, or the reason why there are none, as a pickled :class:`GroupSignals`."""
    require_same(header.environment, environment(), who)
    one_thread()
    with _cache.lock:
        config: RunConfig = pickle.loads(packed_config)  # noqa: S301 - as above
        try:
            signals: Signals | str = generate(_context(packed_context, header).market, config.signals)
        except (ModelError, DataError, ConfigError) as error:
            signals = error.line
    return pickle.dumps(GroupSignals(config, signals), protocol=5)


def run_chunk(
    packed_context: bytes, packed_group: bytes, header: ChunkHeader, packed_points: bytes, who: str
) -> Scores | str:
    """The scores of a chunk of trials, or the reason why there are none."""
    require_same(header.environment, environment(), who)
    with _cache.lock:
        group: GroupSignals = _cache.open(header.group_key, packed_group)
        if isinstance(group.signals, str):
            return group.signals
        numbers, columns = pickle.loads(packed_points)  # noqa: S301 - as above
        context = _context(packed_context, header)
        if header.on_backtrader:
            return _backtrader_scores(context, group.signals, numbers, columns)
        try:
            return _cache.trials_of(context, group, group.signals, header.group_key).scores(numbers, columns)
        except (ModelError, DataError, ConfigError) as error:
            return error.line


def _context(packed: bytes, header: ChunkHeader) -> SweepContext:
    context: SweepContext = _cache.open(header.sweep_key, packed)
    return context


def _backtrader_scores(context: SweepContext, signals: Signals, numbers: Rows, columns: Columns) -> Scores | str:
    """The scores of one trial on backtrader; an error of its strategy is reported as on one machine."""
    outputs = context.outputs
    try:
        config = trial_config(context.config, {path: values[0] for path, values in columns.items()})
    except ConfigError as error:
        return unmeasured_scores(numbers, INVALID, [error.line], outputs.names, outputs.shape)
    try:
        return run_trial(int(numbers[0]), config, context.market, signals.frame, outputs)
    except Exception as error:
        return f"{type(error).__name__}: {error}"
