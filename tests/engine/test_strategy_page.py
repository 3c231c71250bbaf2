"""The example of the page on strategies, as a reader would use it: run, both engines, audited, swept."""

import json
import re
import sys
from pathlib import Path

import pandas as pd
import pytest

import strategies
from core import plugins
from engine.cli.main import main

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "strategies.md").read_text(encoding="utf-8")
[CODE] = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
[CONFIG] = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
QUICK = [
    "model={kind: ridge}",
    "walk_forward={train: 500, test: 250}",
    "data.start=2001-01-02",
    "data.end=2006-12-29",
    "measures={intervals: {reps: 0}, var_methods: [gaussian]}",
    "report.tearsheet=false",
    "risk.base=0.2",
    "risk.cap=0.2",
]


@pytest.fixture
def example(tmp_path, monkeypatch):
    """The strategy's file beside those of the project, and the config's path."""
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "agreeing.py").write_text(CODE, encoding="utf-8")
    monkeypatch.setattr(strategies, "__path__", [*strategies.__path__, str(folder)])
    (tmp_path / "agreeing.yaml").write_text(CONFIG.replace("configs/", f"{ROOT}/configs/"), encoding="utf-8")
    yield tmp_path / "agreeing.yaml"
    plugins.load.cache_clear()
    sys.modules.pop("strategies.agreeing", None)
    vars(strategies).pop("agreeing", None)


def run(config, *words):
    return main([str(config), "--out", str(config.parent / "runs"), "--quiet", *QUICK, *words])


def folder_of(config):
    [folder] = (config.parent / "runs").iterdir()
    return folder


def test_the_file_is_short():
    lines = [line for line in CODE.splitlines() if line.strip()]
    assert len(lines) < 40


@pytest.mark.slow
def test_it_runs_and_its_reasons_are_in_the_tables(example, capsys):
    assert run(example) == 0
    assert capsys.readouterr().err == ""
    folder = folder_of(example)
    orders, trades = (pd.read_parquet(folder / f"{name}.parquet") for name in ("orders", "trades"))
    entries = orders[orders["kind"] == "limit"]
    assert set(entries["decision"]) == {"z-score and prediction agree"}
    assert set(entries["status"]) == {"completed", "cancelled"}
    assert set(entries.loc[entries["status"] == "cancelled", "reason"]) <= {
        "expired: its price was not reached in 3 bars",
        "cancelled before it was filled",
    }
    assert set(trades["entry_reason"]) == {"z-score and prediction agree"}
    assert set(trades["exit_reason"]) <= {"held long enough", "open"}
    closed = trades[trades["exit_reason"] == "held long enough"]
    assert len(closed) > 10
    assert set(closed["bars"]) == {5}
    metrics = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
    assert any("the strategy's filters allow entries at" in note for note in metrics["notes"])


@pytest.mark.slow
@pytest.mark.parametrize("side", ["long", "short"])
def test_a_side_that_is_not_allowed_is_not_traded(example, side):
    assert run(example, f"strategy.side={side}") == 0
    trades = pd.read_parquet(folder_of(example) / "trades.parquet")
    assert set(trades["side"]) == {side}
    assert len(trades) > 1


def test_a_parameter_out_of_its_bounds_is_refused_by_the_check(example, capsys):
    assert main([str(example), "--check", "strategy.far=-1"]) == 2
    assert "far: input should be greater than 0; given -1" in capsys.readouterr().err


def test_another_kind_on_the_command_line_says_what_it_drops(example, capsys):
    assert main([str(example), "--check", "strategy.kind=mean_reversion"]) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert "reads the feature 'percent_b', which the config has not" in line
    assert "another kind replaces the whole block strategy (override 'strategy.kind=mean_reversion')" in line
    assert "features, entry_order, only_if of the old one went with it" in line


@pytest.mark.slow
def test_its_audit_finds_no_leak(example, capsys):
    words = [word for word in QUICK if not word.startswith(("report", "measures"))]
    assert main(["audit", str(example), "--out", str(example.parent / "runs"), "--quiet", *words]) == 0


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["strategy.features={percent_b: bollinger_b_30_2}"], "reads the feature 'bollinger_b_30_2', which the config"),
        (["strategy.features={percent_b: bollinger_b_20_1, other: x}"], "does not read 'other'; it reads percent_b"),
        (["strategy.only_if=[{feature: rsi, op: '<', value: 1}]"], "strategy.only_if names the feature 'rsi', which"),
    ],
)
def test_a_feature_that_is_not_there_is_one_line(example, words, message, capsys):
    assert run(example, *words) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert message in line


@pytest.mark.slow
def test_both_engines_give_the_same_bits(example, capsys):
    assert run(example, "--engine", "both") == 0
    assert capsys.readouterr().err == ""


@pytest.mark.slow
def test_it_is_swept(example):
    stop = "{kind: stop, offset: {kind: percent, value: 0.001}}"
    calm = "[{feature: volatility_20, op: '<', value: 0.01}]"
    axes = (
        "strategy.far: [0.5, 1.0]",
        "strategy.bars: [3, 5]",
        f"strategy.entry_order: [null, {stop}, {{kind: close}}]",
        f"strategy.only_if: [[], {calm}]",
    )
    sweep = f"sweep={{space: {{{', '.join(axes)}}}, method: grid}}"
    assert run(example, "engine=compiled", sweep) == 0
    folder = folder_of(example)
    trials = pd.read_parquet(folder / "trials.parquet")
    assert len(trials) == 24
