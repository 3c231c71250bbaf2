"""Speed of sweeps: against vectorbt and raptorbt over the same grid, and time and memory by the number of trials.

    python benchmarks/sweeps.py peers       10,000 policies over 20 years of days; needs the extra ``bench``
    python benchmarks/sweeps.py curve       1,000 to 1,000,000 policies, each in a process of its own
    python benchmarks/sweeps.py tests       PBO, deflated Sharpe ratio, superior ability of 10,000 trials
    python benchmarks/sweeps.py command     the whole command on a trained quickstart, 10,000 policies

``ours, a sweep`` includes everything that a sweep does for its trials: points, checks, the engine with measures, sums
over blocks of time, and files that are on the disk when a chunk is done. ``ours`` is the engine alone. One thread each.
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

os.environ.update(OMP_NUM_THREADS="1", GOMP_SPINCOUNT="0", OMP_WAIT_POLICY="PASSIVE", NUMBA_NUM_THREADS="1")

import numpy as np

CURVE = (1_000, 10_000, 100_000, 1_000_000)
SUMMED = 10_000


def swept(task: Any, columns: dict[str, list[Any]], measures: Any, folder: Path) -> tuple[Any, float]:
    """Run the trials of some columns as a sweep does; the store of their scores, and seconds."""
    from engine.sweep.space.dimensions import Discrete
    from engine.sweep.storage.journal import Journal
    from engine.sweep.storage.sweep_folder import CHUNKS
    from engine.sweep.storage.trial_store import TrialStore
    from engine.sweep.trials.compiled_trials import CompiledTrials, TrialOutputs
    from engine.sweep.trials.plan import CHUNK, SharedSpan

    (folder / CHUNKS).mkdir(parents=True)
    count = len(next(iter(columns.values())))
    chosen = np.random.default_rng(0).permutation(count)
    span = SharedSpan.from_start(task.market, task.signals.start, 16)
    outputs = TrialOutputs(measures, 252.0, 0.0, span, np.sort(chosen[:SUMMED]), np.sort(chosen[:1000]))
    axes = tuple(Discrete(path, tuple(dict.fromkeys(values))) for path, values in columns.items())
    trials = CompiledTrials(task, outputs, axes, threads=1)
    first = {path: values[:2] for path, values in columns.items()}
    trials.scores(np.arange(2), first)  # loads the kernel
    store = TrialStore(folder, Journal(folder))
    best = -np.inf
    begun = time.perf_counter()
    for start in range(0, count, CHUNK):
        numbers = np.arange(start, min(start + CHUNK, count))
        part = {path: values[start : start + CHUNK] for path, values in columns.items()}
        scores = trials.scores(numbers, part)
        store.put(scores, numbers)
        best = max(best, float(np.nanmax(scores.values["sharpe"])))
    return store, time.perf_counter() - begun


class Sweeping:
    """A contender that runs the grid of a work as a sweep."""

    def __init__(self) -> None:
        self.tasks: dict[str, Any] = {}

    def __call__(self, work: Any, measures: bool) -> Any:
        """Run a work."""
        from engines import MEASURES, task_of
        from engines import settings_of as columns_of
        from peers_work import Outcome

        from engine.sweep.trials.trial_scores import join_scores

        if not measures:
            measures = True  # a sweep always measures
        if work.name not in self.tasks:
            self.tasks[work.name] = task_of(work)
        with tempfile.TemporaryDirectory() as name:
            store, seconds = swept(self.tasks[work.name], columns_of(work), MEASURES, Path(name) / "sweep")
            values = join_scores(list(store.all())).values
        ratios = {"sharpe": values["sharpe"], "sortino": values["sortino"]}
        ratios |= {"calmar": values["calmar"], "drawdown": values["max_drawdown"]}
        return Outcome(values["final_value"], values["fills"].astype(int), seconds, ratios)


def peers(rounds: int) -> None:
    """10,000 policies against the other programs."""
    from engines import Ours, ratios
    from peers import Work, admitted, contenders, race, show, versions
    from peers_work import Terms, grid, predictions, sp500

    print(versions())
    daily = sp500()
    work = Work("sweep of 10,000", daily, predictions(daily.close), grid(100, 100), Terms(), checked=500)
    field = {"ours": Ours(prepared=True), "ours, a sweep": Sweeping(), **contenders()}
    seconds = race(work, admitted(work, field), rounds)
    show(work, seconds)
    ratios(seconds)
    medians = {contender: float(np.median(times)) for contender, times in seconds.items()}
    overhead = 1e6 * (medians["ours, a sweep", True] - medians["ours", True]) / len(work.grid)
    print(f"  a sweep takes {overhead:.1f} us more than the engine alone for each trial")


def one(count: int) -> None:
    """Run ``count`` policies in this process; print seconds, peak memory, and its growth, in MB."""
    from engines import task_of
    from peers import Work
    from peers_work import Setting, Terms, predictions, walk

    from engine.backtest.compiled import MEASURES
    from engine.sweep.space.dimensions import Discrete
    from engine.sweep.space.samplers import Grid

    prices = walk(5_000, 0)
    work = Work("curve", prices, predictions(prices.close), [Setting()], Terms())
    axes = (
        Discrete("strategy.entry", tuple((0.01 + 0.015 * np.arange(20) / 20).tolist())),
        Discrete("broker.slippage", tuple((0.0005 + 1e-7 * np.arange(max(1, count // 5000))).tolist())),
        Discrete("risk.base", tuple((0.005 + 0.035 * np.arange(250) / 250).tolist())),
    )
    grid = Grid(axes)
    columns = _Lazy(grid, min(count, grid.count))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with tempfile.TemporaryDirectory() as name:
        _, seconds = swept(task_of(work), columns, MEASURES, Path(name) / "sweep")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(f"{seconds} {peak / 1024} {(peak - before) / 1024}")


class _Lazy(dict[str, Any]):
    """Columns of a grid that are computed when they are read."""

    def __init__(self, grid: Any, count: int) -> None:
        super().__init__({axis.path: _Column(grid, axis.path, count) for axis in grid.dimensions})


class _Column:
    def __init__(self, grid: Any, path: str, count: int) -> None:
        self.grid = grid
        self.path = path
        self.count = count

    def __len__(self) -> int:
        return self.count

    def __iter__(self) -> Any:
        return iter(next(axis.values for axis in self.grid.dimensions if axis.path == self.path))

    def __getitem__(self, part: slice) -> list[Any]:
        return self.grid.columns(np.arange(*part.indices(self.count)))[self.path]


def curve(largest: int) -> None:
    """Time and memory by the number of trials."""
    print("   policies   seconds  us each     MB")
    for count in CURVE:
        if count <= largest:
            words = [sys.executable, __file__, "one", "--count", str(count)]
            done = subprocess.run(words, check=True, capture_output=True, text=True)  # noqa: S603 (this script itself)
            seconds, peak, _ = (float(word) for word in done.stdout.split())
            print(f"{count:>11,} {seconds:>9.2f} {1e6 * seconds / count:>8.1f} {peak:>6.0f}", flush=True)


def tests() -> None:
    """Time of each overfitting test with 10,000 trials."""
    from risk.overfitting import BlockSums, against_cash, deflated_sharpe, effective_trials, pbo_of_blocks, spa

    returns = np.random.default_rng(0).normal(0, 0.01, (3_800, 10_000))
    edges = np.linspace(0, len(returns), 17).astype(int)
    few = np.ascontiguousarray(returns[:, :1000])
    work = {
        "sums over 16 blocks": lambda: BlockSums.of(returns, edges),
        "PBO, 10,000 trials": lambda: pbo_of_blocks(BlockSums.of(returns, edges)),
        "deflated Sharpe ratio": lambda: deflated_sharpe(returns[:, 0], 10_000, 0.0003),
        "superior ability, 1,000 trials": lambda: spa(against_cash(few)),
        "clusters, 1,000 trials": lambda: effective_trials(few),
    }
    for name, run_test in work.items():
        begun = time.perf_counter()
        run_test()
        print(f"{name:32s} {time.perf_counter() - begun:7.2f} s", flush=True)


def command() -> None:
    """The whole command twice: the first trains, and the second, over other policies, finds the signals trained."""
    root = Path(__file__).resolve().parent.parent
    entry, base = "{low: 0.0, high: 0.00198, step: 0.00002}", "{low: 0.005, high: 0.0248, step: 0.0002}"
    space = f"sweep.space={{strategy.entry: {entry}, risk.base: {base}}}"
    for name, cap in (("with training", "0.05"), ("trained", "0.06")):
        with tempfile.TemporaryDirectory() as out:
            words = ["configs/quickstart.yaml", space, f"risk.cap={cap}", "--out", out, "--quiet"]
            begun = time.perf_counter()
            subprocess.run([sys.executable, "run_backtest.py", *words], check=True, cwd=root)  # noqa: S603 (our own)
            seconds = time.perf_counter() - begun
            log = next(Path(out).rglob("run.log")).read_text(encoding="utf-8")
        stages = {
            line.rsplit(": ", 1)[1].split(" took ")[0]: line.rsplit(" ", 2)[1]
            for line in log.splitlines()
            if " took " in line
        }
        parts = ", ".join(f"{stage} {stages[stage]} s" for stage in ("plan", "trials", "judgement"))
        print(f"10,000 policies, {name}: {seconds:.1f} s in all ({parts})", flush=True)


def main() -> None:
    """Run one of the benchmarks."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("what", choices=["peers", "curve", "tests", "command", "one"])
    parser.add_argument("--rounds", type=int, default=5, help="how often each is timed")
    parser.add_argument("--most", type=int, default=1_000_000, help="policies at most", dest="largest")
    parser.add_argument("--count", type=int, default=1_000, help="of one size; what the script calls itself for")
    options = parser.parse_args()
    match options.what:
        case "peers":
            peers(options.rounds)
        case "curve":
            curve(options.largest)
        case "tests":
            tests()
        case "command":
            command()
        case "one":
            one(options.count)


if __name__ == "__main__":
    main()
