"""A short price file, and sweeps of it that train nothing."""

import os

import pytest
from general_kernels import use_general_kernels

from engine.config.yaml_layers import Layer
from engine.sweep.load_config import validate

BARS = 200


@pytest.fixture(scope="session")
def prices(tmp_path_factory, walk):
    """The path of a file of daily bars."""
    path = tmp_path_factory.mktemp("prices") / "walk.csv"
    walk.iloc[:BARS].to_csv(path)
    return path


@pytest.fixture(autouse=True)
def kernels(monkeypatch):
    """The two kernels that other tests of the compiled engine take as well: one that counts, one that writes down."""
    use_general_kernels(monkeypatch)


@pytest.fixture(autouse=True)
def registry_files(tmp_path, monkeypatch):
    """The registry of trials in a folder of the test."""
    monkeypatch.setenv("BACKTRADER_ML_DATA", str(tmp_path / "data"))
    assert "BACKTRADER_ML_CACHE" in os.environ
    return tmp_path / "data" / "trials"


@pytest.fixture(scope="session")
def config_of(prices):
    """Make the config of a moving-average cross with a sweep; blocks may be replaced."""

    def make(sweep, **changes):
        values = {
            "name": "tiny",
            "data": {"source": {"kind": "csv", "files": {"X": str(prices)}}},
            "model": {"kind": "sma_cross", "fast": 3, "slow": 8},
            "strategy": {"kind": "threshold"},
            "measures": {"intervals": {"reps": 0}, "var_methods": ["gaussian"]},
            "report": {"tearsheet": False},
            "workers": 1,
            "sweep": {"overfitting": {"pbo_blocks": 4, "reps": 100}, "confirm": 1, "spot_checks": 0, **sweep},
            **changes,
        }
        return validate(Layer(values, {}), "test")

    return make
