"""YAML layers: what is read, how it merges, and one clear line for what is wrong."""

import re
from pathlib import Path

import pytest

from core.errors import ConfigError
from engine.config.yaml_layers import Layer, layer_from_mapping, merge, override, read_layer


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def test_scalars_are_yaml_1_2_and_dates_stay_text(tmp_path):
    path = write(tmp_path, "a.yaml", "a: 1e-3\nb: no\nc: 2001-02-30\nd: 012\ne: null\nf: true\ng: -.5\nh: 1_000\n")
    assert read_layer(path).values == {
        "a": 0.001, "b": "no", "c": "2001-02-30", "d": 12, "e": None, "f": True, "g": -0.5, "h": 1000,
    }  # fmt: skip


def test_a_text_that_is_read_again_is_as_it_was(tmp_path):
    path = write(tmp_path, "a.yaml", "a: {b: [1, {c: 2}]}\n")
    values = read_layer(path).values
    values["a"]["b"][1]["c"] = 3
    values["a"]["b"].append(4)
    assert read_layer(path).values == {"a": {"b": [1, {"c": 2}]}}
    assert override(Layer({}, {}), "a.b=[1]").values == override(Layer({}, {}), "a.b=[1]").values == {"a": {"b": [1]}}
    path.write_text("a: 5\n", encoding="utf-8")
    assert read_layer(path).values == {"a": 5}


def test_every_key_knows_its_line(tmp_path):
    path = write(tmp_path, "a.yaml", "a: 1\nb:\n  c: 2\n  d: [x, {e: 3}]\n")
    layer = read_layer(path)
    assert layer.location_of(("b", "c")) == f"{path}:3"
    assert layer.location_of(("b", "d", "1", "e")) == f"{path}:4"
    assert layer.location_of(("b", "nowhere", "deep")) == f"{path}:2"
    assert layer.location_of(("nowhere",)) == ""


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\na: 2\n", r"a\.yaml:2: key 'a' is given twice"),
        ("a:\n\t- b\n", r"a\.yaml:2: is not valid YAML: a tab"),
        ("a: [1\n", r"a\.yaml:2: is not valid YAML: expected"),
        ("- 1\n", "must hold a mapping of keys to values; it holds a list"),
        ("", "must hold a mapping of keys to values; it holds nothing"),
        ("just words\n", "it holds the text 'just words'"),
        ("a: *x\n", r"is not valid YAML"),
        ("a: !!python/name:os.system x\n", "YAML tag .* is not accepted"),
        ("extends: nowhere.yaml\n", r"a\.yaml:1: extends: there is no file 'nowhere\.yaml'"),
        ("extends: [b.yaml]\n", "extends: must be one file name"),
        ("extends: a.yaml\n", r"runs in a circle \(a\.yaml -> a\.yaml\)"),
    ],
)
def test_bad_files_get_one_line(tmp_path, text, message):
    with pytest.raises(ConfigError, match=message) as caught:
        read_layer(write(tmp_path, "a.yaml", text))
    assert "\n" not in caught.value.line


def test_missing_folder_and_binary_files(tmp_path):
    with pytest.raises(ConfigError, match="there is no such file"):
        read_layer(tmp_path / "none.yaml")
    with pytest.raises(ConfigError, match="is a folder"):
        read_layer(tmp_path)
    (tmp_path / "b.yaml").write_bytes(b"\xff\xfe\x00a")
    with pytest.raises(ConfigError, match=r"not UTF-8 text \(byte 0\)"):
        read_layer(tmp_path / "b.yaml")


def test_extends_merges_deeply_and_paths_belong_to_the_file_that_states_them(tmp_path):
    write(
        tmp_path,
        "base/base.yaml",
        "data: {source: {kind: csv, files: {A: a.csv}}, start: 2000-01-01}\nrisk: {base: 0.02}\n",
    )
    top = write(
        tmp_path, "top.yaml", "extends: base/base.yaml\nrisk: {cap: 0.1}\ndata: {source: {files: {B: b.csv}}}\n"
    )
    values = read_layer(top).values
    assert values["risk"] == {"base": 0.02, "cap": 0.1}
    assert values["data"]["source"]["files"] == {"A": str(tmp_path / "base/a.csv"), "B": str(tmp_path / "b.csv")}
    assert "extends" not in values


def test_a_mapping_whose_kind_changes_replaces_the_old_one_and_lists_replace():
    base = Layer(
        {"model": {"kind": "lstm", "hidden": 32}, "features": [1, 2], "label": {"kind": "x", "horizon": 5}}, {}
    )
    top = Layer({"model": {"kind": "xgboost", "rounds": 5}, "features": [3], "label": {"horizon": 2}}, {})
    assert merge(base, top).values == {
        "model": {"kind": "xgboost", "rounds": 5},
        "features": [3],
        "label": {"kind": "x", "horizon": 2},
    }


def test_overrides_are_yaml_with_dotted_keys_and_say_where_they_come_from():
    layer = override(override(Layer({"risk": {"base": 0.02}}, {}), "risk.base=1e-3"), "data.trade=[A, B]")
    assert layer.values == {"risk": {"base": 0.001}, "data": {"trade": ["A", "B"]}}
    assert layer.location_of(("risk", "base")) == "override 'risk.base=1e-3'"


def test_an_overrides_path_is_relative_to_the_working_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    layer = override(Layer({}, {}), "data.source.files.SPY=here.csv")
    assert layer.values["data"]["source"]["files"]["SPY"] == str(tmp_path / "here.csv")


@pytest.mark.parametrize("text", ["risk.base", "=1", "risk..base=1", "a=["])
def test_bad_overrides_name_themselves(text):
    with pytest.raises(ConfigError, match="override"):
        override(Layer({}, {}), text)


def test_a_path_may_begin_at_home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    path = tmp_path / "c.yaml"
    path.write_text("data: {benchmark: {source: {kind: csv, files: {X: ~/x.csv}}}}\n", encoding="utf-8")
    assert read_layer(path).values["data"]["benchmark"]["source"]["files"]["X"] == str(tmp_path / "x.csv")


@pytest.mark.parametrize(
    ("key", "kind"), [("000010", "a number"), ("TRUE", "true or false"), ("NULL", "nothing"), ("1e5", "a number")]
)
def test_a_key_that_yaml_does_not_read_as_text_is_refused(key, kind, tmp_path):
    """A symbol 000010 would become 10 in silence."""
    path = tmp_path / "config.yaml"
    path.write_text(f"name: x\ndata:\n  source: {{files: {{{key}: a.csv}}}}\n")
    advice = f"key {key} is not text: YAML reads it as {kind}; write it in quotes: '{key}'"
    with pytest.raises(ConfigError) as caught:
        read_layer(path)
    assert caught.value.line == f"{path}:3: {advice}"
    with pytest.raises(ConfigError, match=re.escape(advice)):
        override(Layer({}, {}), f"data.source.files={{{key}: a.csv}}")
    path.write_text(f"data:\n  source: {{files: {{'{key}': a.csv}}}}\n")
    assert list(read_layer(path).values["data"]["source"]["files"]) == [key]
    assert list(override(Layer({}, {}), f"data.source.files.{key}=a.csv").values["data"]["source"]["files"]) == [key]


def test_a_key_of_a_mapping_must_be_text():
    with pytest.raises(ConfigError, match=r"key 10 is not text but a int; write it in quotes: '10'"):
        layer_from_mapping({"data": {"source": {"files": {10: "a.csv"}}}}, "the mapping given")


def test_merged_keys_and_aliases_are_read_as_before(tmp_path):
    path = tmp_path / "config.yaml"
    path.write_text("a: &one {x: 1}\nb: {<<: *one, y: [*one, *one]}\n")
    assert read_layer(path).values["b"] == {"x": 1, "y": [{"x": 1}, {"x": 1}]}
