"""Trials on a Dask cluster: the same pure functions of market, signals and points, wherever they run.

Market and signals go to each worker once; a chunk carries its points alone. Whatever a worker gives is kept by this
process, in the sweep's journal: the cluster may vanish at any moment.
"""

import logging
import os
import pickle
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from time import monotonic
from typing import Any

from core.errors import WorkbenchError
from core.processes import ONE_THREAD, without_main
from engine.config.sweep_spec import ClusterSpec
from signals.signals_result import Signals

from .cluster_worker import REMEDY, ChunkOrder, GroupSignals, SweepContext, environment, require_same, run_chunk, train
from .plan import Group
from .runner import TrialChunk, TrialRunner, worker_count
from .trial_scores import FAILED, INVALID, Scores, unmeasured_scores

log = logging.getLogger(__name__)

AHEAD = 4
"""Chunks a worker that are on their way: enough that none waits, few enough that little is lost or held."""
GROUPS = 64
"""Groups whose signals the cluster holds; they are sent or trained again should an older one come back."""
LOOK = 1.0
"""Seconds after which the workers are counted again."""
MISSING = "sweep.cluster needs Dask: pip install 'backtrader-ml[cluster]'"


LARGE = "distributed.admin.large-graph-warning-threshold"


class ClusterError(WorkbenchError):
    """The cluster cannot be used, or was lost; what was finished is kept."""


@dataclass(eq=False)
class _Sent:
    """A group on the cluster: its future, and whether its signals are kept here."""

    future: Any
    order: ChunkOrder
    known: bool


@dataclass(eq=False)
class DaskRunner:
    """A connected cluster on which the trials of one sweep run.

    Attributes
    ----------
    client : Dask's.
    shop : the workshop of this machine, which keeps the signals for the confirmation.
    where : its address, for messages.
    """

    client: Any
    shop: TrialRunner
    where: str
    _begun: float = field(default_factory=monotonic)
    _trials: int = 0
    _groups: dict[int, _Sent] = field(default_factory=dict)
    _common: Any = None
    _counted: tuple[float, int] = (-LOOK, 0)

    def run(self, works: Iterable[TrialChunk]) -> Iterator[Scores]:
        """The scores of each work as it is finished, in whatever order."""
        from distributed import as_completed
        from distributed.client import FutureCancelledError
        from distributed.comm.core import CommClosedError

        try:
            yield from self._run(works, as_completed(loop=self.client.loop))
        except (CommClosedError, FutureCancelledError, OSError) as error:
            raise self._lost(error) from None

    def _run(self, works: Iterable[TrialChunk], finished: Any) -> Iterator[Scores]:
        waiting: dict[str, TrialChunk] = {}
        for work in works:
            if work[0].refusal:
                yield self._without(work, INVALID, work[0].refusal)
                continue
            future = self._submitted(work)
            waiting[future.key] = work
            finished.add(future)
            while len(waiting) >= AHEAD * max(self.workers, 1):
                yield self._next(finished, waiting)
        while waiting:
            yield self._next(finished, waiting)

    @property
    def workers(self) -> int:
        """How many there are, or were a second ago."""
        if monotonic() - self._counted[0] >= LOOK:
            self._counted = (monotonic(), len(self.client.nthreads()))
        return self._counted[1]

    def about(self) -> str:
        """How fast each worker is, for the progress bar."""
        count = self._counted[1]
        pace = self._trials / max(monotonic() - self._begun, 1e-9)
        return f"{pace / max(count, 1):.3g}/s on each of {count} workers"

    def _given(self, name: str, value: Any) -> Any:
        """A future of packed data: the scheduler can give it again to whoever lost it, each worker has it once."""
        packed = pickle.dumps(value, protocol=5)
        return self.client.submit(_same, packed, key=f"{name}-{self.shop.key}", pure=False)

    @property
    def common(self) -> Any:
        """What all chunks share, sent when it is wanted first."""
        if self._common is None:
            plan = self.shop.plan
            self._common = self._given("common", SweepContext(plan.market, self.shop.wants, plan.axes, plan.config))
        return self._common

    def _submitted(self, work: TrialChunk) -> Any:
        group, numbers, columns = work
        sent, points = self._sent(group), pickle.dumps((numbers, columns), protocol=5)
        key = f"chunk-{self.shop.key}-{numbers[0]}-{len(numbers)}"
        arguments = (self.common, sent.future, sent.order, points)
        return self.client.submit(_on_worker, run_chunk, *arguments, key=key, retries=1, pure=False)

    def _sent(self, group: Group) -> _Sent:
        """A group on the cluster: its signals sent if they are kept here, else trained there."""
        if group.number not in self._groups:
            while len(self._groups) >= GROUPS:
                self._groups.pop(next(iter(self._groups)))  # chunks on their way hold theirs
            self._groups[group.number] = self._taught(group)
        return self._groups[group.number]

    def _taught(self, group: Group) -> _Sent:
        config = group.config
        assert config is not None  # noqa: S101 - refused groups are not run
        order = ChunkOrder(environment(), f"{self.shop.key}-{group.number}", bool(group.slow))
        kept = self.shop.kept(group)
        if kept is not None:
            return _Sent(self._given(f"signals-{group.number}", GroupSignals(config, kept)), order, True)
        arguments = (self.common, pickle.dumps(config, protocol=5), order)
        key = f"train-{order.key}"
        return _Sent(self.client.submit(_on_worker, train, *arguments, key=key, retries=1, pure=False), order, False)

    def _next(self, finished: Any, waiting: dict[str, TrialChunk]) -> Scores:
        """The scores of the next chunk that is finished, or why it has none."""
        future = next(finished)
        work = waiting.pop(future.key)
        found = _found(future, work)
        self._keep(work[0])
        self._trials += len(work[1])
        return self._without(work, FAILED, found) if isinstance(found, str) else found

    def _keep(self, group: Group) -> None:
        """Bring signals that the cluster has trained home, once."""
        sent = self._groups.get(group.number)
        if sent and not sent.known and sent.future.status == "finished":
            taught: GroupSignals = pickle.loads(sent.future.result())  # noqa: S301 - of a cluster that runs our code
            if isinstance(taught.signals, Signals):
                self.shop.keep(group, taught.signals)
            sent.known = True

    def _without(self, work: TrialChunk, status: str, reason: str) -> Scores:
        numbers, wants = work[1], self.shop.wants
        return unmeasured_scores(numbers, status, [reason] * len(numbers), wants.names, wants.shape)

    def _lost(self, error: object) -> ClusterError:
        told = " ".join(str(error).split())[:120] or type(error).__name__
        return ClusterError(
            f"sweep.cluster: the scheduler {self.where} is gone ({told}); what was finished is kept: the same command "
            "goes on from there"
        )


def _same(packed: bytes) -> bytes:
    """What was sent, as it was sent."""
    return packed


def _on_worker(do: Any, *arguments: Any) -> Any:
    """Do something on a worker, which says who it is."""
    from distributed import get_worker

    return do(*arguments, f"worker {get_worker().address}")


def _found(future: Any, work: TrialChunk) -> Scores | str:
    """What a chunk's worker found; it is asked for once, for the worker may die while it gives it."""
    try:
        scores: Scores | str = future.result()
    except Exception as error:
        if future.status == "error":  # else it is of the connection
            return _reason_of(error, work)
        raise
    return scores


def _reason_of(error: BaseException, work: TrialChunk) -> str:
    """Why a chunk has no scores: it ended its workers. Whatever else a worker says ends the sweep.

    What the trials themselves raise comes as a text; the rest is of the cluster: a module that is missing, a full
    disk. Kept as a result it would stay one.
    """
    from distributed.scheduler import KilledWorker

    if isinstance(error, KilledWorker):
        return "every worker that was given it died"
    if isinstance(error, WorkbenchError):
        raise error from None
    numbers = work[1]
    raise ClusterError(
        f"sweep.cluster: trials {numbers[0]} to {numbers[-1]} failed on a worker ({_reason(error)}); what was finished "
        "is kept: mend it, and the same command goes on from there"
    ) from None


@contextmanager
def connected(spec: ClusterSpec, shop: TrialRunner) -> Iterator[DaskRunner]:
    """A cluster that can be used: reached, with workers whose environment is this one's.

    Raises
    ------
    ClusterError
        Dask is missing, the scheduler cannot be reached, has no workers, or refuses the certificate.
    WorkerDiffersError
        A worker has other code or libraries.
    """
    try:
        import distributed  # noqa: F401 - whether it is there
    except ImportError:
        raise ClusterError(MISSING) from None
    with _quiet(), _client(spec, worker_count(shop.plan)) as (client, where):
        cluster = DaskRunner(client, shop, where)
        _require_workers(cluster, spec)
        if shop.plan.spec.timeout:
            log.warning("sweep.timeout ends nothing on a cluster: a fold or trial there takes as long as it takes")
        log.warning("cluster: %d workers at %s, dashboard %s", cluster.workers, where, client.dashboard_link)
        yield cluster


@contextmanager
def _quiet() -> Iterator[None]:
    """Dask tells of every lost connection; what matters of it is told by us."""
    import dask

    names = [name for name in logging.root.manager.loggerDict if name.partition(".")[0] == "distributed"]
    before = {name: logging.getLogger(name).level for name in ("distributed", *names)}
    for name in before:
        logging.getLogger(name).setLevel(logging.CRITICAL)
    try:
        with dask.config.set({"distributed.comm.retry.count": 1, LARGE: "1GB"}):
            yield
    finally:
        for name, level in before.items():
            logging.getLogger(name).setLevel(level)


@contextmanager
def _client(spec: ClusterSpec, workers: int) -> Iterator[tuple[Any, str]]:
    from distributed import Client, LocalCluster

    if spec.dask == "local":
        with (
            without_main(),
            LocalCluster(
                n_workers=workers,
                threads_per_worker=1,
                dashboard_address="127.0.0.1:0",
                silence_logs=logging.CRITICAL,
                env={name: os.environ.get(name, value) for name, value in ONE_THREAD.items()},
            ) as local,
            Client(local) as client,
        ):
            yield client, local.scheduler_address
        return
    if warning := spec.warning:
        log.warning("%s", warning)
    try:
        client = Client(spec.dask, timeout=spec.timeout, security=_security(spec), set_as_default=False)
    except Exception as error:  # whatever a socket, TLS or Dask itself says
        raise ClusterError(
            f"sweep.cluster.dask: {spec.dask} cannot be reached within {spec.timeout:g} s "
            f"({_reason(error)}); start it with `dask scheduler`, or mend address or certificates"
        ) from None
    try:
        yield client, spec.dask
    finally:
        with suppress(Exception):  # it may be gone
            client.close(timeout=2)


def _reason(error: BaseException) -> str:
    """The innermost cause in one line."""
    while error.__cause__ is not None or error.__context__ is not None:
        error = error.__cause__ or error.__context__  # type: ignore[assignment]
    return f"{type(error).__name__}: {' '.join(str(error).split())[:120]}"


def _security(spec: ClusterSpec) -> Any:
    from distributed.security import Security

    if spec.tls is None:
        return None
    tls: Mapping[str, Any] = {
        "tls_ca_file": spec.tls.ca,
        "tls_client_cert": spec.tls.cert,
        "tls_client_key": spec.tls.key,
    }
    return Security(require_encryption=True, **tls)


def _require_workers(cluster: DaskRunner, spec: ClusterSpec) -> None:
    """Refuse a cluster without workers, or with anyone who would give other numbers."""
    where = cluster.where
    try:
        cluster.client.wait_for_workers(1, timeout=spec.timeout)
    except TimeoutError:
        raise ClusterError(
            f"sweep.cluster: {where} has no workers within {spec.timeout:g} s; start some with "
            f"`dask worker {where} --nthreads 1`"
        ) from None
    try:
        scheduler = cluster.client.run_on_scheduler(environment)  # it unpacks tasks, too
        found = cluster.client.run(environment)
    except Exception as error:  # whatever an import or other code there raises
        raise ClusterError(
            f"sweep.cluster: the scheduler or a worker at {where} lacks this project, or has another version of it "
            f"({_reason(error)}); {REMEDY}"
        ) from None
    require_same(environment(), {**environment(), **_code(scheduler)}, f"scheduler {where}")
    for who, there in sorted(found.items()):
        require_same(environment(), there, f"worker {who}")


def _code(environment: Mapping[str, str]) -> dict[str, str]:
    """What matters of a process that computes nothing."""
    return {name: environment.get(name, "missing") for name in ("code", "python")}
