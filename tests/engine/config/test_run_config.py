"""The config: what is accepted, what the id depends on, and one clear line for everything else."""

from datetime import date
from pathlib import Path

import jsonschema
import pytest

from core.errors import ConfigError
from engine.cli.schema import PATH, schema, text
from engine.config.run_config import RunConfig
from engine.config.yaml_layers import Layer, read_layer
from engine.config.yaml_text import as_yaml
from engine.sweep.load_config import load, validate
from strategies.threshold import Threshold

CONFIGS = Path(__file__).resolve().parents[3] / "configs"
QUICKSTART = CONFIGS / "quickstart.yaml"
SHIPPED = sorted(CONFIGS.glob("*.yaml"))


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_every_shipped_config_is_valid_and_survives_its_own_dump(path, tmp_path):
    config = load(path)
    again = tmp_path / "resolved.yaml"
    again.write_text(as_yaml(config.dump()), encoding="utf-8")
    assert load(again) == config
    assert load(again).id == config.id


def test_the_quickstart_says_what_the_readme_says_of_it():
    config = load(QUICKSTART)
    members = config.dump()["model"]["members"]
    assert {kind: member["weight"] for kind, member in members.items()} == {
        "lstm": 0.4, "random_forest": 0.2, "xgboost": 0.2, "lightgbm": 0.2,
    }  # fmt: skip
    assert (config.risk.base, config.risk.cap, config.broker.cash, config.broker.lot) == (0.02, 0.05, 10000.0, 0.0)
    assert (config.data.start, config.data.end) == (date(1999, 1, 4), date(2018, 12, 31))


def test_the_name_is_the_files_if_none_is_given(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text(f"extends: {CONFIGS / 'sma_cross.yaml'}\n", encoding="utf-8")
    assert load(path).name == "sma-cross"
    plain = read_layer(CONFIGS / "sma_cross.yaml").values
    del plain["name"]
    path.write_text(as_yaml(plain), encoding="utf-8")
    assert load(path).name == "mine"


@pytest.mark.parametrize("same", ["name=other", "report.tearsheet=false", "workers=1", "data.benchmark=nasdaq"])
def test_what_decides_no_result_is_not_in_the_id(same):
    assert load(QUICKSTART, [same]).id == load(QUICKSTART).id


@pytest.mark.parametrize(
    "other",
    [
        "seed=8",
        "risk.base=0.01",
        "data.end=2018-12-28",
        "model.members.lstm.hidden=16",
        "features=[{kind: sma, window: 20}]",
        "broker.commission=0",
        "measures.risk_free=0.01",
    ],
)
def test_what_decides_a_result_is_in_the_id(other):
    assert load(QUICKSTART, [other]).id != load(QUICKSTART).id


def test_an_id_knows_files_by_content_not_by_place(tmp_path):
    rows = "Date,Open,High,Low,Close,Volume\n2020-01-02,1,2,1,2,5\n2020-01-03,2,3,2,3,5\n"
    ids = []
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "x.csv").write_text(rows)
        (tmp_path / folder / "c.yaml").write_text(
            "data: {source: {kind: csv, files: {X: x.csv}}}\nmodel: {kind: buy_and_hold}\nstrategy: {kind: threshold}\n"
        )
        ids.append(load(tmp_path / folder / "c.yaml").id)
    (tmp_path / "b" / "x.csv").write_text(rows.replace("5", "6"))
    ids.append(load(tmp_path / "b" / "c.yaml").id)
    assert ids[0] == ids[1] != ids[2]


BAD = [
    ("risk.base=2", "risk.base: must be above 0 and at most 1; for 2 % write 0.02; given 2"),
    ("risk.base=0", "risk.base: must be above 0 and at most 1; given 0"),
    ("risk.cap=2.5", "risk.cap: must be above 0 and at most 1; for 2.5 % write 0.025"),
    ("risk.bse=0.01", "risk.bse: unknown key; did you mean 'base'"),
    ("risk.base='0.02'", "risk.base: input should be a valid number; given '0.02'"),
    ("risk.cap_at=close", "risk.cap_at: input should be 'fill' or 'signal'; given 'close'"),
    ("risk.mode=kelly", "risk.mode: input should be 'notional' or 'stop'; given 'kelly'"),
    ("risk.mode=stop", r"risk.stop: mode stop sizes by the loss at the stop: add a stop, such as {kind: percent"),
    ("risk.cap=250", "risk.cap: must be above 0 and at most 1; given 250"),
    ("risk.cap=0", "risk.cap: must be above 0 and at most 1; given 0"),
    (
        "risk.stop={kind: percent, value: 5}",
        "risk.stop.value: must lie between 0 and 1, both excluded; for 5 % write 0.05",
    ),
    ("risk.stop={kind: percent, valu: 0.05}", "risk.stop.valu: unknown key; did you mean 'value'"),
    ("risk.stop={kind: fixed}", "risk.stop: .*'percent', 'atr', 'trail_percent', 'trail_atr'"),
    ("risk.stop={value: 0.05}", "risk.stop: .*kind"),
    ("risk.limits.gros=1", "risk.limits.gros: unknown key; did you mean 'gross'"),
    (
        "risk.limits={gross: 0.5, net: 0.8}",
        r"risk.limits.net: net \(0.8\) lies above gross \(0.5\) and could never act",
    ),
    ("risk.limits.open_risk=0.06", "risk.limits.open_risk: open_risk counts the losses at the stops: add risk.stop"),
    (
        "risk.limits.min_order=600",
        r"risk.limits.min_order: min_order \(600\) is more than cap x cash \(500\): nothing could ever",
    ),
    ("broker.commission_minimum=-1", "broker.commission_minimum: input should be greater than or equal to 0; given -1"),
    ("broker.impact={kind: sqrt}", "broker.impact.kind: input should be 'volume_share'; given 'sqrt'"),
    ("strategy.kind=treshold", "there is no 'treshold' in strategies; did you mean 'threshold'"),
    ("strategy.exit=0.1", r"exit \(0.1\) must be at most entry \(0.0\)"),
    (
        "strategy.entry_order={kind: close, offset: {kind: percent, value: 0.01}}",
        "strategy.entry_order.offset: kind close fills at the next close, whatever its price: leave out offset",
    ),
    (
        "strategy.entry_order={kind: close, bars: 3}",
        "strategy.entry_order.bars: kind close fills at the close of the next bar: leave out bars",
    ),
    ("strategy.entry_order={kind: stop}", "strategy.entry_order.offset: kind stop needs an offset, such as {kind"),
    ("strategy.side=up", "strategy.side: input should be 'long', 'short' or 'both'; given 'up'"),
    ("model.members.lstm.weight=0.5", "weights must sum to 1; lstm 0.5 .* = 1.1"),
    ("model.members.lstm.weight=-0.4", "model.members.lstm.weight: must be above 0"),
    ("model.members.lstm.dropuot=0.1", "model.members.lstm.dropuot: unknown key; did you mean 'dropout'"),
    ("model.members.lstm.dropout=1.0", "model.members.lstm.dropout: must be at least 0 and below 1; given 1.0"),
    ("model.members.lstm.layers=1", r"quickstart\.yaml:\d+: model.members.lstm.dropout: is 0.2, but one layer"),
    ("model.members.lstm.sequence=0", "model.members.lstm.sequence: input should be greater than 0"),
    ("model.members.svm={weight: 0.1}", "there is no 'svm' in signals/models; known: "),
    (
        "features=[{kind: smaa}]",
        "override .*: features.0.kind: there is no 'smaa' in signals/features; did you mean 'sma'",
    ),
    ("features=[{kind: sma, windw: 9}]", "features.0.windw: unknown key; did you mean 'window'"),
    ("features=[{window: 9}]", "features.0: must be a mapping with a `kind`, one of"),
    ("features=[]", "features: model ensemble trains: add at least one"),
    ("features=[{kind: macd, fast: 26, slow: 12}]", "must be below slow; fast is 26, slow is 12"),
    ("features=[{kind: rsi, window: 1}]", "features.0.window: must be at least 2"),
    ("data.start=2019-01-01", "start 2019-01-01 is after end 2018-12-31"),
    ("data.start=2001-02-30", "data.start: input should be a valid date .*; given '2001-02-30'"),
    ("data.source.symbols=[nasdak]", "input should be 'nasdaq' or 'sp500'; given 'nasdak'"),
    ("seed=-1", "seed: input should be greater than or equal to 0; given -1"),
    ("seed=1.5", "seed: input should be a valid integer.*; given 1.5"),
    ("measures.var_levels=[95]", "for 95 % write 0.95"),
    ("measures.var_levels=[0.05]", "write 0.95 for the worst 0.05"),
    ("broker.commission=5", "broker.commission: must be at least 0 and below 1; for 5 % write 0.05"),
    ("broker.cash=0", "broker.cash: input should be greater than 0"),
    ("broker.cash=.nan", "broker.cash: input should be a finite number"),
    ("broker.lot=-1", "broker.lot: input should be greater than or equal to 0"),
    ("shuffle=true", "shuffle: is refused: rows are never shuffled"),
    ("walk_forward.purge=5", "walk_forward.purge: is refused: the purge is derived"),
    ("walk_forward.test_size=0.2", "walk_forward.test_size: is refused: there is no random split"),
    ("scaler=all", "scaler: input should be 'minmax'"),
    ("label.kind=level", "label.kind: a price level is no label"),
    ("label.horizon=0", "label.horizon: input should be greater"),
    ("walk_forward.train=0", "walk_forward.train: input should be greater than 0"),
    ("walk_forward.scheme=sliding", "walk_forward.scheme: input should be 'expanding' or 'rolling'"),
    ("version=2", "version 2 is newer than this program reads"),
    ("version=one", "version: input should be 1"),
    ("name=a/b", "name: must be ASCII letters, digits"),
    ("workers=0", "workers: input should be 'auto'; given 0, or input should be greater than or equal to 1"),
    ("confidence.kind=none", "confidence.kind: there is no 'none' in signals/confidence; known: agreement, calibrated"),
    ("model.kind=sma_cross", r"label: model sma_cross does not train: remove `label`"),
    ("enginee=x", "enginee: unknown key"),
    ("data=5", "data: input should be an object"),
]


@pytest.mark.parametrize(("text", "message"), BAD, ids=[text for text, _ in BAD])
def test_bad_values_name_place_key_and_remedy(text, message):
    with pytest.raises(ConfigError, match=message) as caught:
        load(QUICKSTART, [text])
    assert "\n" not in caught.value.line


@pytest.mark.parametrize("missing", ["data", "model", "strategy"])
def test_a_missing_block_is_named(missing):
    values = read_layer(CONFIGS / "sma_cross.yaml").values
    del values[missing]
    with pytest.raises(ConfigError, match=f"f.yaml: {missing}: is missing; add it"):
        validate(Layer(values, {}), "f.yaml")


def test_the_schema_file_is_current_and_describes_every_key():
    assert PATH.read_text(encoding="utf-8") == text(), "run `python -m engine.cli.schema`"
    assert list(undescribed(schema(), "")) == []


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_editors_accept_the_shipped_configs(path):
    validator = jsonschema.Draft202012Validator(schema())
    values = read_layer(path).values
    assert list(validator.iter_errors(values)) == []
    assert not validator.is_valid({**values, "risk": {"bse": 0.01}})
    assert not validator.is_valid({**values, "model": {"kind": "nothing"}})


def undescribed(node, path):
    for key, item in node.get("properties", {}).items():
        if "description" not in item and "$ref" not in item:
            yield f"{path}.{key}"
        yield from undescribed(item, f"{path}.{key}")
    for name, item in node.get("$defs", {}).items():
        yield from undescribed(item, name)
    for number, item in enumerate(node.get("anyOf", [])):
        yield from undescribed(item, f"{path}[{number}]")


def test_the_config_is_frozen():
    config = load(QUICKSTART)
    with pytest.raises(ValueError, match="frozen"):
        config.seed = 8
    assert isinstance(config, RunConfig)


def test_a_rule_with_a_wrong_signature_fails_on_load(monkeypatch):
    monkeypatch.setattr(Threshold, "rule", staticmethod(lambda prediction, p: 1))
    with pytest.raises(ConfigError, match=r"rule of threshold takes \(prediction, p\), but it is called with \(pred"):
        load(CONFIGS / "sma_cross.yaml")
