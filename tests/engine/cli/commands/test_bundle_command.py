"""Bundles on the command line: what is printed, and the exit codes."""

import json
import re
import shutil

import pytest
from command_line import command_line

from engine.cli.main import main


@pytest.fixture(scope="module")
def config(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bundles")
    (folder / "rule.yaml").write_text(
        "version: 1\n"
        "data: {source: {kind: sample, symbols: [nasdaq]}, end: 2001-12-31}\n"
        "model: {kind: sma_cross, fast: 5, slow: 20}\n"
        "strategy: {kind: threshold}\n"
        "risk: {stop: {kind: percent, value: 0.05}}\n"
    )
    return folder / "rule.yaml"


@pytest.fixture(scope="module")
def folder(config):
    done = command_line("train", config, "--bundle", config.parent / "kept")
    assert (done.returncode, done.stderr) == (0, "")
    assert "known     until 2001-12-31T21:00:00+00:00" in done.stdout
    assert "a rule, nothing is fitted" in done.stdout
    return config.parent / "kept"


def test_a_bundle_is_shown_and_verified(folder):
    done = command_line("bundle", "verify", folder)
    assert done.returncode == 0
    assert "1 self-test answered bit for bit" in done.stdout
    assert "model sma_cross" in command_line("bundle", "show", folder).stdout
    assert json.loads(command_line("bundle", "show", folder, "--json").stdout)["symbols"] == ["nasdaq"]


def test_a_changed_file_is_one_line(folder, tmp_path, capsys):
    copy = shutil.copytree(folder, tmp_path / "copy")
    (copy / "weights.safetensors").write_bytes(b"")
    assert main(["bundle", "verify", str(copy)]) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith(f"error: {copy}/weights.safetensors: has 0 bytes, must be ")


def test_two_bundles_are_compared(config, folder, tmp_path):
    assert command_line("bundle", "diff", folder, folder).stdout == "the bundles are equal\n"
    done = command_line("train", config, "model.fast=6", "--bundle", tmp_path / "b", "--cut", "2001-06-29")
    assert done.returncode == 0
    done = command_line("bundle", "diff", folder, tmp_path / "b")
    assert done.returncode == 1
    assert "config.model.fast: 5 -> 6\n" in done.stdout
    assert "cut: 2001-12-31T21:00:00+00:00 -> 2001-06-29T20:00:00+00:00\n" in done.stdout


def test_a_prediction_is_a_table_and_json(folder):
    done = command_line("predict", folder, "--at", "2001-12-31", "--account", "50000")
    assert done.returncode == 0
    head, names, row, more, prices, *_ = done.stdout.splitlines()
    assert head == "rule: at 2001-12-31 21:00 UTC, sizes for an account of 50,000.00"
    assert names.split() == ["symbol", "close", "prediction", "confidence", "side", "value", "units"]
    assert more.split() == ["symbol", "stop"]
    assert row.split()[0] == prices.split()[0] == "nasdaq"
    given = json.loads(command_line("predict", folder, "--at", "2001-12-31", "--account", "50000", "--json").stdout)
    [decision] = given["decisions"]
    assert decision["value"] == pytest.approx(1000.0)  # 2 % of 50,000 at confidence 1
    assert decision["units"] == pytest.approx(decision["side"] * 1000.0 / decision["close"])
    assert decision["stop"] == pytest.approx(decision["close"] * (1 - 0.05 * decision["side"]))
    assert decision["low"] is None


def test_later_data_than_the_backtests_are_read(folder):
    given = json.loads(command_line("predict", folder, "--json").stdout)
    assert given["time"].startswith("2018-12-31")
    [stale] = given["warnings"]
    assert re.fullmatch(r"the last bar is of 2018-12-31 21:00 UTC, \d+ days ago: fetch newer data", stale)


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["predict", "{}", "--at", "1990-01-01"], "--at 1990-01-01: the data begin at 1999-01-04"),
        (["predict", "{}", "--at", "soon"], "--at soon: is no date or time"),
        (["predict", "{}", "--account", "-5"], "--account -5: must be above 0"),
        (["predict", "{}", "risk.base=0.5"], "risk.base=0.5: only data.key=value changes a prediction"),
        (["predict", "{}", "data.start=2018-12-20"], "nasdaq: has 7 bars, but sma_cross needs at least 20"),
        (["predict", "{}", "gone.csv"], "gone.csv"),
        (["predict", "{}x"], "there is no such folder"),
        (["bundle", "verify", "{}", "--key-file", "gone.key"], "--key-file gone.key: cannot be read"),
    ],
)
def test_bad_input_is_one_line(folder, capsys, words, text):
    assert main([word.format(folder) for word in words]) == 2
    assert text in capsys.readouterr().err
