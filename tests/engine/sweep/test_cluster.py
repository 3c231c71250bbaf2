"""Sweeps on a Dask cluster of subprocesses: tables of the same bytes, whatever dies, and one line of what is wrong."""

import functools
import json
import os
import pickle
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from engine import manifest
from engine.cli import main
from engine.compiled_engine import course
from engine.compiled_engine import engine as compiled
from engine.compiled_engine.shape import Shape
from engine.pipeline import Options
from engine.sweep import plan as plans
from engine.sweep import remote, trials
from engine.sweep.cluster import Cluster, ClusterError
from engine.sweep.files import BLOCKS, RETURNS, TABLE
from engine.sweep.remote import WorkerDiffersError
from engine.sweep.run import sweep_and_save
from engine.sweep.spec import ClusterSpec

pytest.importorskip("distributed")
TABLES = (TABLE, RETURNS, BLOCKS)
SPACE = {"model.slow": [8, 12], "risk.base": [0.02, 0.03, 0.05], "strategy.side": ["both", "long"]}
FOREST = {
    "model": {"kind": "random_forest", "trees": 5, "train_bars": 80, "test_bars": 60},
    "sweep": {"space": {"model.trees": [3, 4], "risk.base": [0.02, 0.05]}},
}
PRELOAD = """
import os, time
from engine.compiled_engine import course, engine
from engine.compiled_engine.shape import Shape
from engine.sweep import remote
for module in (course, engine):
    module.shape_of = lambda *_, cross, record: Shape(cross=cross, record=record)
if os.environ.get("SLOW"):
    fast = remote.Kept.open
    def slow(*arguments):
        time.sleep(float(os.environ["SLOW"]))
        return fast(*arguments)
    remote.Kept.open = slow
"""
ROOT = manifest.ROOT


# --- processes


class Site:
    """A scheduler and workers of our own; whatever happens, they end with it."""

    def __init__(self, folder, scheduler=(), root=ROOT, prefix=(), host="127.0.0.1"):
        self.folder, self.processes, self.prefix = folder, [], prefix
        self.preload = folder / "preload.py"
        self.preload.write_text(PRELOAD)
        place = folder / f"scheduler-{time.monotonic_ns()}.json"
        arguments = ("--host", host, "--port", "0", "--no-dashboard", "--scheduler-file", str(place), *scheduler)
        self.scheduler = self.start("scheduler", *arguments, root=root)
        wait_for(lambda: place.exists() and place.read_text().strip().endswith("}"), self.scheduler)
        self.address = json.loads(place.read_text())["address"]

    def start(self, *arguments, root=ROOT, prefix=(), **environment):
        command = [*prefix, sys.executable, "-m", "dask", *arguments]
        own = {"PYTHONPATH": str(root), "OMP_NUM_THREADS": "1", **environment}
        with (self.folder / "log.txt").open("a") as log:
            started = subprocess.Popen(command, env={**os.environ, **own}, stdout=log, stderr=log, cwd=self.folder)
        self.processes.append(started)
        return started

    def worker(self, *arguments, **options):
        first = (self.address, "--nthreads", "1", "--no-nanny", "--no-dashboard", "--local-directory", str(self.folder))
        return self.start("worker", *first, "--preload", str(self.preload), *arguments, **options)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for process in self.processes:
            process.send_signal(signal.SIGKILL)
            process.wait()


def wait_for(done, process=None, seconds=30):
    end = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < end, "took too long"
        assert process is None or process.poll() is None, "ended"
        time.sleep(0.02)


def joined(site, count):
    from distributed import Client

    with Client(site.address, set_as_default=False) as client:
        client.wait_for_workers(count, timeout=30)


@pytest.fixture(scope="module", autouse=True)
def lasting(tmp_path_factory):
    """What the tests of this module share."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BACKTRADER_ML_DATA", str(tmp_path_factory.mktemp("data")))
        patch.setenv("OMP_NUM_THREADS", "1")
        patch.setattr(plans, "CHUNK", 1)
        for module in (course, compiled):
            patch.setattr(module, "shape_of", lambda *_, cross, record: Shape(cross=cross, record=record))
        remote.environment.cache_clear()
        yield
    remote.environment.cache_clear()


@pytest.fixture(scope="module")
def site(tmp_path_factory, lasting):
    with Site(tmp_path_factory.mktemp("site")) as made:
        made.worker()
        made.worker()
        joined(made, 2)
        yield made


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
    """Do things when so many chunks are kept."""

    def plant(**todo):
        put, kept = trials.Records.put, []

        def planted(records, *arguments):
            put(records, *arguments)
            kept.append(1)
            if do := todo.get(f"n{len(kept)}"):
                do()

        monkeypatch.setattr(trials.Records, "put", planted)
        return kept

    return plant


def assert_same(one, two):
    for name in TABLES:
        assert (one / name).read_bytes() == (two / name).read_bytes(), name


# --- the same tables

WORK = {
    "grid": ({"space": SPACE}, {}),
    "random": ({"method": "random", "trials": 7, "space": SPACE}, {}),
    "tpe": ({"method": "tpe", "trials": 9, "batch": 3, "space": SPACE}, {}),
    "trained": (FOREST["sweep"], {"model": FOREST["model"]}),
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
    (told,) = [line for line in caplog.messages if "dashboard" in line]
    assert re.search(r"cluster: 1 workers at tcp://127.0.0.1:\d+, dashboard http://127.0.0.1:\d+/status", told)
