"""One decision of a bundle against the straight way, in turns.

``python benchmarks/predict.py [decisions]`` trains the quickstart's four models up to 2004, then decides at later bars
(60 by default): by the bundle, as a service has it and before its loops are compiled; by its models alone, with the
features computed before; and by the libraries' own models, with the features of the whole history. The ways take turns
of ten decisions; the first of the ten, which finds the processor's caches full of other work, has a row of its own. CPU
time of one thread, medians with quartiles, ratios to the bundle. It also prints the bundle's size and the time to load
it.
"""

import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from time import process_time

os.environ.update(OMP_NUM_THREADS="1", GOMP_SPINCOUNT="0", OMP_WAIT_POLICY="PASSIVE")

import numpy as np

from core.types import Market
from engine.bundle.read import load_bundle
from engine.bundle.train import train
from engine.bundle.trained import cut_of
from engine.sweep.load_config import load
from signals.folds.fit_at_cut import ALL, fit_at_cut, panel_of, window_of
from signals.folds.fit_fold import answer
from signals.kernels import compile_used

CUT = "2004-06-30"
UNCOMPILED = 10
IN_A_ROW = 10


def milliseconds(task: Callable[[Market], object], market: Market) -> float:
    """CPU time of a task."""
    start = process_time()
    task(market)
    return 1e3 * (process_time() - start)


def main(decisions: int, folder: Path) -> None:
    """Print the table."""
    config = load(Path("configs/quickstart.yaml"), [])
    market = config.data.load()
    train(config, folder, cut=CUT)
    start = process_time()
    bundle = load_bundle(folder)
    loading = process_time() - start
    training = config.signals.training
    fitted = fit_at_cut(market.until(cut_of(market, CUT)), training).parts[ALL].fitted

    def by_libraries(known: Market) -> object:
        panel = panel_of(known, training)
        return answer(training, window_of(panel), fitted, np.array([len(panel) - 1]))

    later = [market.until(time) for time in market.times[market.times > bundle.cut][:decisions]]
    panel = panel_of(later[0], training)
    window = window_of(panel)
    last = np.array([len(panel) - 1])
    early = [milliseconds(bundle.decide, known) for known in later[:UNCOMPILED]]
    compile_used()
    bundle.decide(later[0])
    tasks: dict[str, Callable[[Market], object]] = {
        "bundle.decide": bundle.decide,
        "its models alone": lambda _: answer(training, window, bundle.parts[ALL].fitted, last),
        "the libraries' models": by_libraries,
    }
    times: dict[str, list[float]] = {name: [] for name in tasks}
    for begin in range(0, len(later), IN_A_ROW):
        for name, task in tasks.items():
            times[name] += [milliseconds(task, known) for known in later[begin : begin + IN_A_ROW]]
    times["bundle.decide, first of ten"] = times["bundle.decide"][::IN_A_ROW]
    base = float(np.median(times["bundle.decide"]))
    print("| way | CPU ms, median (quartiles) | ratio |\n|---|---|---|")
    for name, values in {**times, "bundle.decide, not compiled": early}.items():
        low, middle, high = np.percentile(values, [25, 50, 75])
        print(f"| {name} | {middle:.2f} ({low:.2f} to {high:.2f}) | {middle / base:.2f} |")
    size = sum(path.stat().st_size for path in folder.iterdir())
    print(f"\nThe bundle has {size / 1e6:.2f} MB and is loaded in {loading:.2f} s of CPU time after the imports.")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        main(int(sys.argv[1]) if len(sys.argv) > 1 else 60, Path(name) / "bundle")
