"""Small bundles, trained once a session."""

import pytest
from daily_walk import walk

from engine.bundle.train import train
from engine.sweep.load_config import load_mapping

TREES = {"rounds": 15, "patience": 5, "min_samples_leaf": 10}
MEMBERS = {
    "lstm": {"weight": 0.4, "hidden": 4, "sequence": 8, "epochs": 2},
    "random_forest": {"weight": 0.2, "trees": 8},
    "xgboost": {"weight": 0.2, **TREES},
    "lightgbm": {"weight": 0.2, **TREES},
}
FEATURES = [{"kind": "rsi", "window": 14}, {"kind": "lagged_return"}, {"kind": "volatility", "window": 10}]


@pytest.fixture(scope="session")
def files(tmp_path_factory):
    """Prices of two symbols, the second beginning later."""
    folder = tmp_path_factory.mktemp("prices")
    for number, (symbol, first) in enumerate({"A": 0, "B": 40}.items()):
        walk(seed=number, count=420).iloc[first:].rename_axis("Date").to_csv(folder / f"{symbol}.csv")
    return {symbol: str(folder / f"{symbol}.csv") for symbol in ("A", "B")}


@pytest.fixture(scope="session")
def make_config(files):
    """Configs of small runs on these prices: given keys take the place of those of an ensemble of four."""

    def make(**changes):
        values = {
            "name": "kept",
            "data": {"source": {"kind": "csv", "files": files}, "session_close": "16:00 America/New_York"},
            "features": FEATURES,
            "label": {"kind": "forward_return", "horizon": 2},
            "model": {"kind": "ensemble", "members": MEMBERS},
            "walk_forward": {"train": 200, "test": 60},
            "strategy": {"kind": "threshold", "entry": 0.0001},
            "measures": {"intervals": {"reps": 0}, "exam": {"methods": []}},
            "workers": 1,
        }
        values.update(changes)
        return load_mapping({key: value for key, value in values.items() if value is not None})

    return make


@pytest.fixture(scope="session")
def ensemble_config(make_config):
    return make_config()


@pytest.fixture(scope="session")
def rule_config(make_config):
    return make_config(model={"kind": "sma_cross", "fast": 5, "slow": 20}, features=None, label=None, walk_forward=None)


@pytest.fixture(scope="session")
def ensemble_bundle(ensemble_config, tmp_path_factory):
    return train(ensemble_config, tmp_path_factory.mktemp("bundles") / "ensemble")


@pytest.fixture(scope="session")
def rule_bundle(rule_config, tmp_path_factory):
    return train(rule_config, tmp_path_factory.mktemp("bundles") / "rule")
