"""Settings for every test."""

import os

import numpy as np
import pandas as pd
import pytest
from hypothesis import settings

# A busy machine is no failure: examples have no time limit of their own. The same examples each time, so that what
# passed passes again; EXPLORE=1 draws new ones.
settings.register_profile("unhurried", deadline=None, derandomize="EXPLORE" not in os.environ)
settings.load_profile("unhurried")


@pytest.fixture(scope="session", autouse=True)
def shared_cache(tmp_path_factory):
    """One signal cache and one ledger for the whole session, child processes included; never the user's own.

    Processes that share out the tests share what is compiled: a kernel takes up to half a minute.
    """
    folder = tmp_path_factory.mktemp("cache")
    if "PYTEST_XDIST_WORKER" in os.environ:
        kernels = tmp_path_factory.getbasetemp().parent / "kernels"
        kernels.mkdir(exist_ok=True)
        (folder / "kernels").symlink_to(kernels, target_is_directory=True)
    os.environ["BACKTRADER_ML_CACHE"] = str(folder)
    os.environ["BACKTRADER_ML_DATA"] = str(tmp_path_factory.mktemp("ledger"))
    yield folder
    del os.environ["BACKTRADER_ML_CACHE"], os.environ["BACKTRADER_ML_DATA"]


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
