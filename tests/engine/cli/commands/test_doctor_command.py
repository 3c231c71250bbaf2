"""The command that checks data files: exit codes, everything at once, JSON and the page."""

import json
import re

import pandas as pd
import pytest
from command_line import command_line
from daily_walk import walk

from engine.cli.main import main


def written(path, frame):
    frame.rename_axis("Date").to_csv(path)
    return path


@pytest.fixture
def clean(tmp_path):
    return written(tmp_path / "clean.csv", walk())


@pytest.fixture
def faulty(tmp_path):
    frame = walk(seed=8)
    frame.loc[frame.index[50:60], ["open", "high", "low", "close"]] *= 100
    frame.loc[frame.index[200], ["high", "close"]] *= 1.7
    return written(tmp_path / "faulty.csv", frame)


def test_a_clean_file_has_no_finding(clean):
    done = command_line("doctor", clean)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [f"clean ({clean}): 300 sound bars", "nothing found"]


def test_all_findings_are_told_at_once_and_one_refuses(clean, faulty):
    done = command_line("doctor", clean, faulty, "--json")
    assert done.returncode == 1
    found = json.loads(done.stdout)
    assert {(item["check"], item["severity"]) for item in found} == {("unit_error", "refuse"), ("spike", "warn")}
    day = f"{walk().index[200]:%Y-%m-%d}"
    (spike,) = (item for item in found if item["check"] == "spike")
    assert spike["rows"] == [f"201 (line 202, {day}): close {pd.read_csv(faulty)['close'][200]:.6g}"]


def test_the_page_draws_the_findings_and_loads_nothing(faulty, tmp_path):
    page = tmp_path / "page.html"
    assert command_line("doctor", faulty, "--page", page).returncode == 1
    text = page.read_text(encoding="utf-8")
    assert text.count("<svg") >= 2
    assert "unit_error" in text
    assert not re.search(r"(src|href)=[\"']?http", text)


def test_a_file_that_does_not_exist_is_one_line(capsys):
    assert main(["doctor", "gone.csv"]) == 2
    assert capsys.readouterr().err == "error: gone.csv: there is no such file; give a config or a data file\n"
