"""The cost of an edit: files of a copy of the project are changed, and another process prints the trained folds."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

ROOT = Path(__file__).resolve().parents[3]
TREE = ("core", "marketdata", "risk", "signals", "strategies", "serving", "engine")
FEATURE = '''
"""A feature of the test."""

from core.types import Bars, Matrix
from signals.features.base import BarFeature


class Spread(BarFeature):
    """How far a bar reaches."""

    @property
    def warmup(self) -> int:
        """The helper's."""
        return 1

    @property
    def names(self) -> tuple[str, ...]:
        """The column."""
        return ("spread",)

    def compute(self, bars: Bars) -> Matrix:
        """Its range."""
        from a_helper import spread  # beside the packages, and found when it is needed

        return spread(bars.high, bars.low)[:, None]
'''
HELPER = '''
import numpy as np


def spread(high, low):
    """High against low."""
    found = high / low - 1.0
    found[0] = np.nan
    return found
'''
CONFIG = """
name: edits
seed: 7
data: {source: {kind: csv, files: {A: prices.csv, B: other.csv}}, benchmark: B, trade: [A]}
features: [{kind: spread}, {kind: sma, window: 5}]
model: {kind: lightgbm, rounds: 5}
walk_forward: {train: 120, test: 60}
strategy: {kind: threshold}
"""
SCRIPT = """
import hashlib
from pathlib import Path
from engine.sweep.load_config import load
from engine.pipeline import signal_store
from signals.workers import run_folds
from signals.cache.serialization import pack_signals
from signals.folds.fit_fold import run_fold
from signals.generate import generate

def counted(panel, training, fold, report):
    print("trained", fold.number)
    return run_fold(panel, training, fold, report)

run_folds.run_fold = counted
config = load(Path("config.yaml"), [])
signals = generate(config.data.load(), config.signals, store=signal_store())
print("bits", hashlib.sha256(pack_signals(signals)).hexdigest())
"""


def prices(seed):
    rng = np.random.default_rng(seed)
    close = np.round(100 * np.exp(np.cumsum(rng.normal(0, 0.01, 300))), 2)
    reach = rng.uniform(1.01, 1.03, 300)
    days = pd.bdate_range("2001-01-02", periods=300)
    columns = {"open": close, "high": close * reach, "low": close / reach, "close": close, "volume": 1000}
    return pd.DataFrame(columns, index=pd.Index(days, name="date"))


class Copy:
    """A copy of the project with a feature, its helper, two files of prices and a config."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in TREE:
            shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        self.write("signals/features/spread.py", FEATURE)
        self.write("a_helper.py", HELPER)
        self.write("config.yaml", CONFIG)
        for seed, name in enumerate(("prices.csv", "other.csv")):
            prices(seed).to_csv(folder / name)

    def write(self, name: str, text: str) -> None:
        (self.folder / name).write_text(text, encoding="utf-8")

    def edit(self, name: str, old: str, new: str) -> None:
        text = (self.folder / name).read_text(encoding="utf-8")
        assert old in text, (name, old)
        self.write(name, text.replace(old, new, 1))

    def raise_high(self, name: str, day: str) -> None:
        """Let one bar reach further up."""
        text = (self.folder / name).read_text(encoding="utf-8")
        [line] = [line for line in text.splitlines() if line.startswith(day)]
        date, opened, high, *rest = line.split(",")
        self.write(name, text.replace(line, ",".join([date, opened, str(float(high) * 1.05), *rest])))

    def run(self, cache: str = "cache") -> tuple[int, str]:
        """The number of trained folds, and the bits of the signals."""
        environment = {
            **os.environ,
            "PYTHONPATH": str(self.folder),
            "PYTHONDONTWRITEBYTECODE": "1",  # edits of one second and one length would not be noticed
            "BACKTRADER_ML_CACHE": str(self.folder / cache),
        }
        command = [sys.executable, "-c", SCRIPT]
        done = subprocess.run(
            command, cwd=self.folder, env=environment, capture_output=True, text=True, check=False, timeout=120
        )
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout.count("trained"), re.search("bits (.*)", done.stdout)[1]


@pytest.fixture(scope="module")
def first(tmp_path_factory):
    """A copy that has run once, and the bits of its signals."""
    copy = Copy(tmp_path_factory.mktemp("copy"))
    trained, bits = copy.run()
    assert trained == 3
    return copy, bits


@pytest.fixture
def copy(first):
    """The copy, whose files are put back afterwards."""
    project, _ = first
    names = [path for path in project.folder.rglob("*") if path.suffix in (".py", ".csv", ".yaml")]
    before = {path: path.read_bytes() for path in names}
    yield project
    for path in project.folder.rglob("*.py"):
        if path not in before:
            path.unlink()
    for path, content in before.items():
        path.write_bytes(content)


HARMLESS = {
    "a comment, a docstring and blank lines of what is at work": [
        ("a_helper.py", '    """High against low."""\n', "    # high against low\n\n\n"),
        ("signals/features/spread.py", "How far a bar reaches.", "How far a bar reaches,\n\n    high against low."),
        ("signals/folds/fit_fold.py", "log = logging", "# a comment\n\n\n\nlog = logging"),
        ("signals/models/lightgbm.py", '"""', '"""Of old: '),
        ("core/types.py", "def read_only(values: npt.ArrayLike,", "def read_only(\n    values: npt.ArrayLike,"),
    ],
    "plug-ins that are not asked for, the engine, the strategies, the risk rule": [
        ("signals/features/rsi.py", "class Rsi", "EXTRA = 1\n\n\nclass Rsi"),
        ("signals/models/xgboost.py", "class ", "EXTRA = 1\n\n\nclass "),
        ("signals/labels/triple_barrier.py", "class ", "EXTRA = 1\n\n\nclass "),
        ("signals/evaluation/evaluate.py", "\n\n\n", "\n\n\nEXTRA = 1\n\n\n"),
        ("engine/pipeline.py", "CACHE_LIMIT = 2", "CACHE_LIMIT = 3"),
        ("strategies/threshold.py", "class ", "EXTRA = 1\n\n\nclass "),
        ("risk/sizing.py", "\n\n\n", "\n\n\nEXTRA = 1\n\n\n"),
    ],
    "the prices of a symbol that nothing looks at": [("other.csv", ",1000\n", ",1001\n")],
    "the name, the strategy, the account": [
        ("config.yaml", "name: edits", "name: other\nbroker: {cash: 5000}\nrisk: {base: 0.01}"),
        ("config.yaml", "{kind: threshold}", "{kind: threshold, entry: 0.001}"),
    ],
}


@pytest.mark.slow
@pytest.mark.parametrize("edits", HARMLESS.values(), ids=HARMLESS)
def test_an_edit_that_changes_no_number_trains_nothing(edits, copy, first):
    for name, old, new in edits:
        copy.edit(name, old, new)
    copy.write("signals/features/newcomer.py", FEATURE.replace("Spread", "Newcomer"))
    assert copy.run() == (0, first[1])


TELLING = {
    "the body of a helper's function": ("a_helper.py", "high / low - 1.0", "high / low - 1.001"),
    "the feature": ("signals/features/spread.py", "spread(bars.high, bars.low)", "spread(bars.high, bars.close)"),
    "a parameter": ("config.yaml", "rounds: 5", "rounds: 6"),
    "the seed": ("config.yaml", "seed: 7", "seed: 8"),
    "a module far below": ("signals/scaling.py", "\n\n\n", "\n\n\nEXTRA = 1\n\n\n"),
}


@pytest.mark.slow
@pytest.mark.parametrize("edit", TELLING.values(), ids=TELLING)
def test_an_edit_that_may_change_a_number_trains_anew(edit, copy, first):
    copy.edit(*edit)
    trained, bits = copy.run()
    assert trained == 3
    assert (bits == first[1]) == ("EXTRA" in edit[2])
    assert copy.run() == (0, bits)


@pytest.mark.slow
@pytest.mark.parametrize(("day", "folds"), [("2001-02-01", 3), ("2002-02-11", 1)])
def test_a_cell_of_the_prices_trains_the_folds_that_may_see_it(day, folds, copy):
    copy.raise_high("prices.csv", day)
    trained, bits = copy.run()
    assert trained == folds
    assert copy.run(cache=f"without {day}") == (3, bits)


@pytest.mark.slow
def test_a_cell_that_no_feature_reads_trains_nothing(copy, first):
    copy.edit("prices.csv", ",1000\n", ",1001\n")
    assert copy.run() == (0, first[1])
