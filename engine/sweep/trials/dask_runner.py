"""Trials on a Dask cluster: workers run pure functions of market, signals and points.

Market and signals are sent to each worker once; the task of a chunk contains only its points. This process writes the
scores to the sweep's journal, so that the loss of the cluster loses no finished chunk.
"""

import logging
import pickle
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import monotonic
from typing import Any

from core.errors import WorkbenchError
from engine.config.sweep_spec import ClusterSpec
from signals.signals_result import Signals

from .cluster_worker import ChunkHeader, GroupSignals, SweepContext, environment, run_chunk, train
from .dask_connection import ClusterError, connect, innermost_cause
from .plan import Group
from .runner import TrialChunk, TrialRunner, worker_count
from .trial_scores import FAILED, INVALID, Scores, unmeasured_scores

log = logging.getLogger(__name__)

CHUNKS_PER_WORKER = 4
"""Chunks a worker that are submitted at a time: enough that no worker waits, few enough that little memory is used."""
MAX_GROUPS = 64
"""Groups whose signals are in the cluster's memory; those of an older group are sent or trained again."""
COUNT_SECONDS = 1.0
"""Seconds after which the workers are counted again."""


@dataclass(eq=False)
class _ClusterGroup:
    """A group on the cluster: the future of its signals, and whether they are in this machine's store as well."""

    future: Any
    header: ChunkHeader
    is_stored: bool


@dataclass(eq=False)
class DaskRunner:
    """A connected cluster on which the trials of one sweep run.

    Attributes
    ----------
    client : Dask's.
    runner : the runner of this machine, whose store keeps the signals for the confirmation.
    address : the scheduler's, for messages.
    """

    client: Any
    runner: TrialRunner
    address: str
    _started: float = field(default_factory=monotonic)
    _trials: int = 0
    _groups: dict[int, _ClusterGroup] = field(default_factory=dict)
    _context_future: Any = None
    _worker_count: int = 0
    _counted_at: float = -COUNT_SECONDS

    def run(self, chunks: Iterable[TrialChunk]) -> Iterator[Scores]:
        """The scores of each chunk as it is finished, in any order."""
        from distributed import as_completed
        from distributed.client import FutureCancelledError
        from distributed.comm.core import CommClosedError

        try:
            yield from self._run(chunks, as_completed(loop=self.client.loop))
        except (CommClosedError, FutureCancelledError, OSError) as error:
            raise self._lost(error) from None

    def _run(self, chunks: Iterable[TrialChunk], finished: Any) -> Iterator[Scores]:
        waiting: dict[str, TrialChunk] = {}
        for chunk in chunks:
            if chunk.group.refusal:
                yield self._unmeasured(chunk, INVALID, chunk.group.refusal)
                continue
            future = self._submit(chunk)
            waiting[future.key] = chunk
            finished.add(future)
            while len(waiting) >= CHUNKS_PER_WORKER * max(self.workers, 1):
                yield self._next_scores(finished, waiting)
        while waiting:
            yield self._next_scores(finished, waiting)

    @property
    def workers(self) -> int:
        """The number of workers, at most a second old."""
        if monotonic() - self._counted_at >= COUNT_SECONDS:
            self._worker_count = len(self.client.nthreads())
            self._counted_at = monotonic()
        return self._worker_count

    def about(self) -> str:
        """The speed of each worker, for the progress bar."""
        speed = self._trials / max(monotonic() - self._started, 1e-9)
        return f"{speed / max(self._worker_count, 1):.3g}/s on each of {self._worker_count} workers"

    def _send(self, name: str, value: Any) -> Any:
        """A future of pickled data, sent to each worker once; the scheduler resends them to a worker that lost them."""
        packed = pickle.dumps(value, protocol=5)
        return self.client.submit(_same, packed, key=f"{name}-{self.runner.key}", pure=False)

    @property
    def context(self) -> Any:
        """The future of the data that all chunks share, sent with the first chunk."""
        if self._context_future is None:
            plan = self.runner.plan
            context = SweepContext(plan.market, self.runner.outputs, plan.axes, plan.config)
            self._context_future = self._send("common", context)
        return self._context_future

    def _submit(self, chunk: TrialChunk) -> Any:
        group = self._on_cluster(chunk.group)
        numbers = chunk.numbers
        points = pickle.dumps((numbers, chunk.columns), protocol=5)
        key = f"chunk-{self.runner.key}-{numbers[0]}-{len(numbers)}"
        arguments = (self.context, group.future, group.header, points)
        return self.client.submit(_on_worker, run_chunk, *arguments, key=key, retries=1, pure=False)

    def _on_cluster(self, group: Group) -> _ClusterGroup:
        """A group on the cluster: its signals are sent if they are stored here, otherwise trained there."""
        if group.number not in self._groups:
            while len(self._groups) >= MAX_GROUPS:
                self._groups.pop(next(iter(self._groups)))  # submitted chunks hold their future
            self._groups[group.number] = self._new_cluster_group(group)
        return self._groups[group.number]

    def _new_cluster_group(self, group: Group) -> _ClusterGroup:
        config = group.config
        assert config is not None  # noqa: S101 - refused groups are not run
        header = ChunkHeader(environment(), self.runner.key, group.number, bool(group.backtrader_reason))
        signals = self.runner.stored_signals(group)
        if signals is not None:
            future = self._send(f"signals-{group.number}", GroupSignals(config, signals))
            return _ClusterGroup(future, header, is_stored=True)
        arguments = (self.context, pickle.dumps(config, protocol=5), header)
        key = f"train-{self.runner.key}-{group.number}"
        future = self.client.submit(_on_worker, train, *arguments, key=key, retries=1, pure=False)
        return _ClusterGroup(future, header, is_stored=False)

    def _next_scores(self, finished: Any, waiting: dict[str, TrialChunk]) -> Scores:
        """The scores of the next chunk that is finished; a chunk without scores is failed."""
        future = next(finished)
        chunk = waiting.pop(future.key)
        result = _result_of(future, chunk)
        self._store_signals(chunk.group)
        self._trials += len(chunk.numbers)
        return self._unmeasured(chunk, FAILED, result) if isinstance(result, str) else result

    def _store_signals(self, group: Group) -> None:
        """Store signals that the cluster has trained, once."""
        on_cluster = self._groups.get(group.number)
        if on_cluster and not on_cluster.is_stored and on_cluster.future.status == "finished":
            trained: GroupSignals = pickle.loads(on_cluster.future.result())  # noqa: S301 - the cluster runs our code
            if isinstance(trained.signals, Signals):
                self.runner.store_signals(group, trained.signals)
            on_cluster.is_stored = True

    def _unmeasured(self, chunk: TrialChunk, status: str, reason: str) -> Scores:
        outputs = self.runner.outputs
        reasons = [reason] * len(chunk.numbers)
        return unmeasured_scores(chunk.numbers, status, reasons, outputs.names, outputs.shape)

    def _lost(self, error: object) -> ClusterError:
        message = " ".join(str(error).split())[:120] or type(error).__name__
        return ClusterError(
            f"sweep.cluster: the scheduler {self.address} is gone ({message}); what was finished is kept: the same "
            "command goes on from there"
        )


def _same(packed: bytes) -> bytes:
    """The identity: a task whose result is the data that were sent with it."""
    return packed


def _on_worker(function: Any, *arguments: Any) -> Any:
    """Call a function on a worker, with the worker's address as its last argument."""
    from distributed import get_worker

    return function(*arguments, f"worker {get_worker().address}")


def _result_of(future: Any, chunk: TrialChunk) -> Scores | str:
    """The result of a chunk. It is fetched once only, because its worker may die while it is fetched."""
    try:
        scores: Scores | str = future.result()
    except Exception as error:
        if future.status == "error":  # otherwise the connection is lost
            return _reason_of(error, chunk)
        raise
    return scores


def _reason_of(error: BaseException, chunk: TrialChunk) -> str:
    """The reason of a chunk that killed its workers. Any other error ends the sweep.

    Errors of the trials themselves are returned as texts. An exception comes from the cluster (a module that is
    missing, a full disk): stored as the result of trials, it would remain after the cluster is repaired.
    """
    from distributed.scheduler import KilledWorker

    if isinstance(error, KilledWorker):
        return "every worker that was given it died"
    if isinstance(error, WorkbenchError):
        raise error from None
    numbers = chunk.numbers
    raise ClusterError(
        f"sweep.cluster: trials {numbers[0]} to {numbers[-1]} failed on a worker ({innermost_cause(error)}); what was "
        "finished is kept: mend it, and the same command goes on from there"
    ) from None


@contextmanager
def connected(spec: ClusterSpec, runner: TrialRunner) -> Iterator[DaskRunner]:
    """A runner on a connected cluster; errors are those of :func:`~.dask_connection.connect`."""
    with connect(spec, worker_count(runner.plan)) as (client, address):
        cluster = DaskRunner(client, runner, address)
        if runner.plan.spec.timeout:
            log.warning("sweep.timeout ends nothing on a cluster: a fold or trial there takes as long as it takes")
        log.warning("cluster: %d workers at %s, dashboard %s", cluster.workers, address, client.dashboard_link)
        yield cluster
