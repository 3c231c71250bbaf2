"""What people do to a program: odd names, broken files, closed pipes, Ctrl-C. Each is one clear line or a sound run."""

import io
import json
import os
import re
import signal
import subprocess
import sys
import time
from multiprocessing import active_children
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

from core.errors import ConfigError, DataError, ModelError, StoreError
from engine.cli.main import main
from engine.cli.plugin_table import print_plugins
from engine.config.yaml_layers import Layer
from engine.pages.return_charts import draw_distribution, draw_lines, draw_yearly
from engine.pages.svg_charts import canvas, styled, svg
from engine.pages.tearsheet.write import TearsheetInput, background
from engine.pages.terminal import show, show_folder
from engine.pipeline import Options, check_only, compute, run_and_save
from engine.results.metrics_json import metrics
from engine.sweep.load_config import load, validate
from signals.models.base import Samples
from signals.models.lightgbm import LightGBM
from signals.models.random_forest import RandomForest

ROOT = Path(__file__).resolve().parents[3]
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


def test_an_error_cannot_steer_the_terminal(capsys):
    assert main(["show", "a\x1b[31m\nb.yaml"]) == 2
    assert one_line(capsys) == r"error: a\x1b[31m b.yaml: there is no such file"


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
        _, err = process.communicate(timeout=300)
    assert process.returncode == 2
    assert err == "error: the output: No space left on device; send the output elsewhere\n"


def test_a_reader_that_leaves_early_is_no_traceback():
    process = start("list")
    process.stdout.readline()
    process.stdout.close()
    assert process.stderr.read() == ""
    process.stderr.close()
    process.wait(300)


# Config files.


def test_merge_keys_are_read_and_quoted(tmp_path):
    path = tmp_path / "merge.yaml"
    path.write_text(f"extends: {ROOT / SMA}\nrisk:\n  <<: {{base: 0.01, cap: 0.5}}\n  cap: 0.3\n")
    assert (load(path).risk.base, load(path).risk.cap) == (0.01, 0.3)
    path.write_text(f"extends: {ROOT / SMA}\nrisk:\n  <<: {{base: 2}}\n")
    with pytest.raises(ConfigError, match=r"merge\.yaml:2: risk\.base: .* for 2 % write 0\.02"):
        load(path)


@pytest.mark.parametrize("text", ["[" * 1200, "a: " + "{a: " * 900 + "}" * 900])
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


# Processes.


@pytest.mark.slow
@pytest.mark.parametrize("seconds", [0.1, 1.2, 2.4])
def test_ctrl_c_ends_everything_at_once_and_says_one_line(seconds, tmp_path):
    out = tmp_path / "runs"
    printed_out, err, code = _interrupted(out, seconds)
    while "init_import_site" in err:  # on a busy machine Python itself had not started: there is no program yet
        seconds *= 2.0
        printed_out, err, code = _interrupted(out, seconds)
    assert code in (130, -signal.SIGINT, 0)  # 0: a fast machine was done
    if code == 130:
        assert printed_out == ""
        assert err.strip() in ("error: interrupted; nothing was left half-written", "")
        assert [path.name for path in tmp_path.rglob("*") if path != out] == []


def _interrupted(out, seconds):
    """Both outputs and the exit code of a run that is interrupted after some seconds."""
    # A shell that runs the tests in the background has its children ignore Ctrl-C: take that back.
    process = start(SMA, "--out", out, start_new_session=True, preexec_fn=_heed_ctrl_c)
    time.sleep(seconds)
    begin = time.monotonic()
    os.killpg(process.pid, signal.SIGINT)
    printed_out, err = process.communicate(timeout=300)
    assert time.monotonic() - begin < 60  # half a second; machines of tests may be busy
    return printed_out, err, process.returncode


def _heed_ctrl_c() -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def test_an_interrupt_does_not_wait_for_the_tear_sheets_process():
    before = active_children()
    seconds = []
    for _ in range(3):  # a machine may be busy once
        begin = time.monotonic()
        with pytest.raises(KeyboardInterrupt), background():
            raise KeyboardInterrupt
        seconds.append(time.monotonic() - begin)
        assert active_children() == before
    assert min(seconds) < 1.5


def test_a_tear_sheet_process_that_dies_is_one_error(make_outcome, tmp_path):
    sheet = TearsheetInput.of(make_outcome())

    def draw(others: list[object]) -> None:
        with background() as submit:
            for child in set(active_children()) - set(others):
                child.kill()
            submit(sheet, tmp_path / "tearsheet.html").result()

    with pytest.raises(StoreError, match=r"died; .* set report\.tearsheet=false"):
        draw(active_children())


# Pictures and models, where every warning is an error.

DAYS = pd.bdate_range("2020-01-01", periods=30)


def legend(figure) -> list[str]:
    return [text.get_text() for text in figure.axes[0].get_legend().get_texts()]


def test_legends_hold_names_that_begin_with_an_underscore():
    lines = {"_a": pd.Series(np.arange(30.0), DAYS), "_b": pd.Series(1.0, DAYS)}
    assert legend(draw_lines(lines)) == ["_a", "_b"]
    assert legend(draw_distribution(lines)) == ["_a", "_b"]
    assert legend(draw_yearly(pd.DataFrame({"_a": [1.0], "_b": [2.0]}, index=[2020]))) == ["_a", "_b"]


def test_a_picture_without_any_line_has_no_legend():
    empty = pd.Series(dtype=float, index=DAYS[:0])
    assert draw_lines({"a": empty, "b": empty}).axes[0].get_legend() is None


def test_signs_that_the_font_lacks_are_left_to_the_reader():
    @styled
    def picture():
        figure, (axis,) = canvas(2.0)
        axis.set_title("漢字")
        return figure

    assert "漢字" in svg(picture(), "a")


def few_rows(rows: int) -> Samples:
    rng = np.random.default_rng(0)
    return Samples(rng.normal(size=(rows, 3)), rng.normal(size=rows), np.zeros(rows, dtype=np.int64))


def test_a_forest_of_few_rows_does_not_warn():
    fitted = RandomForest(trees=3).fit(few_rows(9), np.arange(7), np.arange(7, 9), seed=1)
    assert np.isfinite(fitted.predict(few_rows(9), np.arange(9))).all()


def test_a_subsample_without_a_row_is_refused_before_the_library_speaks(capfd):
    with pytest.raises(ModelError, match=r"subsample 0\.01 of 7 training rows is no row; raise it"):
        LightGBM(subsample=0.01).fit(few_rows(9), np.arange(7), np.arange(7, 9), seed=1)
    assert capfd.readouterr() == ("", "")


# Accounts that end badly, or never begin.


def crossing(path: Path, **changes: object) -> tuple[str, ...]:
    """The notes of a short moving-average cross on a file of prices."""
    values = {
        "data": {"source": {"kind": "csv", "files": {"X": str(path)}}},
        "model": {"kind": "sma_cross", "fast": 2, "slow": 5},
        "strategy": {"kind": "threshold"},
        **changes,
    }
    return compute(validate(Layer(values, {}), "test")).notes


@pytest.fixture
def prices(walk, tmp_path):
    walk.to_csv(tmp_path / "x.csv")
    return tmp_path / "x.csv"


def test_a_typo_in_a_price_that_ruins_a_short_is_named(walk, tmp_path):
    frame = walk * np.linspace(1, 0.2, len(walk))[:, None]  # it falls: the cross is short
    frame.iloc[200:, :4] *= 1000
    frame.to_csv(tmp_path / "x.csv")
    with pytest.raises(ConfigError, match=r"a short lost more than there was \(X went from .* mend the data\)"):
        crossing(tmp_path / "x.csv", strategy={"kind": "threshold", "side": "short"})


def test_costs_that_empty_an_account_are_named(prices):
    with pytest.raises(ConfigError, match="commission, slippage and interest took more than there was"):
        crossing(prices, risk={"base": 0.5, "cap": 0.5, "cap_at": "signal"}, broker={"commission": 0.999})


@pytest.mark.parametrize(
    ("changes", "note"),
    [
        ({"broker": {"lot": 10}}, r"none of \d+ orders was filled \(\d+ x size 0\)"),
        (
            {"risk": {"base": 1.0, "cap": 1.0}, "strategy": {"kind": "threshold", "side": "long"}},
            r"none of \d+ orders was filled \(\d+ x not enough cash at submission\)",
        ),
        ({"strategy": {"kind": "threshold", "entry": 9.0}}, "no order was asked"),
    ],
)
def test_a_run_without_a_trade_says_why(changes, note, prices):
    assert re.fullmatch(f"nothing was traded: {note}", crossing(prices, **changes)[-1])


def test_interest_on_cash_that_looks_like_skill_is_told(prices):
    told = [note for note in crossing(prices, broker={"cash_interest": 0.02}) if note.startswith("idle cash")]
    assert told == [
        "idle cash earns 2 % a year, more than measures.risk_free (0 %): ratios compare with 2.020 %, which is what "
        "cash earned, and the verdict with the same account untraded"
    ]
    fair = crossing(prices, broker={"cash_interest": 0.02}, measures={"risk_free": 0.02})
    assert not [note for note in fair if note.startswith("idle cash")]


def test_a_symbol_that_ends_early_is_noted(walk, prices, tmp_path):
    walk.iloc[30:300].to_csv(tmp_path / "y.csv")
    files = {"X": str(prices), "Y": str(tmp_path / "y.csv")}
    data = {"source": {"kind": "csv", "files": files}, "benchmark": "X", "trade": ["X", "Y"]}
    first, last = walk.index[30], walk.index[299]
    noted = f"Y has bars from {first:%F} to {last:%F} only; a position at its end is closed 5 sessions later"
    assert noted in crossing(prices, data=data)


# What a run says of itself.


@pytest.mark.slow
def test_the_log_holds_the_notes_and_says_when_nothing_was_trained(cheap, walk, tmp_path):
    walk.assign(Volume=0).to_csv(tmp_path / "x.csv")
    config = cheap(tmp_path / "x.csv", report={"tearsheet": False})
    for out in ("first", "second"):
        saved = run_and_save(config, Options(tmp_path / out, quiet=True)).saved
    lines = (saved.folder / "run.log").read_text().splitlines()
    assert any(line.endswith("INFO engine.pipeline: note: X: volume is 0 on every bar") for line in lines)
    assert any("the signals come from the cache" in line for line in lines)
    assert all(re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z ", line) for line in lines)
    stamp = pd.Timestamp(lines[0].split()[0])
    assert abs(pd.Timestamp.now("UTC") - stamp) < pd.Timedelta(minutes=10)


def test_a_check_finds_a_benchmark_that_begins_after_a_rule_decides(walk, prices, tmp_path):
    walk.iloc[100:].to_csv(tmp_path / "late.csv")
    files = {"X": str(prices), "L": str(tmp_path / "late.csv")}
    values = {
        "data": {"source": {"kind": "csv", "files": files}, "benchmark": "L"},
        "model": {"kind": "sma_cross", "fast": 2, "slow": 5},
        "strategy": {"kind": "threshold"},
    }
    with pytest.raises(DataError, match=r"benchmark L has bars from .*, but the run needs it from its first decision"):
        check_only(validate(Layer(values, {}), "test"))
