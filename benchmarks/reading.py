"""Time and memory of reading a file of minute bars, as ratios to pandas in the same run.

``python benchmarks/reading.py [rows]`` writes a CSV of that many minute bars (a million by default) into a temporary
folder and takes turns: ``pandas.read_csv`` with dates, ``data.load()`` without its cache, and ``data.load()`` with it.
Medians are compared. Peak memory is that of a
fresh process for each, with the same imports.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median
from time import perf_counter

import numpy as np
import pandas as pd

from marketdata.data_spec import DataSpec
from marketdata.market_cache import keeping_markets

ROUNDS = 7
AIMS = {"first time": 3.0, "second time": 0.15, "memory": 2.5}
PEAK = """
import sys
import pandas as pd, pyarrow.csv, pyarrow.compute
from marketdata.data_spec import DataSpec
from marketdata.market_cache import keeping_markets
def kilobytes(name):
    lines = open("/proc/self/status").read().splitlines()
    return int(next(line for line in lines if line.startswith(name)).split()[1])
if sys.argv[1] == "pandas":
    kept = pd.read_csv(sys.argv[2], parse_dates=["Date"])
else:
    source = {"kind": "csv", "files": {"A": sys.argv[2]}, "stamp": "end"}
    with keeping_markets(False):
        kept = DataSpec.parse({"source": source, "session_close": "16:00 UTC"}).load()
print(kilobytes("VmHWM"))
"""


def write(path: Path, rows: int) -> None:
    """A random walk of minute bars with five decimals."""
    random = np.random.default_rng(0)
    close = 100 * np.exp(np.cumsum(random.normal(0, 2e-4, rows)))
    opened = np.r_[close[:1], close[:-1]]
    table = {
        "Date": pd.date_range("2015-01-01", periods=rows, freq="min").strftime("%Y-%m-%d %H:%M:%S"),
        "Open": opened.round(5),
        "High": (np.maximum(opened, close) * 1.0001).round(5),
        "Low": (np.minimum(opened, close) * 0.9999).round(5),
        "Close": close.round(5),
        "Volume": random.integers(1, 5000, rows),
    }
    pd.DataFrame(table).to_csv(path, index=False)


def seconds(path: Path) -> dict[str, float]:
    """Median seconds of each way, in turns."""
    source = {"kind": "csv", "files": {"A": str(path)}, "stamp": "end"}
    spec = DataSpec.parse({"source": source, "session_close": "16:00 UTC"})
    spec.load()  # fills the cache
    taken: dict[str, list[float]] = {"pandas": [], "first time": [], "second time": []}
    for _ in range(ROUNDS):
        start = perf_counter()
        pd.read_csv(path, parse_dates=["Date"])
        taken["pandas"].append(perf_counter() - start)
        for name, kept in (("first time", False), ("second time", True)):
            start = perf_counter()
            with keeping_markets(kept):
                spec.load()
            taken[name].append(perf_counter() - start)
    return {name: median(values) for name, values in taken.items()}


def peak(way: str, path: Path) -> int:
    """Kilobytes that a fresh process needs at most."""
    done = subprocess.run([sys.executable, "-c", PEAK, way, str(path)], capture_output=True, text=True, check=True)  # noqa: S603 - our own words
    return int(done.stdout)


def main() -> None:
    """Print the table."""
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    with tempfile.TemporaryDirectory() as folder:
        os.environ["BACKTRADER_ML_CACHE"] = str(Path(folder) / "cache")
        path = Path(folder) / "minutes.csv"
        write(path, rows)
        os.utime(path, (1_500_000_000, 1_500_000_000))  # a file that has been there for a while
        times = seconds(path)
        memory = {way: median(peak(way, path) for _ in range(3)) for way in ("pandas", "load")}
    print(f"{rows:,} minute bars: pandas.read_csv with dates {times['pandas']:.2f} s, {memory['pandas'] / 1e3:.0f} MB")
    ratios = {name: times[name] / times["pandas"] for name in ("first time", "second time")}
    ratios["memory"] = memory["load"] / memory["pandas"]
    for name, ratio in ratios.items():
        print(f"{name:12}{ratio:7.2f} x   (at most {AIMS[name]} x)")


if __name__ == "__main__":
    main()
