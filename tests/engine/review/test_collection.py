"""Folders of every kind in one review: figures against the runs' own files, and the reason where there are none."""

import json
import os
import shutil
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from run_folders import make_run

from core.errors import DataError, StoreError
from engine.review import index as indexes
from engine.review.blend import common_weeks, equal_risk
from engine.review.collection import collect
from engine.review.columns import COLUMNS
from engine.review.find_folders import find_folders
from engine.review.index import NAME, read_rows
from engine.review.page import write_page
from engine.review.read_row import read_row
from engine.review.row import Refused
from engine.run_folder.run_folder import result_digest
from engine.sweep.storage.file_names import RESULTS
from risk.overfitting import deflated_sharpe

NOW = datetime(2026, 11, 28, tzinfo=UTC)


@pytest.fixture
def runs(tmp_path):
    out = tmp_path / "runs"
    for seed in range(4):
        make_run(out, f"walk{seed}", seed=seed, drift=0.0002 * seed)
    return out


def column(key):
    return next(column for column in COLUMNS if column.key == key)


def test_figures_are_those_of_metrics_json(runs):
    review = collect([runs], now=NOW)
    assert len(review.rows) == 4
    for item in review.rows:
        metrics = json.loads((Path(item.row.folder) / "metrics.json").read_text())
        for name, value in metrics["measures"]["strategy"].items():
            assert column(name).value(item) == value["value"]
        assert column("to").value(item) == metrics["span"]["last_session"]
        assert column("data_age").value(item) == (NOW.date() - pd.Timestamp(item.row.last).date()).days
        assert column("tries").value(item) == 3


def test_a_curve_is_the_wealth_of_each_week(runs):
    row = collect([runs]).rows[0].row
    returns = pd.read_parquet(Path(row.folder) / "returns.parquet")["strategy"]
    weekly = (1 + returns).cumprod().resample("W-SUN").last().ffill()
    assert row.curve.wealth[0] == 1.0
    assert np.allclose(row.curve.wealth[1:], weekly, rtol=1e-14)
    monday = pd.Timestamp("1970-01-05") + pd.Timedelta(weeks=row.curve.first_week + 1)
    assert monday <= returns.index[0] < monday + pd.Timedelta(weeks=1)


def test_a_week_without_sessions_has_the_value_before_it(tmp_path):
    folder = make_run(tmp_path, sessions=15)
    table = pd.read_parquet(folder / "returns.parquet").drop(pd.bdate_range("2020-01-06", "2020-01-10"))
    from engine.review.weekly import weekly_curve

    wealth = weekly_curve(table).wealth
    assert wealth[2] == wealth[1]


def test_deflated_sharpe_over_the_runs_shown(runs):
    review = collect([runs])
    tables = [pd.read_parquet(Path(item.row.folder) / "returns.parquet")["strategy"] for item in review.rows]
    ratios = [returns.mean() / returns.std(ddof=1) for returns in tables]
    for item, returns in zip(review.rows, tables, strict=True):
        expected = deflated_sharpe(returns.to_numpy(), 4, float(np.var(ratios, ddof=1)))
        assert item.deflated_all == pytest.approx(expected.value, rel=1e-9)


def test_a_copy_of_a_run_is_no_further_trial(runs):
    before = [item.deflated_all for item in collect([runs]).rows]
    first = find_folders([runs])[0][0]
    shutil.copytree(first, runs / "zz-copy")
    assert [item.deflated_all for item in collect([runs]).rows][:4] == before


def test_short_runs_are_no_trials(runs):
    before = [item.deflated_all for item in collect([runs]).rows]
    make_run(runs, "zz-short", sessions=5, drift=0.5)
    after = [item.deflated_all for item in collect([runs]).rows]
    assert after == [*before, None]


def test_what_is_no_result_is_listed_with_the_reason(runs):
    folders = sorted(runs.iterdir())
    (folders[0] / "metrics.json").write_text("{ broken")
    (folders[1] / "manifest.json").unlink()
    newer = json.loads((folders[2] / "manifest.json").read_text()) | {"format": 99}
    (folders[2] / "manifest.json").write_text(json.dumps(newer))
    (folders[3] / "returns.parquet").write_bytes(b"PAR1 cut")
    (runs / "photos").mkdir()
    (runs / "photos" / "cat.jpg").write_bytes(b"x")
    (runs / "list").mkdir()
    (runs / "list" / "manifest.json").write_text("[1, 2]")
    review = collect([runs])
    reasons = {left.folder.name: left.reason for left in review.refused}
    assert not review.rows
    assert "not valid JSON" in reasons[folders[0].name]
    assert "copied in part" in reasons[folders[1].name]
    assert "format 99" in reasons[folders[2].name]
    assert "returns.parquet" in reasons[folders[3].name]
    assert "not a folder of this program" in reasons["photos"]
    assert "states no format" in reasons["list"]


@pytest.mark.parametrize("name", ["metrics.json", "manifest.json", "config.yaml", "returns.parquet"])
def test_a_file_cut_anywhere_is_a_reason_and_no_crash(tmp_path, name):
    folder = make_run(tmp_path)
    whole = (folder / name).read_bytes()
    for cut in np.linspace(0, len(whole) - 2, 12).astype(int):
        (folder / name).write_bytes(whole[:cut])
        row = read_row(folder)
        assert isinstance(row, Refused), cut
        assert "\n" not in row.reason
        assert row.reason


@pytest.mark.parametrize("entry", ["span", "measures", "verdict", "periods_per_year", "symbols"])
@pytest.mark.parametrize("value", [None, 7, [], {}, "text"])
def test_an_entry_of_another_type_is_a_reason_and_no_crash(tmp_path, entry, value):
    folder = make_run(tmp_path)
    metrics = json.loads((folder / "metrics.json").read_text()) | {entry: value}
    (folder / "metrics.json").write_text(json.dumps(metrics))
    row = read_row(folder)
    assert isinstance(row, Refused) or entry == "symbols" or (entry, value) == ("periods_per_year", 7)


def test_changed_result_files_are_flagged(runs):
    folder = sorted(runs.iterdir())[0]
    (folder / "folds.json").write_text('["edited"]')
    assert collect([runs]).rows[0].row.flags == ("result files were changed after the run",)


def test_a_run_folder_a_folder_of_runs_and_a_link_in_a_circle(runs):
    (runs / "loop").symlink_to(runs)
    first = sorted(path for path in runs.iterdir() if not path.is_symlink())[0]
    assert len(find_folders([first])[0]) == 1
    assert len(find_folders([runs.parent, runs, first])[0]) == 4


def test_nothing_here_is_one_line(tmp_path):
    with pytest.raises(StoreError, match="there is no such folder"):
        collect([tmp_path / "nowhere"])
    with pytest.raises(StoreError, match="no run folders here"):
        collect([tmp_path])


def test_an_audit_is_shown_at_its_run(runs):
    first = sorted(runs.iterdir())[0]
    identity = json.loads((first / "manifest.json").read_text())["config_id"]
    audit = runs / "walk0-audit"
    audit.mkdir()
    checks = [{"status": "clean"}, {"status": "leak"}]
    (audit / "audit.json").write_text(json.dumps({"config_id": identity, "full": True, "checks": checks}))
    assert [item.leaks for item in collect([runs]).rows] == ["leak (full audit)", *["1 clean"] * 3]
    assert collect([first]).rows[0].leaks == "leak (full audit)"


# --- the index


def test_rows_from_the_index_are_those_from_the_files(runs):
    folders = find_folders([runs])[0]
    fresh = read_rows(folders)
    assert (runs / NAME).exists()
    assert read_rows(folders) == fresh


def test_what_is_in_the_index_is_not_read_again(runs, monkeypatch):
    collect([runs])
    read = []
    monkeypatch.setattr(indexes, "_read", lambda folders, _step: read.extend(folders) or {})
    collect([runs])
    assert read == []


def test_a_changed_run_is_read_again(runs):
    collect([runs])
    folder = sorted(runs.iterdir())[1]
    metrics = json.loads((folder / "metrics.json").read_text())
    metrics["measures"]["strategy"]["sharpe"]["value"] = 9.0
    (folder / "metrics.json").write_text(json.dumps(metrics))
    assert max(item.row.measures["sharpe"] for item in collect([runs]).rows) == 9.0


@pytest.mark.parametrize("content", [b"", b"no database at all " * 100, None])
def test_a_lost_or_damaged_index_is_made_again(runs, content):
    before = collect([runs], now=NOW)
    path = runs / NAME
    path.unlink() if content is None else path.write_bytes(content)
    assert collect([runs], now=NOW) == before
    assert collect([runs], now=NOW) == before


def test_an_index_cut_in_the_middle_is_made_again(runs):
    before = collect([runs], now=NOW)
    whole = (runs / NAME).read_bytes()
    for cut in (100, 1024, 5000, len(whole) - 200):
        (runs / NAME).write_bytes(whole[:cut])
        assert collect([runs], now=NOW) == before


def test_a_moved_folder_of_runs_has_its_new_paths(runs, tmp_path):
    collect([runs])
    runs.rename(tmp_path / "moved")
    assert all(Path(item.row.folder).parent.name == "moved" for item in collect([tmp_path / "moved"]).rows)


def test_an_index_of_another_version_is_made_again(runs, monkeypatch):
    before = collect([runs], now=NOW)
    monkeypatch.setattr(indexes, "VERSION", 2)
    assert collect([runs], now=NOW) == before


# --- sizes, neighbours, other bars


@pytest.mark.parametrize("count", [1, 2, 50])
def test_any_number_of_runs(tmp_path, count):
    for seed in range(count):
        make_run(tmp_path, f"walk{seed}", seed=seed, sessions=80)
    review = collect([tmp_path])
    assert len(review.rows) == count
    assert all(item.deflated_all is not None for item in review.rows)


def test_a_folder_that_goes_away_meanwhile_is_a_reason(runs, monkeypatch):
    gone = find_folders([runs])[0][1]
    read = indexes._read

    def reading(folders, on_step):
        shutil.rmtree(gone)
        return read(folders, on_step)

    monkeypatch.setattr(indexes, "_read", reading)
    review = collect([runs])
    assert len(review.rows) == 3
    assert [left.folder for left in review.refused] == [gone]


def test_another_process_that_writes_the_index_is_no_trouble(runs):
    import sqlite3

    before = collect([runs], now=NOW)
    (runs / NAME).unlink()
    collect([runs], now=NOW)
    other = sqlite3.connect(runs / NAME, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    try:
        indexes_busy = indexes.BUSY
        indexes.BUSY = 0.05
        assert collect([runs], now=NOW) == before
    finally:
        indexes.BUSY = indexes_busy
        other.close()


def test_weekly_and_daily_runs_share_the_deflated_ratio_by_years(tmp_path):
    daily = make_run(tmp_path, "daily", seed=1, sessions=500)
    weekly = make_run(tmp_path, "weekly", seed=2, sessions=200, deviation=0.02)
    metrics = json.loads((weekly / "metrics.json").read_text()) | {"periods_per_year": 52, "period": "week"}
    (weekly / "metrics.json").write_text(json.dumps(metrics))
    tables = {path: pd.read_parquet(path / "returns.parquet")["strategy"] for path in (daily, weekly)}
    annual = [
        returns.mean() / returns.std(ddof=1) * years**0.5
        for returns, years in zip(tables.values(), (252, 52), strict=True)
    ]
    spread = float(np.var(annual, ddof=1))
    by_name = {item.row.name: item.deflated_all for item in collect([tmp_path]).rows}
    for path, name, years in ((daily, "daily", 252), (weekly, "weekly", 52)):
        expected = deflated_sharpe(tables[path].to_numpy(), 2, spread / years)
        assert by_name[name] == pytest.approx(expected.value, rel=1e-9)


# --- files of another hand


@pytest.mark.parametrize(
    ("file", "keys", "value"),
    [
        ("metrics.json", ("span", "last_session"), "junk"),
        ("metrics.json", ("span", "last_session"), 5),
        ("metrics.json", ("span", "last_session"), "2018-12-31T00:00:00"),
        ("metrics.json", ("periods_per_year",), 0),
        ("metrics.json", ("periods_per_year",), -252),
        ("metrics.json", ("symbols",), [1, None]),
        ("metrics.json", ("measures", "strategy", "sharpe", "value"), float("nan")),
        ("metrics.json", ("verdict", "headline"), {"a": 1}),
        ("manifest.json", ("made_at",), 12),
        ("manifest.json", ("tried",), {"settings": "many"}),
        ("manifest.json", ("format",), -5),
        ("manifest.json", ("format",), True),
    ],
)
def test_an_entry_of_another_kind_is_a_reason(tmp_path, file, keys, value):
    folder = make_run(tmp_path)
    make_run(tmp_path, "other", seed=1)
    content = json.loads((folder / file).read_text())
    inner = content
    for key in keys[:-1]:
        inner = inner[key]
    inner[keys[-1]] = value
    (folder / file).write_text(json.dumps(content))
    review = collect([tmp_path])
    assert [left.folder for left in review.refused] == [folder]
    assert len(review.rows) == 1


@pytest.mark.parametrize("name", ["manifest.json", "metrics.json", "review.json"])
def test_a_file_nested_without_end_is_a_reason(tmp_path, name):
    folder = make_run(tmp_path)
    (folder / name).write_text("[" * 200_000)
    assert collect([tmp_path]).refused


def test_aliases_that_would_fill_the_memory_are_a_reason(tmp_path):
    folder = make_run(tmp_path)
    lines = ["name: x", "a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1]"]
    lines += [f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 9)}]" for level in range(1, 9)]
    (folder / "config.yaml").write_text("\n".join(lines))
    assert "aliases" in collect([tmp_path]).refused[0].reason


def test_names_that_are_no_text_or_no_address_are_on_the_page(tmp_path):
    make_run(tmp_path, seed=1).rename(os.fsdecode(os.fsencode(tmp_path) + b"/byte\xff"))
    make_run(tmp_path, seed=2).rename(tmp_path / "odd#%2F?")
    write_page(collect([tmp_path]), tmp_path / "review.html")
    text = (tmp_path / "review.html").read_text()
    assert "odd%23%252F%3F/report.html" in text
    assert "byte?" in text


def test_a_link_is_listed_and_not_followed(runs):
    (runs / "loop").symlink_to(runs)
    assert [left.reason for left in collect([runs]).refused] == [
        "is a link, which is not followed; name the folder that it leads to"
    ]


def test_runs_are_compared_by_the_names_of_configs_or_folders(runs):
    review = collect([runs])
    rows = [item.row for item in review.rows]
    returns = common_weeks(rows[1:3]).returns
    assert np.allclose(review.correlation("walk1", "walk2"), np.corrcoef(returns.T))
    assert review.correlation().shape == (4, 4)
    assert review.blend("walk1", "walk2").weights.tolist() == equal_risk(common_weeks(rows[1:3])).weights.tolist()
    assert review.blend(*(Path(row.folder).name for row in rows[1:3])).sharpe == review.blend("walk1", "walk2").sharpe
    with pytest.raises(DataError, match="'walk9': no run has that name: walk0"):
        review.correlation("walk1", "walk9")


def test_a_name_that_several_runs_have_is_no_choice(runs):
    make_run(runs, "walk1", seed=7, start="2021-03-01")
    shutil.move(next(path for path in runs.iterdir() if path.name.startswith("walk1")), runs / "moved")
    make_run(runs, "walk1", seed=8)
    with pytest.raises(DataError, match="several runs have that name; give the folder's"):
        collect([runs]).blend("walk1", "walk2")


def test_settings_are_those_of_the_file_and_known_defaults(tmp_path):
    lists = {"features": [{"kind": "lags", "lags": [21, 252]}], "strategy": {"stop": None, "limits": {"gross": None}}}
    make_run(tmp_path / "runs", "plain", config=lists)
    make_run(tmp_path / "runs", "own", config={"data": {"benchmark": {"source": {"symbols": ["sp500"]}}}})
    plain, own = sorted((item.row for item in collect([tmp_path / "runs"]).rows), key=lambda row: row.name != "plain")
    assert plain.config["features"] == "[{kind: lags, lags: [21, 252]}]"
    assert not {path for path in plain.config if path.startswith("strategy.")}
    assert plain.config["data.benchmark"] == "INDEX (default)"
    assert own.config["data.benchmark"] == "INDEX"
    assert own.config["data.benchmark.source.symbols"] == "[sp500]"


def test_the_ratio_of_a_runs_own_report_and_that_of_the_review_are_two_columns(runs):
    row = collect([runs]).rows[0]
    keys = {column.key: (column.title, column.value(row)) for column in COLUMNS if "deflated" in column.key}
    assert keys == {
        "deflated_sharpe": ("Deflated Sharpe, own tries", row.row.deflated),
        "deflated_sharpe_all": ("Deflated Sharpe, all runs here", row.deflated_all),
    }
    assert row.row.deflated != row.deflated_all


def test_no_two_columns_share_a_name(runs):
    titles = [column.title for column in COLUMNS]
    assert len(set(titles)) == len(titles)


def make_sweep(folder):
    """A sweep of 40 trials after 2 tries, whose winner is a run folder."""
    winner = make_run(folder / "winners", "trial-000003", seed=1)
    for name in RESULTS:
        pd.DataFrame({"empty": []}).to_parquet(folder / name)
    numbers = {
        "symbols": ["AAA"],
        "winners": [{"trial": 3}],
        "trials": {"all": 44, "done": 40, "invalid": 4},
        "luck": {"trials": {"scored": 40, "earlier": 2, "all": 42}, "deflated_sharpe": {"value": 0.25, "reason": ""}},
        "verdict": {"headline": "no evidence of skill"},
    }
    (folder / "sweep.json").write_text(json.dumps(numbers))
    (folder / "sweep.html").write_text("<!doctype html><title>sweep</title>")
    (folder / "config.yaml").write_text(json.dumps({"name": "grid"}))
    manifest = json.loads((winner / "manifest.json").read_text())
    manifest |= {"sweep_id": "abcdef", "result_digest": result_digest(folder, RESULTS)}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return winner


def test_a_sweep_has_the_tries_and_the_deflated_ratio_of_its_page(tmp_path):
    winner = make_sweep(tmp_path / "grid-abcdef")
    [item] = collect([tmp_path / "grid-abcdef"]).rows
    assert (item.row.name, item.row.tries, item.row.deflated) == ("grid", 42, 0.25)
    assert item.row.pages == ("sweep.html", f"winners/{winner.name}/report.html")
    assert item.row.flags == ()
