"""Backtrader classes of users' own, named in a config: what they see, how they are sized and judged, and errors."""

import json
import re
from pathlib import Path

import jsonschema
import numpy as np
import pandas as pd
import pytest

from core.errors import ConfigError, PluginError
from engine import load_run, load_sweep, run
from engine.audit.battery import audit
from engine.backtest.engines import backtest
from engine.bundle.train import train
from engine.cli.main import main
from engine.cli.schema import schema
from engine.sweep.load_config import load, load_mapping
from signals.feature_frame import feature_frame
from signals.generate import generate

ROOT = Path(__file__).resolve().parents[2]
RECIPE = re.search(
    r"### A backtrader class of your own: `([\w.]+)`\n.*?```python\n(.*?)```\n\n```yaml\n(.*?)```",
    (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"),
    re.S,
)
DIARY = '''
import backtrader as bt


class Diary(bt.Strategy):
    """Writes down what it sees, and trades every tenth bar."""

    params = (("every", 10), ("seen", None))
    pages = []

    def __init__(self):
        self.pages.clear()

    def next(self):
        data = self.data
        row = (data.close[0], data.prediction[0], data.confidence[0], data.sma_5_week[0], data.return_lag_0[0])
        self.pages.append(row)
        if len(self) % self.p.every == 0:
            self.buy() if not self.position else self.close()
'''
TRAINED = {
    "data": {"source": {"kind": "sample", "symbols": ["nasdaq"]}, "start": "1999-01-04", "end": "2002-12-31"},
    "features": [{"kind": "lagged_return", "lags": [0]}, {"kind": "sma", "window": 5, "every": "week"}],
    "model": {"kind": "ridge"},
    "walk_forward": {"train": 500, "test": 250},
    "measures": {"intervals": {"reps": 0}, "exam": {"methods": []}, "var_methods": ["historical"]},
    "report": {"tearsheet": False},
}


@pytest.fixture
def diary(tmp_path):
    file = tmp_path / "diary.py"
    file.write_text(DIARY, encoding="utf-8")
    return {**TRAINED, "strategy": {"file": str(file)}}


def pages_of(config):
    from strategies._backtrader.own_class import own_class

    return np.array(own_class(config.strategy).pages)


def test_it_sees_bars_signals_and_features_of_the_same_close(diary):
    config = load_mapping(diary)
    market = config.data.load()
    frame = generate(market, config.signals).frame
    result = backtest(config, market, frame)
    rows = np.flatnonzero(frame.fold >= 0)
    features = feature_frame(market, "nasdaq", config.features)
    by_name = dict(zip(features.names, features.values[rows].T, strict=True))
    expected = np.column_stack(
        [
            market.bars["nasdaq"].close[rows],
            frame.prediction[rows, 0],
            frame.confidence[rows, 0],
            by_name["sma_5_week"],
            by_name["return_lag_0"],
        ]
    )
    np.testing.assert_array_equal(pages_of(config), expected)
    assert len(result.equity) == len(rows)


@pytest.mark.slow
def test_it_is_sized_by_the_rule_and_the_confidence_of_the_bar(diary):
    result = run(diary)
    entries = result.orders[result.orders["side"] == "buy"]
    signals = result.signals.set_index("time")
    equity = result.equity.set_index("time")["equity"]
    close = load_mapping(diary).data.load().bars["nasdaq"]
    closes = pd.Series(close.close, index=close.times)
    at = pd.DatetimeIndex(entries["created_at"])
    expected = 0.02 * signals["confidence"].loc[at].to_numpy() * equity.loc[at].to_numpy() / closes.loc[at].to_numpy()
    assert len(entries) > 10
    np.testing.assert_allclose(entries["asked"], expected, rtol=1e-12)
    assert result.metrics["cap"]["breaches"] == 0
    assert result.metrics["forecasts"]["overall"]["model"]["n"] > 400


@pytest.mark.slow
def test_the_recipe_runs_and_its_folder_brings_the_class_back(tmp_path):
    name, code, config = RECIPE.groups()
    (tmp_path / name).write_text(code, encoding="utf-8")
    path = tmp_path / "recipe.yaml"
    path.write_text(config.replace("configs/", f"{ROOT}/configs/"), encoding="utf-8")
    short = ["data.end=2002-12-31", "report.tearsheet=false"]
    made = run(path, overrides=short, out=tmp_path / "runs")
    again = load_run(tmp_path / "runs" / f"recipe-class-{made.config_id}")
    assert {"limit", "stop", "market"} == set(again.orders["kind"])
    assert {"take_profit", "stop"} <= set(again.trades["exit_reason"])
    assert again.plugins[name] == code
    assert not again.notes or not any("strategy.reenter" in note for note in again.notes)


def test_the_id_is_of_the_content_and_not_of_the_place(diary, tmp_path):
    first = load_mapping(diary).id
    (tmp_path / "elsewhere").mkdir()
    moved = tmp_path / "elsewhere" / "other_name.py"
    moved.write_text(DIARY, encoding="utf-8")
    assert load_mapping({**diary, "strategy": {"file": str(moved)}}).id == first
    moved.write_text(DIARY.replace("tenth", "10th"), encoding="utf-8")
    assert load_mapping({**diary, "strategy": {"file": str(moved)}}).id != first
    assert load_mapping({**diary, "strategy": {**diary["strategy"], "parameters": {"every": 5}}}).id != first
    config = load_mapping(diary)
    assert load_mapping(config.dump()) == config


def test_a_path_is_read_from_the_folder_of_the_config(tmp_path):
    (tmp_path / "diary.py").write_text(DIARY, encoding="utf-8")
    path = tmp_path / "c.yaml"
    path.write_text(f"extends: {ROOT / 'configs/sma_cross.yaml'}\nstrategy: {{file: diary.py}}\n", encoding="utf-8")
    assert load(path).strategy.path == tmp_path / "diary.py"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"engine": "compiled"}, "strategy.file: diary is a backtrader class, which the compiled engine cannot run"),
        ({"engine": "both"}, "use engine: backtrader"),
        ({"risk": {"stop": {"kind": "percent", "value": 0.05}}}, "risk.stop: a class of your own sends its own orders"),
        ({"risk": {"limits": {"daily_loss": 0.02}}}, "risk.limits.daily_loss: a class of your own"),
        (
            {"strategy": {"parameters": {"evry": 5}}},
            "diary has no parameter 'evry'; did you mean 'every'",
        ),
        ({"strategy": {"class": "Dairy"}}, "has no strategy class 'Dairy'; those of its own: Diary"),
        ({"strategy": {"file": "gone.py"}}, "strategy.file: .*gone.py: there is no such file"),
        ({"strategy": {"reenter": "new_signal"}}, "reenter: unknown key; known here: file, class, parameters"),
    ],
)
def test_what_cannot_be_is_one_line(diary, changes, message):
    values = {**diary, **changes}
    values["strategy"] = {**diary["strategy"], **changes.get("strategy", {})}
    with pytest.raises(ConfigError, match=message) as caught:
        run(values)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("class X(:\n", r"own.py:1: .*; mend that line"),
        (
            "import no_such_library\n",
            r"own.py:1: ModuleNotFoundError: No module named 'no_such_library'; mend the file",
        ),
        (
            "x = 1\n",
            r"holds no bt.Strategy class; a file with a rule belongs into strategies/.* strategy: \{kind: own\}",
        ),
        ("from .base import Decision\n", r"own.py:1: ImportError: .*; a file with a rule belongs into strategies/"),
        (f"{DIARY}\nclass Other(Diary):\n    pass\n", r"has 2 strategy classes \(Diary, Other\)"),
    ],
)
def test_a_file_that_does_not_load_is_one_line(tmp_path, code, message):
    file = tmp_path / "own.py"
    file.write_text(code, encoding="utf-8")
    with pytest.raises(ConfigError, match=message) as caught:
        load_mapping({**TRAINED, "strategy": {"file": str(file)}})
    assert "\n" not in str(caught.value)


@pytest.mark.slow
def test_what_it_raises_is_one_line_with_its_line(tmp_path):
    file = tmp_path / "own.py"
    file.write_text(DIARY.replace("self.pages.append(row)", "row[9]"), encoding="utf-8")
    line = 1 + DIARY.splitlines().index("        self.pages.append(row)")
    with pytest.raises(PluginError, match=rf"own.py:{line}: own raised IndexError: tuple index out of range") as caught:
        run({**TRAINED, "strategy": {"file": str(file)}})
    assert "\n" not in str(caught.value)


def test_a_bundle_of_it_is_refused(diary, tmp_path):
    with pytest.raises(ConfigError, match="a bundle holds a rule, and diary is a backtrader class"):
        train(load_mapping(diary), tmp_path / "bundle")


def test_the_schema_knows_it(diary):
    jsonschema.validate(diary, schema())
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**diary, "strategy": {"file": 5}}, schema())


@pytest.mark.slow
def test_the_leak_battery_finds_it_clean(diary):
    config = load_mapping(diary)
    statuses = {check.number: check.status for check in audit(config, config.data.load()).checks}
    assert "leak" not in statuses.values()
    assert statuses["L1"] == statuses["L10"] == "clean"


@pytest.mark.slow
def test_a_sweep_tries_its_parameters_on_backtrader(diary, tmp_path):
    values = {**diary, "name": "own", "sweep": {"space": {"strategy.parameters.every": [5, 10]}}}
    path = tmp_path / "own.yaml"
    path.write_text(json.dumps(values), encoding="utf-8")
    assert main([str(path), "--out", str(tmp_path / "runs"), "-q"]) == 0
    [folder] = (tmp_path / "runs").iterdir()
    trials = load_sweep(folder).trials
    assert len(trials) == 2
    assert trials["fills"].nunique() == 2
