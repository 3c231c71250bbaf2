"""Connection to a Dask cluster, with a check that its processes give the results of this one."""

import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

from core.errors import WorkbenchError, install_hint
from core.processes import ONE_THREAD, without_main
from engine.config.sweep_spec import ClusterSpec

from .cluster_worker import REMEDY, environment, require_same

log = logging.getLogger(__name__)

MISSING = f"sweep.cluster needs Dask, which is not installed: {install_hint('cluster')}"
LARGE_GRAPH = "distributed.admin.large-graph-warning-threshold"


class ClusterError(WorkbenchError):
    """The cluster cannot be used, or was lost; finished chunks are stored."""


@contextmanager
def connect(spec: ClusterSpec, workers: int) -> Iterator[tuple[Any, str]]:
    """A connected Dask client and the scheduler's address; all processes have the environment of this one.

    Parameters
    ----------
    workers : of a cluster that is started here.

    Raises
    ------
    ClusterError
        Dask is missing, the scheduler cannot be reached, has no workers, or refuses the certificate.
    WorkerDiffersError
        A worker has other code or libraries.
    """
    try:
        import distributed  # noqa: F401 - an optional dependency
    except ImportError:
        raise ClusterError(MISSING) from None
    with _without_dask_logs(), _client(spec, workers) as (client, address):
        _require_workers(client, address, spec)
        yield client, address


@contextmanager
def _without_dask_logs() -> Iterator[None]:
    """Silence Dask's loggers, which report every lost connection; this module reports those that matter."""
    import dask

    names = [name for name in logging.root.manager.loggerDict if name.partition(".")[0] == "distributed"]
    levels_before = {name: logging.getLogger(name).level for name in ("distributed", *names)}
    for name in levels_before:
        logging.getLogger(name).setLevel(logging.CRITICAL)
    try:
        with dask.config.set({"distributed.comm.retry.count": 1, LARGE_GRAPH: "1GB"}):
            yield
    finally:
        for name, level in levels_before.items():
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
    except Exception as error:  # of a socket, TLS or Dask itself
        raise ClusterError(
            f"sweep.cluster.dask: {spec.dask} cannot be reached within {spec.timeout:g} s "
            f"({innermost_cause(error)}); start it with `dask scheduler`, or mend address or certificates"
        ) from None
    try:
        yield client, spec.dask
    finally:
        with suppress(Exception):  # the scheduler may have ended
            client.close(timeout=2)


def innermost_cause(error: BaseException) -> str:
    """The innermost cause of an exception in one line."""
    while error.__cause__ is not None or error.__context__ is not None:
        error = error.__cause__ or error.__context__  # type: ignore[assignment]
    return f"{type(error).__name__}: {' '.join(str(error).split())[:120]}"


def _security(spec: ClusterSpec) -> Any:
    from distributed.security import Security

    if spec.tls is None:
        return None
    return Security(
        require_encryption=True,
        tls_ca_file=spec.tls.ca,
        tls_client_cert=spec.tls.cert,
        tls_client_key=spec.tls.key,
    )


def _require_workers(client: Any, address: str, spec: ClusterSpec) -> None:
    """Refuse a cluster without workers, or with a process whose results might differ."""
    try:
        client.wait_for_workers(1, timeout=spec.timeout)
    except TimeoutError:
        raise ClusterError(
            f"sweep.cluster: {address} has no workers within {spec.timeout:g} s; start some with "
            f"`dask worker {address} --nthreads 1`"
        ) from None
    try:
        scheduler = client.run_on_scheduler(environment)  # the scheduler unpickles tasks, too
        worker_environments = client.run(environment)
    except Exception as error:  # of an import or other code there
        raise ClusterError(
            f"sweep.cluster: the scheduler or a worker at {address} lacks this project, or has another version of it "
            f"({innermost_cause(error)}); {REMEDY}"
        ) from None
    require_same(environment(), {**environment(), **_code_versions(scheduler)}, f"scheduler {address}")
    for worker, worker_environment in sorted(worker_environments.items()):
        require_same(environment(), worker_environment, f"worker {worker}")


def _code_versions(environment: Mapping[str, str]) -> dict[str, str]:
    """The part of an environment that matters in a process that computes nothing."""
    return {name: environment.get(name, "missing") for name in ("code", "python")}
