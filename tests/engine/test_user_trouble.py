"""What people do to a program: odd names, broken files, closed pipes, Ctrl-C. Each is one clear line or a sound run."""

import io
import json
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

from core.errors import ConfigError, StoreError
from engine.cli import main
from engine.config import load
from engine.listing import print_plugins
from engine.outcome import metrics
from engine.summary import show, show_folder

ROOT = Path(__file__).resolve().parents[2]
SMA = "configs/sma_cross.yaml"


def start(*words: object, **options: object) -> subprocess.Popen[str]:
    command = [sys.executable, str(ROOT / "run_backtest.py"), *map(str, words)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
    return subprocess.Popen(command, cwd=ROOT, text=True, **pipes)


def printed(action, *words: object) -> str:
    target = io.StringIO()
    action(*words, console=Console(file=target, width=100))
    return target.getvalue()


def one_line(capsys) -> str:
    out, err = capsys.readouterr()
    assert out == ""
    assert err.endswith("\n")
    [line] = err.splitlines()
    return line


# The terminal.


def test_brackets_in_a_symbol_are_no_markup(make_outcome, tmp_path):
    text = printed(show, metrics(make_outcome(symbol="[/x] [red]")), tmp_path)
    assert text.count("[/x] [red]") >= 3


def test_brackets_in_defaults_are_listed(capsys):
    print_plugins("sources")
    assert "symbols=[nasdaq]" in capsys.readouterr().out


def test_an_argument_that_is_missing_is_one_line(capsys):
    assert main(["cache"]) == 2
    assert one_line(capsys) == "error: Missing argument '{info|clear}'. Choose from: info, clear"


@pytest.mark.parametrize("content", ["{}", "[]", "null", '{"span": 3}'])
def test_a_summary_of_a_damaged_run_folder_is_one_error(content, tmp_path):
    (tmp_path / "metrics.json").write_text(content)
    with pytest.raises(StoreError, match=r"metrics\.json: is not what this version writes"):
        printed(show_folder, tmp_path)


def test_a_folder_shows_what_its_run_showed(make_outcome, tmp_path):
    found = metrics(make_outcome())
    (tmp_path / "metrics.json").write_text(json.dumps(found))
    assert printed(show_folder, tmp_path) == printed(show, found, tmp_path)


def test_output_that_nobody_takes_is_no_traceback():
    with Path("/dev/full").open("w") as full:
        process = start("show", SMA, stdout=full)
        _, err = process.communicate()
    assert process.returncode == 2
    assert err == "error: the output: No space left on device; send the output elsewhere\n"


def test_a_reader_that_leaves_early_is_no_traceback():
    process = start("list")
    process.stdout.readline()
    process.stdout.close()
    assert process.stderr.read() == ""
    process.stderr.close()
    process.wait()


# Config files.


def test_merge_keys_are_read_and_quoted(tmp_path):
    path = tmp_path / "merge.yaml"
    path.write_text(f"extends: {ROOT / SMA}\nrisk:\n  <<: {{base: 0.01, cap: 0.5}}\n  cap: 0.3\n")
    assert (load(path).risk.base, load(path).risk.cap) == (0.01, 0.3)
    path.write_text(f"extends: {ROOT / SMA}\nrisk:\n  <<: {{base: 2}}\n")
    with pytest.raises(ConfigError, match=r"merge\.yaml:2: risk\.base: .* for 2 % write 0\.02"):
        load(path)


@pytest.mark.parametrize("text", ["[" * 3000, "a: " + "{a: " * 900 + "}" * 900])
def test_bottomless_brackets_are_one_line(text, tmp_path):
    (tmp_path / "deep.yaml").write_text(text)
    with pytest.raises(ConfigError, match="nested too deeply"):
        load(tmp_path / "deep.yaml")


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("my config.yaml", "my-config"),
        ("-x.yaml", "x"),
        ("a=b.yaml", "a-b"),
        ("Übung.yml", "Ubung"),
        ("漢字.yaml", "run"),
        ("..yaml", "run"),
        (f"{'a' * 100}.yaml", "a" * 80),
        ("v1.2_b.yaml", "v1.2_b"),
    ],
)
def test_a_config_is_named_after_its_file_whatever_that_is_called(file, name, tmp_path):
    text = (ROOT / SMA).read_text().replace("name: sma-cross", "")
    (tmp_path / file).write_text(text)
    assert load(tmp_path / file).name == name


@pytest.mark.parametrize("name", ["../x", ".", "Ü", "a b", "-x", "a" * 81, "''"])
def test_a_name_that_no_folder_should_bear_is_refused_in_words(name):
    with pytest.raises(ConfigError, match="name: must be ASCII letters, digits"):
        load(ROOT / SMA, [f"name={name}"])


@pytest.mark.parametrize("symbol", ["x\ny", "\x1b[31m", " ", "a ", "\u200b", "a" * 81])
def test_a_symbol_that_cannot_be_printed_is_refused(symbol, tmp_path):
    path = tmp_path / "run.yaml"
    rest = {"model": {"kind": "buy_and_hold"}, "strategy": {"kind": "threshold"}}
    path.write_text(json.dumps({"data": {"source": {"kind": "csv", "files": {symbol: "x.csv"}}}, **rest}))
    with pytest.raises(ConfigError, match="a symbol must be printable, at most 80 characters, no blank"):
        load(path)
