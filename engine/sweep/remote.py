"""What a worker of a cluster does: pure functions of a market, a spec or signals, and rows of points.

Each asks first whether it runs in the same code and libraries as whoever sent it: a worker that differs would give
other numbers without a word.
"""

import platform
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from core.errors import ConfigError, DataError, ModelError, WorkbenchError
from core.processes import one_thread
from core.types import Market, Rows
from engine import manifest
from engine.books import Task
from engine.config import RunConfig
from signals.generate import generate
from signals.result import Signals

from .dimensions import Columns, Dimension
from .policies import Policies, Wants
from .scores import Scores
from .slow import trial
from .space import trial_config

LAID_OUT = 4
"""Groups that a worker keeps laid out: the market's arrays, the kernel, the specs that it has checked."""


class WorkerDiffersError(WorkbenchError):
    """A worker has other code or other libraries than this process."""

    def __reduce__(self) -> Any:
        return type(self), self.args


@dataclass(frozen=True)
class Job:
    """What all chunks of a group share: small, for it goes with every chunk.

    Attributes
    ----------
    key : of the group, unique in the sweep.
    here : what the sender's environment is.
    base : the sweep's config, for trials on backtrader.
    config : the group's config.
    slow : whether trials run on backtrader.
    """

    key: str
    here: Mapping[str, str]
    base: RunConfig
    config: RunConfig
    slow: bool


@dataclass(frozen=True, eq=False)
class Common:
    """What a sweep's chunks share, sent to each worker once."""

    market: Market
    wants: Wants
    axes: tuple[Dimension, ...]


@cache
def environment() -> Mapping[str, str]:
    """What decides numbers here: the project's code, Python, libraries."""
    return {"code": manifest.code_digest(), "python": platform.python_version(), **manifest.versions()}


def require_same(here: Mapping[str, str], who: str) -> None:
    """Refuse to work where numbers might come out otherwise.

    Raises
    ------
    WorkerDiffersError
        The code or a library is another one; both are named.
    """
    there = environment()
    if changed := [
        f"{name} {_short(there.get(name))}, here {_short(here[name])}" for name in here if here[name] != there.get(name)
    ]:
        raise WorkerDiffersError(
            f"worker {who} differs from this machine ({'; '.join(changed)}); install the same code and constraints.txt "
            "there, or take it out of the cluster"
        )


def _short(value: str | None) -> str:
    return "missing" if value is None else value[:12]


def train(common: Common, job: Job, who: str = "") -> Signals | str:
    """A group's signals, or why there are none."""
    require_same(job.here, who)
    one_thread()
    try:
        return generate(common.market, job.config.signals)
    except (ModelError, DataError, ConfigError) as error:
        return error.line


_laid_out: dict[str, Policies] = {}
_lock = threading.Lock()


def run_chunk(
    common: Common, signals: Signals | str, job: Job, numbers: Rows, columns: Columns, who: str = ""
) -> Scores | str:
    """The scores of some trials, or why there are none."""
    require_same(job.here, who)
    if isinstance(signals, str):
        return signals
    try:
        if job.slow:
            point = {path: values[0] for path, values in columns.items()}
            config = trial_config(job.base, point)
            return trial(int(numbers[0]), config, common.market, signals.frame, common.wants)
        return _policies(common, signals, job).scores(numbers, columns)
    except (ModelError, DataError, ConfigError) as error:
        return error.line


def _policies(common: Common, signals: Signals, job: Job) -> Policies:
    """The group laid out, once for all of its chunks that come to this worker."""
    with _lock:
        if job.key not in _laid_out:
            config = job.config
            task = Task.of(common.market, signals.frame, config.strategy, config.risk, config.broker, config.id)
            while len(_laid_out) >= LAID_OUT:
                _laid_out.pop(next(iter(_laid_out)))
            _laid_out[job.key] = Policies(task, common.wants, common.axes, threads=1)
        return _laid_out[job.key]
