"""The command line, run as a person would: exit codes, what is printed where, what is left on disk."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from command_line import command_line as run

ROOT = Path(__file__).resolve().parents[3]
SMA = "configs/sma_cross.yaml"


def in_a_process(*words: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "run_backtest.py"), *map(str, words)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def test_help_answers_without_loading_what_a_run_needs():
    code = (
        "import sys; from engine.cli.main import main; main(['--help']);"
        "heavy = {'pandas', 'numpy', 'torch', 'backtrader', 'pydantic', 'rich'} & set(sys.modules);"
        "sys.exit(str(heavy) if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "run_backtest.py CONFIG... [key=value ...]" in done.stdout


@pytest.mark.slow
def test_a_run_prints_its_summary_plainly_when_piped_and_leaves_one_folder(tmp_path):
    done = in_a_process(SMA, "--out", tmp_path / "runs")
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    [folder] = (tmp_path / "runs").iterdir()
    assert names(tmp_path) == ["runs"]
    tables = {
        f"{table}.parquet" for table in ("costs", "equity", "fills", "orders", "returns", "signals", "stops", "trades")
    }
    said = {"config.yaml", "folds.json", "manifest.json", "metrics.json", "report.html", "run.log", "tearsheet.html"}
    assert set(names(folder)) == tables | said
    assert "\x1b[" not in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 80 + len(str(tmp_path))
    assert f"{folder / 'tearsheet.html'}" in done.stdout
    assert "no evidence of skill" in done.stdout


QUICK = ("report.tearsheet=false", "data.end=2001-12-31", "measures.intervals.reps=0")
"""Overrides of a run that is over soon."""


def test_json_prints_the_metrics_and_nothing_else(tmp_path):
    done = run(SMA, *QUICK, "--out", tmp_path, "--json")
    [folder] = tmp_path.iterdir()
    assert json.loads(done.stdout) == json.loads((folder / "metrics.json").read_text())
    assert done.stderr == ""


def test_quiet_prints_nothing(tmp_path):
    done = run(SMA, *QUICK, "--out", tmp_path, "--quiet")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert "tearsheet.html" not in names(next(tmp_path.iterdir()))


@pytest.mark.slow
def test_two_fresh_processes_write_the_same_bits(tmp_path):
    words = (*QUICK, "data.end=2005-06-30", "model.members.lstm.epochs=2", "--no-cache", "--quiet")
    for out in ("a", "b"):
        done = in_a_process(
            "configs/quickstart.yaml", *words, "workers=2" if out == "a" else "workers=1", "--out", tmp_path / out
        )
        assert done.returncode == 0, done.stderr
    first, second = (next((tmp_path / out).iterdir()) for out in ("a", "b"))
    assert first.name == second.name
    for path in first.iterdir():
        if path.suffix == ".parquet" or path.name in ("folds.json", "metrics.json"):
            assert path.read_bytes() == (second / path.name).read_bytes(), path.name


@pytest.mark.slow
def test_running_again_keeps_the_folder_and_show_repeats_its_summary(tmp_path):
    words = (SMA, *QUICK, "--out", tmp_path)
    first, again = run(*words), run(*words)
    assert "the folder is unchanged" in again.stdout
    [folder] = tmp_path.iterdir()
    shown = run("show", folder)
    assert shown.returncode == 0
    assert shown.stdout.split() == first.stdout.split()


@pytest.mark.slow
def test_a_run_folders_config_runs_again_to_the_same_id(tmp_path):
    assert run(SMA, "risk.base=0.01", *QUICK, "--out", tmp_path, "-q").returncode == 0
    [folder] = tmp_path.iterdir()
    assert run(folder / "config.yaml", "--out", tmp_path, "-q").returncode == 0
    assert names(tmp_path) == [folder.name]


def test_check_validates_without_training_or_writing(tmp_path):
    done = run("configs/quickstart.yaml", SMA, "--check", "--out", tmp_path / "runs")
    assert done.returncode == 0
    assert "16 folds, 64 fits; first decision 2003-10-01" in done.stdout
    assert "sma-cross: valid; 5031 bars of nasdaq" in done.stdout
    assert names(tmp_path) == []


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["nothing.yaml"], "error: nothing.yaml: there is no such file"),
        (["configs"], "error: configs: is a folder"),
        ([SMA, "risk.base=2"], "for 2 % write 0.02"),
        ([SMA, "risk.base"], "error: risk.base: there is no such file"),
        (["risk.base=0.1"], "error: no config file given"),
        ([SMA, "--chek"], "error: No such option '--chek'"),
        (["show", "."], "neither a config file nor a run folder"),
        (["list", "modells"], "there is no family 'modells'; known: sources"),
        (["ledger", "verify", "--ledger", "no/such"], "error: --ledger no/such: there is no such folder"),
        (["cache", "drop"], "'drop' is not one of 'info', 'clear'"),
        (["configs/quickstart.yaml", "walk_forward.train=50000", "--check"], "50000"),
        (["configs/quickstart.yaml", "model.members.lstm.sequence=800", "--check"], "800"),
        ([SMA, "data.end=1999-02-01"], "bars"),
        ([SMA, "data.source={kind: csv, files: {X: gone.csv}}", "data.benchmark=X"], "gone.csv"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(words, message, tmp_path):
    done = run(*words, *(["--out", str(tmp_path / "runs")] if words[0].startswith("configs/") else []))
    assert done.returncode == 2
    assert message in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert done.stdout == ""
    assert names(tmp_path / "runs") == []


def test_an_output_folder_that_is_a_file_is_refused_before_any_work(tmp_path):
    (tmp_path / "file").write_text("")
    done = run(SMA, "--out", tmp_path / "file")
    assert done.returncode == 2
    assert "run folders cannot be written here" in done.stderr
