"""Scaling of sweeps on a Dask cluster: measured with 1 and 2 workers, and simulated up to 10,000.

    python benchmarks/cluster_scaling.py measure      on this machine, some minutes
    python benchmarks/cluster_scaling.py simulate     10^9 policies with the constants below
    python benchmarks/cluster_scaling.py simulate seconds=0.5 deaths=1

Each constant may be replaced on the command line. The simulation is a heap of events: a worker ends a chunk, the
scheduler and the client each serve one chunk at a time, a worker dies and comes back.
"""

import argparse
import heapq
import json
import os
import pickle
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

os.environ.update(OMP_NUM_THREADS="1", GOMP_SPINCOUNT="0", OMP_WAIT_POLICY="PASSIVE", NUMBA_NUM_THREADS="1")

WORKERS = (1, 2, 10, 30, 100, 300, 1_000, 3_000, 10_000)
DAY = 86_400.0
MAX_SIMULATED = 200_000
"""Chunks that are simulated one by one; a longer sweep is extrapolated."""


@dataclass(frozen=True)
class Constants:
    """The times of a sweep's parts.

    Attributes
    ----------
    policies, chunk : policies of the sweep, and of a chunk.
    seconds : of a worker for a chunk.
    scheduler, client : seconds of the scheduler, and of the client (points, task, journal), for a chunk.
    deaths : of a worker in a day.
    back : seconds until a dead worker is replaced and has loaded its kernel.
    """

    policies: float = 1e9
    chunk: float = 1024
    seconds: float = 0.077
    scheduler: float = 0.006
    client: float = 0.014
    deaths: float = 0.1
    back: float = 60.0

    @property
    def chunks(self) -> int:
        """The number of chunks."""
        return -int(-self.policies // self.chunk)


@dataclass(frozen=True)
class Outcome:
    """The result of a simulated sweep: seconds in all, worker seconds lost to deaths, and the number of deaths."""

    seconds: float
    lost: float
    died: int


def closed_form(c: Constants, workers: int) -> float:
    """Seconds without deaths: the slowest of workers, scheduler and client."""
    return c.chunks * max(c.seconds / workers, c.scheduler, c.client)


def saturation(c: Constants) -> dict[str, float]:
    """The numbers of workers at which scheduler and client have no time left."""
    return {"scheduler": c.seconds / c.scheduler, "client": c.seconds / c.client}


def simulated(c: Constants, workers: int, seed: int = 0) -> Outcome:
    """Simulate a sweep by its events; a long one in part, extrapolated to all chunks."""
    chunks = c.chunks
    simulated_chunks = min(chunks, max(MAX_SIMULATED, 20 * workers))
    part = _events(c, workers, simulated_chunks, random.Random(seed))  # noqa: S311 - random deaths, no secrets
    scale = chunks / simulated_chunks
    return Outcome(part.seconds * scale, part.lost * scale, round(part.died * scale))


def _events(c: Constants, workers: int, chunks: int, rng: random.Random) -> Outcome:
    """Simulate workers that get chunks from the scheduler and send results to the client; each serves one at a time."""
    rate = c.deaths / DAY
    free = [(0.0, worker) for worker in range(workers)]
    heapq.heapify(free)
    scheduler = client = lost = 0.0
    died = 0
    left = chunks
    dies = [rng.expovariate(rate) if rate else float("inf") for _ in range(workers)]
    while left:
        now, worker = heapq.heappop(free)
        if dies[worker] <= now:  # while it waited
            died += 1
            lost += c.back
            now = dies[worker] + c.back
            dies[worker] = now + rng.expovariate(rate)
            heapq.heappush(free, (now, worker))
            continue
        scheduler = max(scheduler, now) + c.scheduler
        end = scheduler + c.seconds
        if dies[worker] < end:  # another worker repeats its chunk
            died += 1
            lost += max(dies[worker] - scheduler, 0.0) + c.back
            now = dies[worker] + c.back
            dies[worker] = now + rng.expovariate(rate)
            heapq.heappush(free, (now, worker))
            continue
        client = max(client, end) + c.client
        left -= 1
        heapq.heappush(free, (max(end, client - AHEAD_OF_CLIENT * workers * c.client), worker))
    return Outcome(client, lost, died)


AHEAD_OF_CLIENT = 4
"""Chunks a worker that are on their way, as in the sweep: when the client cannot follow, workers wait."""


def table(c: Constants, workers: tuple[int, ...] = WORKERS) -> Iterator[str]:
    """The lines of the table."""
    yield f"{c}"
    yield "workers      hours  efficiency  closed form, hours   dead   lost, worker hours"
    for count in workers:
        outcome = simulated(c, count)
        efficiency = c.chunks * c.seconds / (count * outcome.seconds)
        hours = outcome.seconds / 3600
        closed = closed_form(c, count) / 3600
        lost = outcome.lost / 3600
        yield f"{count:7,} {hours:10,.2f} {efficiency:10.0%} {closed:19,.2f} {outcome.died:7,} {lost:12,.2f}"
    for name, saturating_workers in saturation(c).items():
        yield f"the {name} is busy all the time from {saturating_workers:,.0f} workers on"


# --- measured

SPACE = {
    "risk.base": {"low": 0.005, "high": 0.03, "step": 0.000005},
    "strategy.entry": {"low": 0.0, "high": 0.0009, "step": 0.0001},
    "strategy.side": ["both", "long"],
}
"""50,010 policies twice: about 98 chunks."""


@contextmanager
def site(workers: int) -> Iterator[str]:
    """The address of a scheduler with some workers, each in a process of its own; nothing for none."""
    if not workers:
        yield ""
        return
    root = str(Path(__file__).parents[1])
    with tempfile.TemporaryDirectory() as name:
        scheduler_file = Path(name) / "scheduler.json"
        started: list[Any] = []

        def start(*words: str) -> None:
            command = [sys.executable, "-m", "dask", *words, "--no-dashboard"]
            variables = {**os.environ, "PYTHONPATH": root}
            quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
            started.append(subprocess.Popen(command, env=variables, cwd=name, **quiet))  # type: ignore[call-overload]  # noqa: S603

        try:
            start("scheduler", "--host", "127.0.0.1", "--port", "0", "--scheduler-file", str(scheduler_file))
            while not scheduler_file.exists():
                time.sleep(0.1)
            for _ in range(workers):
                start("worker", "--scheduler-file", str(scheduler_file), "--nthreads", "1", "--no-nanny")
            yield json.loads(scheduler_file.read_text())["address"]
        finally:
            for process in started:
                process.kill()
                process.wait()


def config_of(address: str, workers: int) -> Any:
    """A sweep of 100,020 policies of a moving-average cross over twenty years of days."""
    from engine.sweep.load_config import load

    base = load(Path(__file__).parents[1] / "configs" / "sma_cross.yaml", [])
    values = base.model_dump(mode="json", by_alias=True)
    sweep: dict[str, Any] = {"space": SPACE, "trials": 200_000, "confirm": 1, "spot_checks": 0, "workers": workers}
    from engine.config.yaml_layers import Layer
    from engine.sweep.load_config import validate

    more = {"cluster": {"dask": address}} if address else {}
    report = {**(values.get("report") or {}), "tearsheet": False}
    return validate(Layer({**values, "report": report, "sweep": {**sweep, **more}}, {}), "benchmark")


class Watch:
    """Seconds and bytes of what the client does."""

    def __init__(self) -> None:
        self.sums: dict[str, list[float]] = {}

    def add(self, name: str, value: float) -> None:
        """Note a value."""
        self.sums.setdefault(name, []).append(value)

    def timed(self, owner: Any, name: str, label: str) -> None:
        """Time a method from here on."""
        before = getattr(owner, name)

        def wrapped(*arguments: Any, **named: Any) -> Any:
            begun = time.perf_counter()
            busy = time.thread_time()
            try:
                return before(*arguments, **named)
            finally:
                self.add(label, time.perf_counter() - begun)
                self.add(f"{label}, processor", time.thread_time() - busy)

        setattr(owner, name, wrapped)


def busy(client: Any) -> dict[str, float]:
    """Seconds of processor so far: of this process, the scheduler's, all workers'."""
    if client is None:
        return {"client": time.process_time()}
    workers = client.run(time.process_time)
    return {
        "client": time.process_time(),
        "scheduler": client.run_on_scheduler(time.process_time),
        "workers": sum(workers.values()),
    }


def measure(workers: int, address: str) -> dict[str, Any]:
    """The trials of the sweep alone: seconds, and what was measured on the way; nothing is judged."""
    from core.processes import one_thread
    from engine.sweep import run as runs
    from engine.sweep.run_trials import run_trials
    from engine.sweep.storage.journal import Journal
    from engine.sweep.storage.sweep_folder import CHUNKS
    from engine.sweep.storage.trial_store import TrialStore
    from engine.sweep.trials.plan import plan_sweep
    from engine.sweep.trials.ranking import TrialRanking
    from engine.sweep.trials.runner import TrialChunk, TrialRunner
    from signals.workers.worker_pool import fold_pool

    one_thread()
    config = config_of(address, workers)
    made = plan_sweep(config)
    wants = runs.wants_of(made)
    with tempfile.TemporaryDirectory() as name, fold_pool(1, None) as hands:
        folder = Path(name)
        (folder / CHUNKS).mkdir()
        shop = TrialRunner(made, wants, None, lambda _: None, hands, f"{time.time_ns():016x}"[-16:])
        with runs._runner(shop) as (run, _):
            parts = list(made.chunks())
            points = made.points
            assert points is not None
            first = [TrialChunk(group, numbers, points.columns(numbers)) for group, numbers in parts[: 2 * workers]]
            list(run(first))  # loads the kernels
            records = TrialStore(folder, Journal(folder))
            client = getattr(getattr(run, "__self__", None), "client", None)
            if client is not None:
                client.wait_for_workers(workers)
            before = busy(client)
            begun = time.perf_counter()
            run_trials(made, TrialRanking.empty(made.spec, made.count), run, records, lambda _: None)
            seconds = time.perf_counter() - begun
            after = busy(client)
    by_chunk = {name: (after[name] - before[name]) / len(parts) for name in after}
    return {"seconds": seconds, "policies": made.count, "processor": by_chunk}


def measured() -> None:
    """Print what this machine does."""
    from engine.sweep.storage.trial_store import TrialStore
    from engine.sweep.trials.dask_runner import DaskRunner
    from engine.sweep.trials.trial_scores import pack

    watch = Watch()
    submit = DaskRunner._submit

    def counted(cluster: Any, chunk: Any) -> Any:
        header = cluster._on_cluster(chunk.group).header
        points = pickle.dumps((chunk.numbers, chunk.columns), protocol=5)
        watch.add("bytes of a task", len(pickle.dumps((header, points))))
        return submit(cluster, chunk)

    DaskRunner._submit = counted  # type: ignore[method-assign]
    watch.timed(DaskRunner, "_submit", "client: a task made and submitted")
    watch.timed(TrialStore, "put", "client: a chunk made durable")
    put = TrialStore.put

    def weighed(records: Any, scores: Any, numbers: Any, points: Any = None) -> None:
        watch.add("bytes of a result", len(pack(scores)))
        put(records, scores, numbers, points)

    TrialStore.put = weighed  # type: ignore[method-assign]
    for workers in (0, 1, 2):
        with site(workers) as address:
            result = measure(max(workers, 1), address)
        seconds = result["seconds"]
        speed = result["policies"] / seconds
        processor = ", ".join(f"{name} {value * 1000:.2f} ms" for name, value in result["processor"].items())
        title = f"{workers} workers" if workers else "without a cluster, one thread"
        print(f"{title}: {seconds:.1f} s, {speed:,.0f} policies/s; processor a chunk: {processor}")
    for name, values in watch.sums.items():
        median = sorted(values)[len(values) // 2]
        print(f"{name}: {median:,.0f}" if name.startswith("bytes") else f"{name}: {median * 1000:.2f} ms")


def main() -> None:
    """Measure or simulate."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["measure", "simulate"])
    parser.add_argument("constants", nargs="*", metavar="NAME=NUMBER")
    options = parser.parse_args()
    if options.what == "measure":
        measured()
        return
    changed: dict[str, Any] = {
        name: float(value) for name, _, value in (word.partition("=") for word in options.constants)
    }
    if unknown := changed.keys() - {field.name for field in fields(Constants)}:
        parser.error(f"unknown: {', '.join(sorted(unknown))}")
    for line in table(replace(Constants(), **changed)):
        print(line)


if __name__ == "__main__":
    main()
