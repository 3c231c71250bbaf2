"""The written tables and the manifest of a run, held to what went in."""

import hashlib
import json
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from engine.pipeline import Options, compute, run_and_save
from engine.run_folder import result_files
from engine.sweep.load_config import load

CONFIGS = Path(__file__).resolve().parents[3] / "configs"


@pytest.fixture(scope="module")
def saved(tmp_path_factory) -> Path:
    config = load(CONFIGS / "sma_cross.yaml", ["seed=11", "report.tearsheet=false", "data.end=2002-12-31"])
    options = Options(out=tmp_path_factory.mktemp("runs"), quiet=True)
    return run_and_save(config, options).saved.folder


@pytest.mark.slow
def test_the_signal_table_begins_at_the_first_decision_and_has_a_row_a_bar(saved):
    signals, equity = (pd.read_parquet(saved / f"{name}.parquet") for name in ("signals", "equity"))
    assert list(signals["time"]) == list(equity["time"])
    assert set(signals["symbol"]) == {"nasdaq"}
    assert set(signals["fold"]) == {0}
    assert signals["prediction"].notna().all()
    assert set(signals["confidence"]) == {1.0}


def test_bars_before_the_first_decision_and_bars_a_symbol_lacks_are_no_rows(walk, cheap, tmp_path):
    late = walk.drop(walk.index[[300, 301]])
    files = {}
    for name, frame in (("X", walk), ("Y", late)):
        frame.to_csv(tmp_path / f"{name}.csv")
        files[name] = str(tmp_path / f"{name}.csv")
    data = {"source": {"kind": "csv", "files": files}, "trade": ["X", "Y"], "benchmark": "X"}
    outcome = compute(cheap(tmp_path / "X.csv", data=data))
    table = result_files.signals(outcome.signals.frame, outcome.market)
    start = outcome.result.equity["time"].iloc[0]
    own = {name: bars.times[bars.times >= start] for name, bars in outcome.market.bars.items()}
    assert {name: list(group["time"]) for name, group in table.groupby("symbol")} == {
        name: list(times) for name, times in own.items()
    }
    assert len(own["X"]) == len(own["Y"]) + 2
    assert table["time"].is_monotonic_increasing


def test_the_manifest_names_seed_data_and_the_result_it_stands_beside(saved):
    manifest = json.loads((saved / "manifest.json").read_text(encoding="utf-8"))
    sample = Path(find_spec("arch").origin).parent / "data" / "nasdaq" / "nasdaq.csv.gz"
    assert manifest["seed"] == 11
    assert manifest["data"] == {"nasdaq": hashlib.sha256(sample.read_bytes()).hexdigest()}
    assert manifest["config_id"] == saved.name.rpartition("-")[2]
    assert manifest["versions"]["backtrader"] == "1.9.78.123"
    assert all(seconds >= 0 for seconds in manifest["timings_seconds"].values())
    named = ("signals", "equity", "orders", "fills", "trades", "costs", "stops")
    files = [*(f"{name}.parquet" for name in named), "folds.json", "metrics.json"]
    digests = {name: hashlib.sha256((saved / name).read_bytes()).hexdigest() for name in files}
    text = json.dumps(digests, sort_keys=True, separators=(",", ":"))
    assert manifest["result_digest"] == hashlib.sha256(text.encode()).hexdigest()


def test_the_equity_tables_own_returns_are_its_values(saved):
    equity = pd.read_parquet(saved / "equity.parquet")
    assert np.isnan(equity["return"].iloc[0])
    np.testing.assert_allclose(
        equity["return"].iloc[1:], equity["equity"].pct_change().iloc[1:], rtol=1e-12, atol=1e-15
    )
