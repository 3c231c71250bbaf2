"""Sweeps on a Dask cluster of subprocesses: the same tables byte by byte after any accident, and errors of one line."""

import functools
import json
import logging
import os
import pickle
import re
import shutil
import signal
import socket
import subprocess
import sys
import time

import numpy as np
import pytest
from general_kernels import use_general_kernels

from engine.cli.main import main
from engine.config.sweep_spec import ClusterSpec
from engine.pipeline import Options
from engine.run_folder import manifest
from engine.sweep import run_trials as trials
from engine.sweep.run import sweep_and_save
from engine.sweep.storage.file_names import BLOCKS, RETURNS, TABLE
from engine.sweep.trials import cluster_worker
from engine.sweep.trials import plan as plans
from engine.sweep.trials.cluster_worker import WorkerDiffersError
from engine.sweep.trials.dask_connection import ClusterError
from engine.sweep.trials.dask_runner import DaskRunner

pytest.importorskip("distributed")
pytestmark = [pytest.mark.slow, pytest.mark.early]
TABLES = (TABLE, RETURNS, BLOCKS)
SPACE = {"model.slow": [8, 12], "risk.base": [0.02, 0.03, 0.05], "strategy.side": ["both", "long"]}
FOREST = {
    "model": {"kind": "random_forest", "trees": 3},
    "features": [{"kind": "lagged_return", "lags": [0, 1]}],
    "walk_forward": {"scheme": "rolling", "train": 80, "test": 60},
}
PRELOAD = """
import os, time
from engine.backtest.compiled import batch_run, engine
from engine.sweep.trials.cluster_worker import WorkerCache
from general_kernels import general_features
for module in (batch_run, engine):
    module.features_of = general_features
pause = float(os.environ.pop("SLOW", 0))
if pause:
    fast = WorkerCache.open
    def slow(*arguments):
        time.sleep(pause)
        return fast(*arguments)
    WorkerCache.open = slow
"""
ROOT = manifest.ROOT
HELPERS = ROOT / "tests" / "helpers"
PATIENCE = {"DASK_DISTRIBUTED__COMM__TIMEOUTS__CONNECT": "3s"}  # with a worker that has just died; Dask's own is 30 s


# --- processes


class Site:
    """A scheduler and workers in subprocesses, which are killed on exit."""

    def __init__(self, folder, scheduler=(), root=ROOT, prefix=(), host="127.0.0.1"):
        self.folder = folder
        self.processes = []
        self.prefix = prefix
        self.preload = folder / "preload.py"
        self.preload.write_text(PRELOAD)
        scheduler_file = folder / f"scheduler-{time.monotonic_ns()}.json"
        arguments = (
            "--host",
            host,
            "--port",
            "0",
            "--no-dashboard",
            "--scheduler-file",
            str(scheduler_file),
            *scheduler,
        )
        self.scheduler = self.start("scheduler", *arguments, root=root)
        wait_for(lambda: scheduler_file.exists() and scheduler_file.read_text().strip().endswith("}"), self.scheduler)
        self.address = json.loads(scheduler_file.read_text())["address"]

    def start(self, *arguments, root=ROOT, prefix=(), **environment):
        command = [*prefix, sys.executable, "-m", "dask", *arguments]
        folders = os.pathsep.join(map(str, (root, HELPERS)))  # functions of this module are sent to workers
        variables = {"PYTHONPATH": folders, "OMP_NUM_THREADS": "1", **PATIENCE, **environment}
        with (self.folder / "log.txt").open("a") as log:
            started = subprocess.Popen(
                command, env={**os.environ, **variables}, stdout=log, stderr=log, cwd=self.folder
            )
        self.processes.append(started)
        return started

    def worker(self, *arguments, **options):
        first = (self.address, "--nthreads", "1", "--no-nanny", "--no-dashboard", "--local-directory", str(self.folder))
        return self.start("worker", *first, "--preload", str(self.preload), *arguments, **options)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for process in self.processes:
            process.kill()
            process.wait(60)


def wait_for(done, process=None, seconds=120):
    end = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < end, "took too long"
        assert process is None or process.poll() is None, "ended"
        time.sleep(0.02)


def joined(site, count):
    from distributed import Client

    with Client(site.address, set_as_default=False) as client:
        client.wait_for_workers(count, timeout=120)


@pytest.fixture(scope="module", autouse=True)
def lasting(tmp_path_factory):
    """Environment and kernels that the tests of this module share."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BACKTRADER_ML_DATA", str(tmp_path_factory.mktemp("data")))
        patch.setenv("OMP_NUM_THREADS", "1")
        patch.setattr(plans, "CHUNK", 1)
        use_general_kernels(patch)
        cluster_worker.environment.cache_clear()
        yield
    cluster_worker.environment.cache_clear()


@pytest.fixture(scope="module")
def site(tmp_path_factory, lasting, local):
    local({"space": SPACE})  # compiles, for all
    with Site(tmp_path_factory.mktemp("site")) as cluster:
        cluster.worker()
        cluster.worker()
        joined(cluster, 2)
        yield cluster


@pytest.fixture(scope="module")
def local(config_of, tmp_path_factory, lasting):
    """The folder of a sweep on this machine, run once."""
    out = tmp_path_factory.mktemp("local")

    @functools.cache
    def folder_of(text):
        sweep, changes = json.loads(text)
        return sweep_and_save(config_of(sweep, **changes), Options(out=out, cache=False, quiet=True)).saved.folder

    return lambda sweep, **changes: folder_of(json.dumps([sweep, changes]))


@pytest.fixture
def options(tmp_path):
    return Options(out=tmp_path / "runs", cache=False, quiet=True)


@pytest.fixture
def on_cluster(config_of, options):
    def run(address, sweep, **changes):
        cluster = {"dask": address, "timeout": 10}
        return sweep_and_save(config_of({**sweep, "cluster": cluster}, **changes), options).saved.folder

    return run


@pytest.fixture
def at_put(monkeypatch):
    """Call functions after given numbers of chunks are stored."""

    def plant(**todo):
        put = trials.TrialStore.put
        stored = []

        def planted(records, *arguments):
            put(records, *arguments)
            stored.append(1)
            if do := todo.get(f"n{len(stored)}"):
                do()

        monkeypatch.setattr(trials.TrialStore, "put", planted)
        return stored

    return plant


def assert_same(one, two):
    for name in TABLES:
        assert (one / name).read_bytes() == (two / name).read_bytes(), name


# --- the same tables

WORK = {
    "grid": ({"space": SPACE}, {}),
    "random": ({"method": "random", "trials": 7, "space": SPACE}, {}),
    "tpe": ({"method": "tpe", "trials": 9, "batch": 3, "space": SPACE}, {}),
    "trained": ({"space": {"model.trees": [3, 4], "risk.base": [0.02, 0.05]}}, FOREST),
    "backtrader": ({"space": {"risk.base": [0.02, 0.05]}}, {"broker": {"impact": {"kind": "volume_share"}}}),
}


@pytest.mark.parametrize("name", WORK)
def test_tables_are_those_of_one_machine(name, site, local, on_cluster):
    sweep, changes = WORK[name]
    assert_same(on_cluster(site.address, sweep, **changes), local(sweep, **changes))


def test_dask_local_starts_a_cluster(local, config_of, options, site, caplog):
    import dask

    with dask.config.set({"distributed.worker.preload": [str(site.preload)]}):
        config = config_of({"space": SPACE, "cluster": {"dask": "local"}})
        assert_same(sweep_and_save(config, options).saved.folder, local({"space": SPACE}))
    (line,) = [line for line in caplog.messages if "dashboard" in line]
    assert re.search(r"cluster: 1 workers at tcp://127.0.0.1:\d+, dashboard http://127.0.0.1:\d+/status", line)


# --- data sent


def test_what_goes_with_a_chunk_is_small(site, on_cluster, monkeypatch):
    sizes = []
    submit = DaskRunner._submit

    def watched(cluster, chunk):
        future = submit(cluster, chunk)
        points = pickle.dumps((chunk.numbers, chunk.columns), protocol=5)
        sizes.append(len(pickle.dumps((cluster._on_cluster(chunk.group).header, points))))
        return future

    monkeypatch.setattr(plans, "CHUNK", 1024)
    monkeypatch.setattr(DaskRunner, "_submit", watched)
    on_cluster(site.address, {"space": {"risk.base": {"low": 0.01, "high": 0.05, "step": 0.002}}})
    assert len(sizes) == 1
    assert sizes[0] < 2_000 + 21 * 30


def test_market_and_signals_are_sent_once(site, on_cluster, monkeypatch):
    from distributed import Client

    sent = []
    send = DaskRunner._send
    monkeypatch.setattr(
        DaskRunner, "_send", lambda cluster, name, value: sent.append(name) or send(cluster, name, value)
    )
    with Client(site.address, set_as_default=False) as client:
        client.amm.stop()  # every 2 s it drops second copies that no waiting task needs: a slow machine fetches again
        before = client.run(_received)
        sweep = {"method": "tpe", "trials": 20, "batch": 4, "space": {"risk.base": {"low": 0.01, "high": 0.05}}}
        on_cluster(site.address, sweep)
        after = client.run(_received)
        client.amm.start()
    assert sent == ["signals-0", "common"]
    fetched = [name for who in after for name in after[who][len(before[who]) :]]
    assert len(fetched) <= 2  # by the worker that was not the first to have it
    assert len(set(fetched)) == len(fetched)


def _received(dask_worker):
    return [key for log in dask_worker.transfer_incoming_log for key in log["keys"]]


# --- workers that are refused


@pytest.fixture(scope="module")
def other_code(tmp_path_factory):
    """The project with another comment."""
    root = tmp_path_factory.mktemp("other")
    for name in manifest.PACKAGES:
        shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "run_backtest.py", root)
    with (root / "core" / "errors.py").open("a") as file:
        file.write("# a comment\n")
    return root


def test_a_worker_with_other_code_is_refused_by_name(other_code, tmp_path, on_cluster, at_put):
    """One that joins later as well."""
    message = r"^worker tcp://127.0.0.1:\d+ differs .*code [0-9a-f]{12}, here"
    with Site(tmp_path) as site:
        first = site.worker()
        joined(site, 1)

        def swap():
            site.worker(root=other_code)
            joined(site, 2)
            first.send_signal(signal.SIGKILL)

        stored = at_put(n1=swap)
        with pytest.raises(WorkerDiffersError, match=message):
            on_cluster(site.address, {"space": SPACE})
        before = len(stored)
        with pytest.raises(WorkerDiffersError, match=message):
            on_cluster(site.address, {"method": "random", "trials": 3, "space": SPACE})
    assert 1 <= len(stored) == before < 12


def test_what_differs_is_named():
    here = {"code": "a" * 64, "numpy": "2.0", "OMP_NUM_THREADS": "1"}
    there = {"code": "b" * 64, "numpy": "2.1"}
    message = r"code b{12}, here a{12}; numpy 2.1, here 2.0; OMP_NUM_THREADS missing, here 1\); install the same code"
    with pytest.raises(WorkerDiffersError, match=message) as caught:
        cluster_worker.require_same(here, there, "worker w")
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)  # noqa: S301
    cluster_worker.require_same(here, {**here, "more": "1"}, "worker w")


def test_a_scheduler_with_other_code_is_refused(other_code, on_cluster, tmp_path):
    """It unpacks tasks on their way."""
    with Site(tmp_path, root=other_code) as site:
        site.worker()
        joined(site, 1)
        with pytest.raises(WorkerDiffersError, match=r"^scheduler tcp://127.0.0.1:\d+ differs"):
            on_cluster(site.address, {"space": SPACE})


# --- accidents


def test_a_killed_worker_loses_its_chunk_alone(site, local, on_cluster, at_put):
    extra = site.worker()
    joined(site, 3)
    stored = at_put(
        n1=lambda: extra.send_signal(signal.SIGSTOP),  # with chunks that it will never give
        n3=lambda: extra.send_signal(signal.SIGKILL),
    )
    assert_same(on_cluster(site.address, {"space": SPACE}), local({"space": SPACE}))
    assert len(stored) == 12


def test_all_workers_may_die_if_others_come(tmp_path, local, on_cluster, at_put):
    """Market and signals go with the last of them, and are given again."""
    with Site(tmp_path) as site:
        first = site.worker()
        joined(site, 1)

        def swap():
            first.send_signal(signal.SIGKILL)
            site.worker()

        at_put(n2=swap)
        assert_same(on_cluster(site.address, {"space": SPACE}), local({"space": SPACE}))


def test_a_lost_scheduler_is_one_line_and_the_sweep_goes_on(tmp_path, config_of, local, at_put, capsys, options):
    with Site(tmp_path) as site:
        site.worker()
        joined(site, 1)
        path = written(tmp_path, config_of, {"space": SPACE, "cluster": {"dask": site.address, "timeout": 20}})
        stored = at_put(n3=lambda: site.scheduler.send_signal(signal.SIGKILL))
        assert run(path, options) == 2
    err = capsys.readouterr().err
    assert re.search(r"sweep.cluster: the scheduler tcp://127.0.0.1:\d+ is gone \(.*\); what was finished is kept", err)
    assert len(plain(err)) == 1
    before = len(stored)
    assert 3 <= before < 12
    folder = sweep_and_save(config_of({"space": SPACE}), options).saved.folder
    assert len(stored) == 12
    assert_same(folder, local({"space": SPACE}))


def test_a_slow_worker_does_not_hold_the_end(site, local, on_cluster):
    slow = site.worker(SLOW="6.0")  # four looks a chunk at most; alone it would take 288 s
    joined(site, 3)
    try:
        begun = time.monotonic()
        assert_same(on_cluster(site.address, {"space": SPACE}), local({"space": SPACE}))
        assert time.monotonic() - begun < 200  # for a machine that is busy with other things
    finally:
        slow.send_signal(signal.SIGKILL)


def written(folder, config_of, sweep):
    path = folder / "tiny.yaml"
    config = config_of(sweep)
    path.write_text(json.dumps({key: value for key, value in config.dump().items() if key != "version"}))
    return path


def run(path, options):
    before = logging.root.handlers[:]
    try:
        return main([str(path), "--out", str(options.out), "--no-cache", "--quiet"])
    finally:
        logging.root.handlers[:] = before  # it adds one for a stderr that ends with the test


def plain(err):
    """Lines but warnings of ours."""
    return [line for line in err.splitlines() if line and not line.startswith("WARNING engine.sweep.trials.dask_")]


# --- bad input


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def refused(text, tmp_path, config_of, options, capsys, cluster):
    path = tmp_path / "tiny.yaml"
    values = config_of({"space": SPACE}).dump()
    values["sweep"]["cluster"] = {"timeout": 1.5, **cluster}
    values.pop("version", None)
    path.write_text(json.dumps(values))
    assert run(path, options) == 2
    lines = plain(capsys.readouterr().err)
    assert len(lines) == 1, lines
    line = lines[0]
    assert re.search(text, line), line


BAD = {
    "nobody": ({"dask": "tcp://127.0.0.1:{port}"}, r"cannot be reached within 1.5 s .*start it with `dask scheduler`"),
    "no host": ({"dask": "tcp://no.such.host.invalid:8786"}, "cannot be reached within 1.5 s"),
    "malformed": ({"dask": "scheduler:8786"}, "sweep.cluster.dask"),
    "no port": ({"dask": "tcp://scheduler"}, "sweep.cluster.dask"),
    "no files": ({"dask": "tls://127.0.0.1:{port}"}, "needs the files of `tls: {ca, cert, key}`"),
    "files for tcp": ({"dask": "tcp://h:1", "tls": {"ca": "a", "cert": "b", "key": "c"}}, "certificates need"),
    "no such file": (
        {"dask": "tls://h:1", "tls": {"ca": "gone.pem", "cert": "b", "key": "c"}},
        r"there is no file .*gone\.pem",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_what_cannot_be_used_is_one_line(name, tmp_path, config_of, options, capsys):
    cluster, text = BAD[name]
    cluster = {**cluster, "dask": cluster["dask"].replace("{port}", str(free_port()))}
    refused(text, tmp_path, config_of, options, capsys, cluster)


def test_a_scheduler_without_workers(tmp_path, config_of, options, capsys):
    with Site(tmp_path) as site:
        text = r"has no workers within 6 s; start some with `dask worker tcp://127.0.0.1:\d+ --nthreads 1`"
        refused(text, tmp_path, config_of, options, capsys, {"dask": site.address, "timeout": 6})


def test_the_extra_may_be_missing(tmp_path, config_of, options, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    refused(
        "needs Dask, which is not installed: run `make install` in ",
        tmp_path,
        config_of,
        options,
        capsys,
        {"dask": "local"},
    )


@pytest.mark.parametrize(
    ("address", "warns"),
    [
        ("local", False),
        ("tcp://localhost:8786", False),
        ("tcp://127.0.0.2:8786", False),
        ("tcp://[::1]:8786", False),
        ("tcp://10.0.0.1:8786", True),
        ("tcp://scheduler:8786", True),
    ],
)
def test_an_open_address_warns(address, warns):
    assert bool(ClusterSpec(dask=address).warning) is warns


# --- encrypted


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    """An authority, a certificate of it, and one of another authority."""
    if not shutil.which("openssl"):
        pytest.skip("needs openssl")
    folder = tmp_path_factory.mktemp("tls")

    def openssl(*words):
        subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True)

    curve = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
    for name in ("ca", "other"):
        openssl("req", "-x509", *curve, "-keyout", f"{name}.key", "-out", f"{name}.pem", "-subj", f"/CN={name}")
        openssl("req", *curve, "-keyout", f"{name}-own.key", "-out", f"{name}.csr", "-subj", "/CN=own")
        signed = ("-CA", f"{name}.pem", "-CAkey", f"{name}.key", "-CAcreateserial")
        openssl("x509", "-req", "-in", f"{name}.csr", *signed, "-out", f"{name}-own.pem", "-days", "2")
    return folder


@pytest.fixture(scope="module")
def closed(certificates, tmp_path_factory, lasting):
    ca, cert, key = (str(certificates / name) for name in ("ca.pem", "ca-own.pem", "ca-own.key"))
    files = ("--tls-ca-file", ca, "--tls-cert", cert, "--tls-key", key)
    with Site(tmp_path_factory.mktemp("closed"), ("--protocol", "tls", *files)) as cluster:
        cluster.worker(*files)
        yield cluster


def files_of(folder, name, ca):
    return {
        "ca": str(folder / f"{ca}.pem"),
        "cert": str(folder / f"{name}-own.pem"),
        "key": str(folder / f"{name}-own.key"),
    }


def test_an_encrypted_cluster_gives_the_same(closed, certificates, config_of, options, local):
    assert closed.address.startswith("tls://")
    cluster = {"dask": closed.address, "tls": files_of(certificates, "ca", "ca"), "timeout": 20}
    swept = sweep_and_save(config_of({"space": SPACE, "cluster": cluster}), options)
    assert_same(swept.saved.folder, local({"space": SPACE}))


@pytest.mark.parametrize("ca", ["ca", "other"])
def test_a_wrong_certificate_is_one_line(ca, closed, certificates, tmp_path, config_of, options, capsys):
    cluster = {"dask": closed.address, "tls": files_of(certificates, "other", ca)}
    refused("cannot be reached within 1.5 s .*certificates", tmp_path, config_of, options, capsys, cluster)


# --- several hosts


@pytest.fixture
def hosts():
    """Two network namespaces, each with a wire to this one: addresses of this end, and how to start there."""
    ip = shutil.which("ip")
    names = [f"bt{os.getpid() % 10000}{letter}" for letter in "ab"]
    if ip is None or os.geteuid() != 0:
        pytest.skip("needs ip and root")

    def call(*words, check=True):
        return subprocess.run([ip, *words], check=check, capture_output=True, text=True)

    try:
        try:
            call("link", "add", "name", f"{names[0]}r", "type", "bridge")
            call("addr", "add", "10.213.77.1/24", "dev", f"{names[0]}r")
            call("link", "set", f"{names[0]}r", "up")
            for number, name in enumerate(names):
                call("netns", "add", name)
                call("link", "add", f"{name}0", "type", "veth", "peer", "name", f"{name}1")
                call("link", "set", f"{name}1", "netns", name)
                call("link", "set", f"{name}0", "master", f"{names[0]}r", "up")
                call("-n", name, "addr", "add", f"10.213.77.{number + 2}/24", "dev", f"{name}1")
                call("-n", name, "link", "set", f"{name}1", "up")
                call("-n", name, "link", "set", "lo", "up")
        except subprocess.CalledProcessError as error:
            pytest.skip(f"no network namespaces here: {error.stderr.strip()}")
        yield "10.213.77.1", names
    finally:
        for name in names:
            call("netns", "del", name, check=False)
            call("link", "del", f"{name}0", check=False)
        call("link", "del", f"{names[0]}r", check=False)


def test_workers_on_other_hosts(hosts, tmp_path, local, on_cluster, caplog):
    address, names = hosts
    with Site(tmp_path, host=address) as site:
        for name in names:
            site.worker(prefix=("ip", "netns", "exec", name))
        joined(site, 2)
        assert_same(on_cluster(site.address, {"space": SPACE}), local({"space": SPACE}))
    assert any("neither encrypted nor asks who connects" in line for line in caplog.messages)


# --- progress and errors


def test_progress_shows_the_rate_of_each_worker(site, config_of, options, monkeypatch):
    from engine.sweep import run as runs

    steps = []
    run_trials = runs.run_trials

    def listening(plan, ranking, runner, store, on_progress, runner_note):
        run_trials(plan, ranking, runner, store, steps.append, runner_note)

    monkeypatch.setattr(runs, "run_trials", listening)
    sweep_and_save(config_of({"space": SPACE, "cluster": {"dask": site.address}}), options)
    assert re.search(r"best sharpe .*, [\d.]+/s on each of 2 workers", steps[-1].note)


def test_a_trial_that_fails_on_a_worker_is_told_as_here(site, local, on_cluster, monkeypatch):
    """An error of the cluster, such as a full disk, is not stored as a result."""

    def broken(cluster, chunk):
        return cluster.client.submit(_raises, key=f"broken-{time.monotonic_ns()}")

    monkeypatch.setattr(DaskRunner, "_submit", broken)
    with pytest.raises(ClusterError, match=r"trials \d+ to \d+ failed on a worker \(OSError: no space\); what was"):
        on_cluster(site.address, {"space": SPACE})


def _raises():
    raise OSError("no space")


def test_the_environment_has_what_decides_numbers():
    assert {"code", "python", "processor", "OMP_NUM_THREADS", "numpy", "numba"} <= set(cluster_worker.environment())
    assert np.__version__ == cluster_worker.environment()["numpy"]
