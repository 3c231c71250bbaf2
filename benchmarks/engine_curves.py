"""Growth of time and memory of the compiled engine's batch call with bars, symbols, settings and threads.

    python benchmarks/engine_curves.py
    python benchmarks/engine_curves.py --most 100000       fewer settings at most

Every line is one process of its own, so that its largest memory is its own. Settings are a grid over the entry, the
size and the stop of the threshold rule, made chunk by chunk; the table of a chunk is looked at and dropped. Seconds are
those after the kernel is compiled.
"""

import argparse
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import numpy as np

BASE = {"bars": 5_000, "symbols": 1, "settings": 1_000, "threads": 1}
CURVES: dict[str, tuple[int, ...]] = {
    "bars": (1_000, 10_000, 100_000, 1_000_000),
    "symbols": (1, 10, 100),
    "settings": (1_000, 10_000, 100_000, 1_000_000),
    "threads": (1, 2),
}


def one(bars: int, symbols: int, settings: int, threads: int) -> None:
    """Measure one size in this process; print seconds and the largest memory, MB."""
    from engines import task_of
    from peers import Work
    from peers_work import Setting, Terms, predictions, walk

    from engine.backtest.compiled import BatchRunner

    prices = walk(bars, symbols if symbols > 1 else 0, step=0.01 if bars < 50_000 else 0.0004)
    work = Work("curve", prices, predictions(prices.close), [Setting()], Terms())
    runner = BatchRunner(task_of(work), threads=threads)
    chunks = list(grid(min(settings, 2)))
    runner.run(chunks[0])
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    begun = time.perf_counter()
    best = -np.inf
    for chunk in grid(settings):
        best = max(best, float(np.nanmax(runner.run(chunk).columns["sharpe"])))
    seconds = time.perf_counter() - begun
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(f"{seconds} {peak / 1024} {(peak - before) / 1024}")


def grid(count: int) -> Iterator[dict[str, Any]]:
    """So many settings, in chunks."""
    from engine.backtest.compiled.batch import CHUNK

    for first in range(0, count, CHUNK):
        number = np.arange(first, min(first + CHUNK, count))
        yield {
            "strategy.entry": 0.01 + 0.015 * (number // 50_000 % 20) / 20.0,
            "risk.base": 0.005 + 0.035 * (number % 250) / 250.0,
            "broker.slippage": 0.0005 + 1e-7 * (number // 250 % 200),
        }


def main() -> None:
    """Print the curves."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--most", dest="max_settings", type=int, default=1_000_000, help="settings at most")
    parser.add_argument("--one", type=int, nargs=4, help="measure one size; what the script calls itself for")
    options = parser.parse_args()
    if options.one:
        one(*options.one)
        return
    print("     bars  symbols  settings  threads   seconds  ns/step     MB  MB more")
    for axis, sizes in CURVES.items():
        for size in sizes:
            shape = {**BASE, axis: size}
            if axis in ("bars", "symbols"):
                shape["settings"] = max(2, 5_000_000 // (shape["bars"] * shape["symbols"]))
            if axis == "threads":
                shape["settings"] = 20_000
            if shape["settings"] > options.max_settings:
                continue
            words = [sys.executable, __file__, "--one", *(str(value) for value in shape.values())]
            done = subprocess.run(words, check=True, capture_output=True, text=True)  # noqa: S603 (this script itself)
            seconds, peak, more = (float(word) for word in done.stdout.split())
            steps = shape["bars"] * shape["symbols"] * shape["settings"]
            for value, width in zip(shape.values(), (9, 8, 9, 8), strict=True):
                print(f"{value:>{width},} ", end="")
            print(f"{seconds:>9.3f} {1e9 * seconds / steps:>8.2f} {peak:>6.0f} {more:>8.0f}", flush=True)


if __name__ == "__main__":
    main()
