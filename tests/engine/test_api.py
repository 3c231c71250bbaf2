"""Runs from Python: in memory, in a folder, read back, shown."""

import json
import shutil
import subprocess
import sys
from dataclasses import fields, replace
from datetime import date
from io import StringIO
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

import engine
from core.errors import ConfigError, StoreError
from core.table_schemas import COSTS, EQUITY, FILLS, ORDERS, STOPS, TRADES
from core.types import Bars, Market, SignalFrame
from engine import load_run, run
from engine.api import positions
from engine.backtest.bt import engine as bt_engine
from engine.config.run_config import NO_RESULT
from engine.sweep.load_config import load
from risk.costs import BrokerSpec
from risk.spec import RiskSpec
from strategies.threshold import Threshold

ROOT = Path(__file__).resolve().parents[2]
SMA = ROOT / "configs" / "sma_cross.yaml"
SHORT = ("data.end=2001-06-30", "report.tearsheet=false")
FRAMES = ("equity", "positions", "orders", "fills", "trades", "costs", "stops", "signals", "daily")


@pytest.fixture(scope="module")
def in_memory():
    return run(SMA, overrides=SHORT)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    out = tmp_path_factory.mktemp("runs")
    run(SMA, overrides=SHORT, out=out)
    [made] = out.iterdir()
    return made


@pytest.fixture
def copy(folder, tmp_path):
    return Path(shutil.copytree(folder, tmp_path / folder.name))


def assert_same(one, other):
    for field in fields(one):
        left, right = getattr(one, field.name), getattr(other, field.name)
        if field.name in FRAMES:
            pd.testing.assert_frame_equal(left, right, check_exact=True, check_freq=False)
        elif field.name == "config":  # neither name nor pages are part of a run's identity
            assert {k: v for k, v in left.items() if k not in NO_RESULT} == {
                k: v for k, v in right.items() if k not in NO_RESULT
            }
        else:
            assert left == right, field.name


@pytest.mark.slow
def test_a_run_folder_reads_back_as_what_was_returned(in_memory, folder):
    assert_same(load_run(folder), in_memory)
    assert_same(load_run(str(folder)), in_memory)


def test_what_is_written_is_what_is_returned(in_memory, tmp_path):
    assert_same(run(SMA, overrides=SHORT, out=tmp_path), in_memory)


def test_without_out_nothing_is_written_or_printed(tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    run(SMA, overrides=SHORT)
    assert list(tmp_path.iterdir()) == []
    assert capfd.readouterr() == ("", "")


def test_the_frames_have_the_documented_columns(in_memory):
    for table in (EQUITY, ORDERS, FILLS, TRADES, COSTS, STOPS):
        table.check(getattr(in_memory, table.name))
    assert list(in_memory.positions.index) == list(in_memory.equity["time"])


def test_the_metrics_come_along(in_memory, folder):
    assert in_memory.metrics == json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
    assert in_memory.metrics["measures"]["strategy"]["sharpe"]["unit"] == "ratio"


@pytest.mark.slow
def test_a_mapping_a_config_and_a_file_give_the_same(in_memory):
    values = {
        "name": "from-python",
        "data": {"source": {"kind": "sample", "symbols": ("nasdaq",)}, "benchmark": "nasdaq", "end": date(2001, 6, 30)},
        "model": {"kind": "sma_cross", "fast": 20, "slow": 50},
        "strategy": {"kind": "threshold"},
    }
    for given in (values, load(SMA, SHORT), {"extends": SMA, "data": {"end": "2001-06-30"}}):
        assert_same(run(given), in_memory)


def test_the_files_of_a_mapping_are_read_from_the_working_directory(cheap, walk, tmp_path, monkeypatch):
    walk.to_csv(tmp_path / "walk.csv")
    monkeypatch.chdir(tmp_path)
    absolute = cheap(tmp_path / "walk.csv")
    values = absolute.dump()
    values["data"]["source"]["files"] = {"X": Path("walk.csv")}
    assert run(values).config_id == absolute.id


@pytest.mark.parametrize(
    ("given", "match"),
    [
        ({"model": {"kind": "sma_cros"}}, r"did you mean 'sma_cross'\?"),
        ({"extends": "gone.yaml"}, "the mapping given: extends: there is no file 'gone.yaml' in "),
        ({"risk": {"base": np.arange(2)}}, "the mapping given: a ndarray is not accepted; write plain values"),
        (7, "a config is a path, a mapping or a RunConfig; given a int"),
        ("gone.yaml", "gone.yaml: there is no such file"),
    ],
)
def test_a_config_that_cannot_be_is_refused_in_one_line(given, match):
    with pytest.raises(ConfigError, match=match) as caught:
        run(given)
    assert "\n" not in caught.value.line


# --- folders that are none


def test_a_missing_folder(tmp_path):
    with pytest.raises(StoreError, match=r"gone: there is no such folder$"):
        load_run(tmp_path / "gone")


def test_a_foreign_folder():
    with pytest.raises(StoreError, match=r"configs: is no run folder: it holds no manifest.json"):
        load_run(ROOT / "configs")


def test_a_folder_that_lost_a_file(copy):
    (copy / "fills.parquet").unlink()
    with pytest.raises(StoreError, match=r"fills.parquet missing; run its config.yaml again"):
        load_run(copy)


def cut(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])


@pytest.mark.parametrize("name", ["equity.parquet", "metrics.json", "manifest.json"])
def test_a_file_cut_short(copy, name):
    cut(copy / name)
    with pytest.raises(StoreError, match=f"{name}:? (cannot be read|is not valid JSON)") as caught:
        load_run(copy)
    assert "\n" not in caught.value.line


def test_a_table_of_other_columns(copy):
    pd.DataFrame({"time": []}).to_parquet(copy / "equity.parquet")
    with pytest.raises(StoreError, match=r"table equity: columns are \['time'\], must be"):
        load_run(copy)


def test_a_result_that_was_edited(copy):
    text = (copy / "metrics.json").read_text(encoding="utf-8")
    (copy / "metrics.json").write_text(text.replace("10000", "20000"), encoding="utf-8")
    with pytest.raises(StoreError, match=r"are not those that its manifest\.json was written for"):
        load_run(copy)


@pytest.mark.parametrize("content", ["[]", '{"format": 1}'])
def test_a_manifest_that_lacks_what_it_should_say(copy, content):
    (copy / "manifest.json").write_text(content, encoding="utf-8")
    with pytest.raises(StoreError, match=r"manifest.json: has no config_id, engine, result_digest, zone; run"):
        load_run(copy)


# --- positions


def test_positions_from_fills_are_those_of_the_engine_whenever_symbols_close():
    rng = np.random.default_rng(4)
    days = pd.date_range("2020-01-06", periods=40, tz="UTC").as_unit("ns")
    items = []
    for symbol, hour, missing in (("late", 21, 0.0), ("early", 14, 0.3), ("idle", 15, 0.5)):
        times = (days + pd.Timedelta(hours=hour))[rng.random(40) >= missing]
        close = 100 * np.exp(np.cumsum(rng.normal(0, 0.02, len(times))))
        columns = dict.fromkeys(("open", "high", "low", "close"), close)
        items.append(Bars.of(symbol, pd.DataFrame({**columns, "volume": 1.0}, index=times)))
    market = Market({item.symbol: item for item in items}, tuple(item.symbol for item in items), "late", "UTC")
    prediction = rng.normal(0, 0.01, (len(market.times), 3))
    prediction[:, 2] = np.nan
    confidence = np.where(np.isnan(prediction), np.nan, 1.0)
    fold = np.zeros(len(prediction), dtype=np.int64)
    signals = SignalFrame(market.times, market.trade, prediction, confidence, fold)
    result = bt_engine.run(market, signals, Threshold(), RiskSpec(), BrokerSpec(), "0" * 12)
    found = positions(result.fills, result.equity["time"], market.trade)
    assert (result.positions["idle"] == 0).all()
    assert len(result.fills) > 40
    pd.testing.assert_frame_equal(found, result.positions, check_exact=True)


# --- how it shows itself


def test_the_line_says_what_ran_and_what_became_of_the_account(in_memory):
    line = repr(in_memory)
    last = in_memory.equity["equity"].iloc[-1]
    assert line.startswith(
        f"<RunResult config: {in_memory.config_id}; engine: backtrader; symbols: nasdaq; span: 1999-"
    )
    assert f"10,000.00 became {last:,.2f}" in line
    assert f"{len(in_memory.orders)}, {len(in_memory.fills)} fills" in line
    assert "\n" not in line


def test_rich_prints_a_table_within_eighty_columns(in_memory):
    console = Console(file=StringIO(), width=80)
    console.print(in_memory)
    text = console.file.getvalue()
    assert text.startswith(f"run {in_memory.config_id}")
    assert in_memory.metrics["verdict"]["headline"] in text
    assert max(map(len, text.splitlines())) <= 80


def test_a_notebook_shows_escaped_html_of_its_own(in_memory):
    page = in_memory._repr_html_()
    assert page.count("<tr>") == page.count("</tr>") == 7
    assert "<script" not in page
    assert "src=" not in page
    assert "became" in page


# --- the package


def test_the_package_is_cheap_until_it_is_asked():
    code = (
        "import engine, sys; heavy = {'pandas', 'numpy', 'pydantic'} & set(sys.modules);"
        "assert not heavy, heavy; from engine import run; import engine.pipeline; assert callable(engine.run)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_package_names_what_it_has():
    assert engine.__all__ == ["RunRecorder", "load_bundle", "load_review", "load_run", "load_sweep", "run", "train"]
    with pytest.raises(AttributeError, match="no attribute 'runs'"):
        _ = engine.runs


@pytest.mark.slow
def test_a_script_without_a_guard_may_train_in_several_processes(walk, cheap, tmp_path):
    walk.to_csv(tmp_path / "walk.csv")
    values = cheap(tmp_path / "walk.csv", workers=2).dump()
    script = tmp_path / "script.py"
    script.write_text(f"from engine import run\nprint(run({values!r}, out='runs', cache=False))\n", encoding="utf-8")
    done = subprocess.run([sys.executable, script], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("<RunResult") == 1
    assert [path.name.partition("-")[0] for path in (tmp_path / "runs").iterdir()] == ["run"]


def test_the_results_are_at_hand(in_memory, folder):
    loaded = load_run(folder)
    growth = (1 + loaded.returns).prod()
    assert growth == pytest.approx(loaded.equity["equity"].iloc[-1] / loaded.cash)
    assert loaded.measures.loc["total_return", "strategy"] == pytest.approx(growth - 1)
    assert set(loaded.measures.columns) == {*loaded.daily.columns, "unit", "period", "n", "formula"}
    returns, benchmark = loaded.to_quantstats()
    assert returns.index.tz is None
    assert returns.index.equals(benchmark.index)
    assert loaded.config["model"] == {"kind": "sma_cross", "fast": 20, "slow": 50}
    assert list(loaded.signals.columns) == ["time", "symbol", "prediction", "confidence", "fold"]


def test_the_chart_shows_what_the_returns_say(in_memory, monkeypatch):
    monkeypatch.setenv("MPLBACKEND", "agg")
    growth, drawdown = in_memory.plot().axes
    account, benchmark = (line.get_ydata() for line in growth.get_lines())
    assert account[-1] == pytest.approx(in_memory.equity["equity"].iloc[-1] / in_memory.cash)
    assert benchmark[-1] == pytest.approx((1 + in_memory.benchmark_returns).prod())
    lowest = -in_memory.measures.loc["max_drawdown", "strategy"]
    assert abs(min(drawdown.get_lines()[0].get_ydata())) == pytest.approx(abs(lowest))


def test_edited_returns_are_refused(copy):
    pd.read_parquet(copy / "returns.parquet").mul(2).to_parquet(copy / "returns.parquet")
    with pytest.raises(StoreError, match=r"returns\.parquet: is missing or not what its manifest\.json"):
        load_run(copy)


def test_a_result_without_daily_returns_says_so(in_memory):
    with pytest.raises(StoreError, match="its daily returns are not stored; run its config again"):
        _ = replace(in_memory, daily=None).returns
