"""The commands review, compare, list runs, export and report, as they are typed."""

import csv
import io
import json
import re
import shutil

import openpyxl
import pandas as pd
import pytest
from run_folders import make_run

from engine.cli.main import main
from engine.pages import pdf


@pytest.fixture
def runs(tmp_path, monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")
    for seed in range(3):
        make_run(tmp_path / "runs", f"walk{seed}", seed=seed, drift=0.001 * seed)
    return tmp_path / "runs"


def test_review_writes_one_page_beside_the_runs(runs, capsys):
    assert main(["review", str(runs)]) == 0
    text = (runs / "review.html").read_text()
    said = capsys.readouterr().out
    assert "3 runs and sweeps" in said
    assert "review --serve" in said
    assert "connect-src" not in text
    assert not re.search(r"(src|href)=\"(https?:)?//", text)


def test_compare_pins_what_it_is_given(runs, capsys):
    folders = sorted(path for path in runs.iterdir() if path.is_dir())
    assert main(["review", str(runs)]) == 0
    assert main(["compare", str(folders[1]), str(folders[0])]) == 0
    assert (runs / "review.html").read_text().count("walk2") > 0
    data = re.search(r'id="review-data">(.*?)</script>', (runs / "compare.html").read_text(), re.S)
    content = json.loads(data[1])
    name = [column["key"] for column in content["columns"]].index("name")
    assert [content["rows"][place][name] for place in content["pinned"]] == ["walk1", "walk0"]


def test_list_runs_and_text(runs, capsys):
    assert main(["list", "runs", str(runs)]) == 0
    assert len(re.findall("walk", capsys.readouterr().out)) == 3
    assert main(["review", str(runs), "--text", "--sort", "sharpe", "--limit", "1"]) == 0
    out = capsys.readouterr().out
    assert "walk2" in out
    assert "walk1" not in out
    assert "2 more" in out


@pytest.mark.parametrize("width", ["80", "100", "120", "160"])
def test_no_line_of_the_table_is_wider_than_the_terminal(runs, capsys, monkeypatch, width):
    monkeypatch.setenv("COLUMNS", width)
    assert main(["list", "runs", str(runs)]) == 0
    assert max(map(len, capsys.readouterr().out.splitlines())) <= int(width)


def test_csv_and_json_have_the_numbers_in_full(runs, capsys):
    assert main(["review", str(runs), "--csv", "--sort", "name"]) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert main(["review", str(runs), "--json", "--sort", "name"]) == 0
    content = json.loads(capsys.readouterr().out)
    for row, run in zip(rows, content["runs"], strict=True):
        assert float(row["sharpe"]) == run["sharpe"] == run["measures"]["sharpe"]
    names = [row["name"] for row in rows]
    assert names == sorted(names)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["review", "nowhere"], "there is no such folder"),
        (["review", "{runs}", "--text", "--sort", "luck"], "there is no such column"),
        (["review", "{runs}", "--text", "--json"], "exclude each other"),
        (["review", "{runs}", "--text", "--out", "x.html"], "write no file"),
        (["review", "{runs}", "--out", "/dev/null"], "no regular file"),
        (["compare", "{runs}"], "needs two runs"),
        (["list", "models", "{runs}"], "takes no folders"),
        (["export", "{runs}", "--to", "csv"], "is no run folder"),
        (["report", "{runs}"], "has no report.html"),
    ],
)
def test_bad_input_is_one_line(runs, capsys, words, message):
    assert main([word.replace("{runs}", str(runs)) for word in words]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


# --- export


@pytest.fixture
def traded(runs):
    folder = next(path for path in runs.iterdir() if path.is_dir())
    times = pd.to_datetime(["2020-01-02 21:00", None]).tz_localize("UTC")
    trades = pd.DataFrame({"symbol": ["=cmd|' /C calc'!A0", "AAA"], "exited_at": times, "pnl": [-1.5, 2.25]})
    for name in ("trades", "orders", "fills", "costs"):
        trades.to_parquet(folder / f"{name}.parquet")
    return folder


def test_csv_is_read_back_as_it_was(traded, tmp_path, capsys):
    assert main(["export", str(traded), "--to", "csv", "--out", str(tmp_path / "out")]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 4
    table = pd.read_csv(tmp_path / "out" / "trades.csv")
    assert table["pnl"].tolist() == [-1.5, 2.25]
    assert table["symbol"].tolist() == ["'=cmd|' /C calc'!A0", "AAA"]
    assert table["exited_at"][0] == "2020-01-02 21:00:00+00:00"


def test_a_workbook_has_a_sheet_for_each_table(traded, tmp_path):
    assert main(["export", str(traded), "--to", "xlsx", "--out", str(tmp_path / "out")]) == 0
    book = openpyxl.load_workbook(tmp_path / "out" / f"{traded.name}.xlsx")
    assert book.sheetnames == ["trades", "orders", "fills", "costs"]
    rows = list(book["trades"].values)
    assert rows[0] == ("symbol", "exited_at (UTC)", "pnl")
    assert rows[1][0].startswith("'=")
    assert (f"{rows[1][1]:%F %H:%M}", rows[1][2]) == ("2020-01-02 21:00", -1.5)
    assert rows[2][1:] == (None, 2.25)


def test_an_export_leaves_the_results_alone(traded, tmp_path):
    before = {path.name: path.read_bytes() for path in traded.iterdir()}
    assert main(["export", str(traded), "--to", "csv", "--out", str(tmp_path / "out")]) == 0
    assert {path.name: path.read_bytes() for path in traded.iterdir()} == before


def test_runs_of_one_name_do_not_replace_each_other(traded, tmp_path, capsys):
    twin = tmp_path / "elsewhere" / traded.name
    shutil.copytree(traded, twin)
    assert main(["export", str(traded), str(twin), "--to", "csv", "--out", str(tmp_path / "out")]) == 2
    assert "would replace the other" in capsys.readouterr().err
    assert main(["export", str(traded), str(tmp_path), "--to", "csv", "--out", str(tmp_path / "out")]) == 2
    assert not (tmp_path / "out").exists()


# --- PDF


def test_without_a_browser_one_line_says_what_to_do(traded, capsys, monkeypatch):
    monkeypatch.setattr(pdf, "BROWSERS", ("no-such-browser",))
    assert main(["report", str(traded), "--pdf"]) == 2
    assert "install it" in capsys.readouterr().err


@pytest.mark.skipif(not any(map(shutil.which, pdf.BROWSERS)), reason="no Chromium is installed")
def test_a_report_is_printed(traded, capsys):
    assert main(["report", str(traded), "--pdf"]) == 0
    assert (traded / "report.pdf").read_bytes().startswith(b"%PDF")
