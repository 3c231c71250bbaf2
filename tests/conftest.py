"""Settings for every test."""

import os
import pickle
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from filelock import FileLock
from hypothesis import is_hypothesis_test, settings

from engine.backtest.compiled import compilation as compiling
from engine.backtest.compiled.kernel_modules import loaded

# A busy machine is no failure: examples have no time limit of their own. The same few examples each time, so that what
# passed passes again; EXPLORE=1 draws new ones, and as many as a test asks for.
EXPLORE = "EXPLORE" in os.environ
settings.register_profile("unhurried", deadline=None, derandomize=not EXPLORE)
settings.load_profile("unhurried")
FEWER = 6
LEAST = 5
"""What is drawn without EXPLORE: a part of the examples that a test asks for, and no fewer than so many."""


def pytest_collection_modifyitems(items):
    """Tests that draw examples draw fewer; the files that take longest (marker ``early``) go first."""
    if not EXPLORE:
        drawing = {item.obj for item in items if is_hypothesis_test(getattr(item, "obj", None))}
        for function in (test for test in drawing if hasattr(test, "_hypothesis_internal_use_settings")):
            asked = function._hypothesis_internal_use_settings
            fewer = min(asked.max_examples, max(LEAST, asked.max_examples // FEWER))
            function._hypothesis_internal_use_settings = settings(asked, max_examples=fewer)
    early = {item.path for item in items if item.get_closest_marker("early")}
    items.sort(key=lambda item: item.path not in early)


@pytest.fixture(scope="session", autouse=True)
def shared_cache(tmp_path_factory, pytestconfig):
    """One signal cache and one ledger for the whole session, child processes included; never the user's own.

    What is compiled is shared by all processes, and by later sessions: a kernel takes up to half a minute, and the name
    of its file says all that it is made of.
    """
    folder = tmp_path_factory.mktemp("cache")
    kernels = kernels_of(tmp_path_factory, pytestconfig)
    (folder / "kernels").symlink_to(kernels, target_is_directory=True)
    with pytest.MonkeyPatch.context() as patch:  # check-plugin runs tests within a test: what was set comes back
        patch.setenv("BACKTRADER_ML_CACHE", str(folder))
        patch.setenv("BACKTRADER_ML_DATA", str(tmp_path_factory.mktemp("ledger")))
        yield folder


def kernels_of(tmp_path_factory, pytestconfig):
    """The folder of compiled kernels; those that are a month old are removed."""
    if cache := getattr(pytestconfig, "cache", None):
        folder = Path(cache.mkdir("kernels"))
    else:
        base = tmp_path_factory.getbasetemp()
        folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "kernels"
        folder.mkdir(exist_ok=True)
    for path in (*folder.glob("*.*"), *folder.glob("__pycache__/*")):
        with suppress(OSError):  # another process was faster
            if time.time() - path.stat().st_mtime > MONTH:
                path.unlink()
    return folder


MONTH = 30 * 86400.0


@pytest.fixture(scope="session", autouse=True)
def compiled_elsewhere(shared_cache):
    """Kernels are compiled in processes of their own, each once: the compiler keeps 150 to 300 MB for each."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(compiling, "loaded", Prepared)
        yield


COMPILE = """
import pickle, sys
from engine.backtest.compiled.kernel_modules import loaded
folder, parts, types = pickle.load(sys.stdin.buffer)
loaded(folder, parts).compile(pickle.loads(types))
"""


class Prepared:
    """A kernel that is in its cache before it is called for the first time."""

    def __init__(self, folder, parts):
        self.folder, self.parts, self.ready = folder, parts, threading.Lock()
        self.kernel = loaded(folder, parts)
        self.types = set()

    def __call__(self, *given):
        """Call the kernel."""
        from numba import typeof

        types = tuple(map(typeof, given))
        with self.ready:
            if types not in self.types:
                self.prepare(types)
                self.types.add(types)
        return self.kernel(*given)

    def prepare(self, types):
        """Compile for these types in another process; what it cannot compile is told by this one, later."""
        name = self.parts[-1].name
        request = pickle.dumps((self.folder, self.parts, pickle.dumps(types)))
        with FileLock(self.folder / f"{name}.lock"):
            if not any(self.folder.glob(f"__pycache__/{name}.*.nbc")):
                environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
                subprocess.run(
                    [sys.executable, "-c", COMPILE], input=request, env=environment, capture_output=True, check=False
                )


@pytest.fixture(scope="session")
def redrawn():
    """Replaces every bar of a frame from a row on by a new one, drawn independently of the others: another future.

    Columns are open, high, low, close, volume, however they are spelt; ``how`` is another walk, mirrored (every move
    turned round) or thousandfold.
    """
    return _redrawn


def _redrawn(frame, row, how):
    rng = np.random.default_rng([row, len(frame)])
    closes = frame.iloc[:, 3].to_numpy()
    future = closes[row:]
    close = {
        "another walk": 100 * np.exp(np.cumsum(rng.normal(0, 0.05, len(future)))),
        "mirrored": closes[max(row - 1, 0)] ** 2 / future,
        "thousandfold": 1000 * future * rng.uniform(0.5, 2, len(future)),
    }[how]
    opened = close * rng.uniform(0.97, 1.03, len(future))
    high, low = np.maximum(opened, close) * 1.01, np.minimum(opened, close) * 0.99
    columns = (opened, high, low, close, rng.uniform(1e5, 1e7, len(future)))
    made = pd.DataFrame(dict(zip(frame.columns, columns, strict=True)), index=frame.index[row:])
    return pd.concat([frame.iloc[:row], made])


@pytest.fixture(scope="session")
def browser():
    """One Chromium for all pages of the session."""
    from browser_page import launched

    with launched() as chromium:
        yield chromium
