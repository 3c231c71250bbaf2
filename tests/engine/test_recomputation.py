"""Run folders against an independent recomputation: fifty random configs, and every shipped one."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import recomputation

from engine.config.yaml_layers import Layer
from engine.pages.report import write_report
from engine.pages.tearsheet.sheet_input import TearsheetInput
from engine.pages.tearsheet.write import MIN_RETURNS, write_tearsheet
from engine.pipeline import compute
from engine.run_folder import result_files
from engine.sweep.load_config import load, validate

ZONES = ("America/New_York", "Australia/Sydney", "Asia/Tokyo", "Europe/London", "UTC")
SIZES = ("hour", "half-hour", "day", "every day", "week", "month")
SIDES = ("long", "short", "both")
QUICK = {"intervals": {"reps": 0}, "var_methods": ["gaussian"], "exam": {"methods": []}}
WITH_PAGES = (3, 4, 17, 23, "sma_cross", "rank")
ALWAYS = (*range(4), *range(5, 12))
"""The cases of the quick suite; one of each size of bars, zone and side, one of them with pages."""


def stamps(size, rng):
    """Naive local stamps, or days, of bars of a size; a third of the longer ones have a hole of a year."""
    count = int(rng.integers(45, 330))
    if size in ("hour", "half-hour"):
        hours = np.arange(10, 16) if size == "hour" else np.arange(10, 16, 0.5)
        days = pd.bdate_range("2021-02-01", periods=count // 4 + 15)
        return pd.DatetimeIndex([day + pd.Timedelta(hours=hour) for day in days for hour in hours])
    frequency = {"day": "B", "every day": "D", "week": "W-FRI", "month": "BME"}[size]
    days = pd.date_range("1998-02-03", periods=count, freq=frequency)
    half = count // 2
    hole = pd.Timedelta(days=364 if size != "month" else 1461) * int(rng.integers(0, 3) == 0)
    return days[:half].append(days[half:] + hole)


def prices(times, rng):
    """Bars of a random walk with jumps between close and open."""
    count = len(times)
    close = 50 * np.exp(np.cumsum(rng.normal(0.0003, 0.015, count)))
    opened = np.concatenate([[50.0], close[:-1]]) * np.exp(rng.normal(0, 0.004, count))
    high = np.maximum(opened, close) * (1 + rng.uniform(0, 0.006, count))
    low = np.minimum(opened, close) * (1 - rng.uniform(0, 0.006, count))
    return pd.DataFrame({"Date": times, "Open": opened, "High": high, "Low": low, "Close": close, "Volume": 1000})


def random_config(number, folder):
    """A config of random bars, costs, sides and limits over one to three symbols, and its files."""
    rng = np.random.default_rng(1000 + number)
    size, zone, side = SIZES[number % 6], ZONES[number % 5], SIDES[number // 2 % 3]
    times = stamps(size, rng)
    files = {}
    for symbol in ("A", "B", "C")[: int(rng.integers(1, 4))]:
        table = prices(times, rng)
        files[symbol] = str(folder / f"{symbol}.csv")
        missing = rng.random(len(times)) < (0.05 if symbol != "A" else 0.0)
        table[~missing].to_csv(files[symbol], index=False)
    costs = {
        "commission": float(rng.choice([0.0, 0.001])),
        "commission_minimum": float(rng.choice([0.0, 1.0])),
        "slippage": float(rng.choice([0.0, 0.002])),
        "short_interest": float(rng.choice([0.0, 0.2])),
        "lot": float(rng.choice([0.0, 1.0])),
    }
    values = {
        "name": f"random-{number}",
        "data": {"source": {"kind": "csv", "files": files}, "benchmark": "A", "session_close": f"16:00 {zone}"},
        "model": {"kind": "sma_cross", "fast": int(rng.integers(1, 4)), "slow": int(rng.integers(4, 12))},
        "strategy": {"kind": "threshold", "side": side},
        "risk": {"base": float(rng.choice([0.05, 0.3])), "cap": 0.3, "stop": None},
        "broker": costs,
        "measures": {**QUICK, "risk_free": float(rng.choice([0.0, 0.02]))},
    }
    return validate(Layer(values, {}), "test")


def written(config, folder, pages):
    """The outcome of a run, its folder written; pages where they are wanted."""
    outcome = compute(config)
    result_files.write(outcome, folder)
    if pages:
        write_report(outcome, folder / "report.html")
        if len(outcome.daily) >= MIN_RETURNS:
            write_tearsheet(TearsheetInput.of(outcome), folder / "tearsheet.html")
    return outcome


def recomputed(outcome, folder):
    """The folder for the recomputation, with the closes that went in."""
    bars = outcome.market.bars.values()
    closes = {each.symbol: list(zip(each.times, each.close.tolist(), strict=True)) for each in bars}
    return recomputation.Folder(folder, closes, outcome.market.zone)


def check(config, folder, tables, pages):
    outcome = written(config, folder, pages)
    run = recomputed(outcome, folder)
    assert recomputation.ledger_differences(run)[:5] == []
    assert recomputation.measure_differences(run) == []
    found = [tables((folder / name).read_text(encoding="utf-8")) for name in ("report.html", "tearsheet.html") if pages]
    if pages:
        assert list(recomputation.page_differences(run, [table for page in found for table in page])) == []
    return run


@pytest.mark.parametrize(
    "number", [pytest.param(n, marks=[] if n in ALWAYS else [pytest.mark.slow]) for n in range(50)]
)
def test_random_configs(number, tmp_path, tables):
    run = check(random_config(number, tmp_path), tmp_path, tables, pages=number in WITH_PAGES)
    assert run.fills


SHIPPED = sorted(path for path in Path("configs").glob("*.yaml") if path.name != "lstm_full.yaml")


@pytest.mark.slow
@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_shipped_configs(path, tmp_path, tables):
    overrides = ["measures.intervals.reps=0", "measures.exam.methods=[]", 'measures.var_methods=["gaussian"]']
    config = load(path, overrides)
    if config.label:  # what it trades is decided by its models, how it is accounted for is not
        cheaper = ["model={kind: random_forest, trees: 5}", "workers=1"]
        shorter = ["data.end=2007-12-31"] if config.data.source.kind in ("sample", "stocks") else []
        config = load(path, [*overrides, *cheaper, *shorter])
    check(config, tmp_path, tables, pages=path.stem in WITH_PAGES)
