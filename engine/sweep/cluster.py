"""Trials on a Dask cluster: the same pure functions of market, signals and points, wherever they run.

Market and signals go to each worker once; a chunk carries its points alone. Whatever a worker gives is kept by this
process, in the sweep's journal: the cluster may vanish at any moment.
"""

import logging
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from time import monotonic
from typing import Any

from core.errors import WorkbenchError
from core.processes import ONE_THREAD, without_main
from core.types import Rows
from signals.result import Signals

from .plan import Group
from .remote import Common, Job, WorkerDiffersError, environment, run_chunk, train
from .scores import FAILED, INVALID, Scores, without
from .spec import ClusterSpec
from .workshop import Work, Workshop, count_of

log = logging.getLogger(__name__)

AHEAD = 4
"""Chunks a worker that are on their way: enough that none waits, few enough that little is lost or held."""
MISSING = "sweep.cluster needs Dask: pip install 'backtrader-ml[cluster]'"


class ClusterError(WorkbenchError):
    """The cluster cannot be used, or was lost; what was finished is kept."""


@dataclass(eq=False)
class Cluster:
    """A connected cluster on which the trials of one sweep run.

    Attributes
    ----------
    client : Dask's.
    shop : the workshop of this machine, which keeps the signals for the confirmation.
    where : its address, for messages.
    """

    client: Any
    shop: Workshop
    where: str
    _begun: float = field(default_factory=monotonic)
    _trials: int = 0
    _groups: dict[int, tuple[Any, Job, bool]] = field(default_factory=dict)

    def run(self, works: Iterable[Work]) -> Iterator[Scores]:
        """The scores of each work as it is finished, in whatever order."""
        from distributed import as_completed
        from distributed.client import FutureCancelledError
        from distributed.comm.core import CommClosedError

        try:
            yield from self._run(works, as_completed)
        except (CommClosedError, FutureCancelledError, OSError) as error:
            raise self._lost(error) from None

    def _run(self, works: Iterable[Work], as_completed: Any) -> Iterator[Scores]:
        plan, wants = self.shop.plan, self.shop.wants
        common = self._sent({"common": Common(plan.market, wants, plan.axes)})
        waiting: dict[str, Work] = {}
        finished = as_completed()
        for work in works:
            if work[0].refusal:
                yield self._without(work, INVALID, work[0].refusal)
                continue
            future = self._submitted(work, common)
            waiting[future.key] = work
            finished.add(future)
            while len(waiting) >= AHEAD * max(self.workers, 1):
                yield self._next(finished, waiting)
        while waiting:
            yield self._next(finished, waiting)

    @property
    def workers(self) -> int:
        """How many there are now."""
        return len(self.client.nthreads())

    def about(self) -> str:
        """How fast each worker is, for the progress bar."""
        pace = self._trials / max(monotonic() - self._begun, 1e-9)
        return f"{pace / max(self.workers, 1):.3g}/s on each of {self.workers} workers"

    def _sent(self, data: dict[str, Any]) -> Any:
        """A future of data that every worker gets once; of the same data, the same one."""
        ((name, value),) = data.items()
        key = f"{name}-{self.shop.key}"
        return self.client.scatter({key: value}, broadcast=True, hash=False)[key]

    def _submitted(self, work: Work, common: Any) -> Any:
        group, numbers, columns = work
        signals, job = self._signals(group, common)
        key = f"chunk-{self.shop.key}-{numbers[0]}-{len(numbers)}"
        return self.client.submit(_on_worker, run_chunk, common, signals, job, numbers, columns, key=key, retries=1)

    def _signals(self, group: Group, common: Any) -> tuple[Any, Job]:
        """A group's signals on the cluster: sent if they are kept here, else trained there."""
        if group.number not in self._groups:
            config = group.config
            assert config is not None  # noqa: S101 - refused groups are not run
            key = f"{self.shop.key}-{group.number}"
            job = Job(key, environment(), self.shop.plan.config, config, bool(group.slow))
            kept = self.shop.kept(group)
            if kept is not None:
                future = self.client.scatter({f"signals-{key}": kept}, hash=False)[f"signals-{key}"]
            else:
                future = self.client.submit(_on_worker, train, common, job, key=f"signals-{key}", retries=1)
            self._groups[group.number] = (future, job, kept is not None)
        return self._groups[group.number][:2]

    def _next(self, finished: Any, waiting: dict[str, Work]) -> Scores:
        """The scores of the next chunk that is finished, or why it has none."""
        future = next(finished)
        work = waiting.pop(future.key)
        if future.status == "cancelled":
            raise self._lost("the scheduler dropped what it was sent")
        error = future.exception()
        if isinstance(error, WorkerDiffersError):
            raise error
        found = f"{type(error).__name__}: {error}" if error is not None else future.result()
        self._keep(work[0])
        self._trials += len(work[1])
        return self._without(work, FAILED, found) if isinstance(found, str) else found

    def _keep(self, group: Group) -> None:
        """Bring signals that the cluster has trained home, once."""
        future, job, known = self._groups[group.number]
        if not known and future.done() and future.status == "finished":
            signals = future.result()
            if isinstance(signals, Signals):
                self.shop.keep(group, signals)
            self._groups[group.number] = (future, job, True)

    def _without(self, work: Work, status: str, reason: str) -> Scores:
        numbers: Rows = work[1]
        return without(numbers, status, [reason] * len(numbers), self.shop.wants.names, self.shop.wants.shape)

    def _lost(self, error: object) -> ClusterError:
        return ClusterError(
            f"sweep.cluster: the scheduler {self.where} is gone ({str(error)[:120] or type(error).__name__}); what was "
            "finished is kept: the same command goes on from there"
        )


def _on_worker(do: Any, *arguments: Any) -> Any:
    """Do something on a worker, which says who it is."""
    from distributed import get_worker

    return do(*arguments, who=get_worker().address)


@contextmanager
def connected(spec: ClusterSpec, shop: Workshop) -> Iterator[Cluster]:
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
    with _quiet(), _client(spec, count_of(shop.plan)) as (client, where):
        cluster = Cluster(client, shop, where)
        _require_workers(cluster, spec)
        log.warning("cluster: %d workers at %s, dashboard %s", cluster.workers, where, client.dashboard_link)
        yield cluster


@contextmanager
def _quiet() -> Iterator[None]:
    """Dask tells of every lost connection; what matters of it is told by us."""
    import dask

    logger = logging.getLogger("distributed")
    before = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        with dask.config.set({"logging": {"distributed": "critical"}, "distributed.comm.retry.count": 1}):
            yield
    finally:
        logger.setLevel(before)


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
                env=dict(ONE_THREAD),
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
    return f"{type(error).__name__}: {str(error)[:120]}"


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


def _require_workers(cluster: Cluster, spec: ClusterSpec) -> None:
    """Refuse a cluster without workers, or with one that would give other numbers."""
    try:
        cluster.client.wait_for_workers(1, timeout=spec.timeout)
        found = cluster.client.run(_surroundings)
    except TimeoutError:
        raise ClusterError(
            f"sweep.cluster: {cluster.where} has no workers within {spec.timeout:g} s; start some with "
            f"`dask worker {cluster.where} --nthreads 1`"
        ) from None
    except ModuleNotFoundError as error:
        raise ClusterError(
            f"sweep.cluster: a worker at {cluster.where} lacks this project ({error}); install it there"
        ) from None
    here = environment()
    for who, there in sorted(found.items()):
        changed = [name for name in here if here[name] != there.get(name)]
        if changed:
            told = "; ".join(
                f"{name} {str(there.get(name, 'missing'))[:12]}, here {here[name][:12]}" for name in changed
            )
            raise WorkerDiffersError(
                f"worker {who} differs from this machine ({told}); install the same code and constraints.txt there, or "
                "take it out of the cluster"
            )


def _surroundings() -> Mapping[str, str]:
    return environment()
