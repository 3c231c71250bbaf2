"""The command `audit`: exit codes, the table, the folder, and the verdict that a later report shows."""

import json
import re
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from engine.cli.main import app, main
from signals.features.sma import Sma

ROOT = Path(__file__).resolve().parents[3]
CONFIG = f"""
extends: {ROOT}/configs/quickstart.yaml
name: small
data: {{end: 2001-06-30}}
features:
  - {{kind: sma, window: 10}}
  - {{kind: lagged_return}}
model: {{kind: ridge}}
walk_forward: {{train: 260, test: 60}}
measures: {{intervals: {{reps: 0}}}}
report: {{tearsheet: false}}
"""


@pytest.fixture
def config(tmp_path, monkeypatch):
    """A small config, with a cache of its own."""
    monkeypatch.setenv("BACKTRADER_ML_CACHE", str(tmp_path / "cache"))
    path = tmp_path / "small.yaml"
    path.write_text(CONFIG)
    return path


@pytest.fixture
def leak(monkeypatch):
    """The average of the next bars instead of the last ones, while it is called."""

    def plant():
        honest = Sma.compute
        monkeypatch.setattr(Sma, "compute", lambda self, bars: honest(self, bars) + 1e-6 * bars.close[-1])

    return plant


def audited(config, out, *words):
    return CliRunner().invoke(
        app, ["audit", str(config), "--out", str(out), *words], catch_exceptions=False, standalone_mode=False
    )


@pytest.mark.slow
@pytest.mark.parametrize("columns", ["80", "120"])
def test_a_clean_config_exits_0_and_says_so(config, tmp_path, monkeypatch, columns):
    monkeypatch.setenv("COLUMNS", columns)
    done = audited(config, tmp_path / "out")
    assert done.return_value == 0
    assert max(map(len, done.stdout.replace(str(tmp_path), "").splitlines())) <= int(columns)
    for word in ("L1", "L2", "L3", "L10", "clean", "no leak found (quick battery)", "audit.html"):
        assert word in done.stdout
    [folder] = (tmp_path / "out").iterdir()
    assert re.fullmatch(r"small-[0-9a-f]{12}-audit", folder.name)
    found = json.loads((folder / "audit.json").read_text())
    assert found["verdict"] == "no leak found (quick battery)"
    assert [check["number"] for check in found["checks"]] == ["L1", "L2", "L3", "L10", "L11"]
    assert len(found["cuts"]) == len(set(found["cuts"])) >= 9
    page = (folder / "audit.html").read_text()
    assert "http:" not in page
    assert "https:" not in page
    assert "default-src &#39;none&#39;" in page


def test_a_leak_exits_1_and_names_stage_row_and_values(config, tmp_path, leak):
    leak()
    done = audited(config, tmp_path / "out")
    assert done.return_value == 1
    assert "LEAK: L1, L2, L11 failed (quick battery)" in done.stdout
    said = " ".join(done.stdout.split())
    assert re.search(
        r"L1 first changed: features, 1999-[-0-9: ]+ nasdaq sma_10: [-0-9.e]+ became [-0-9.e]+ \(cut off", said
    )
    [folder] = (tmp_path / "out").iterdir()
    moved = json.loads((folder / "audit.json").read_text())["checks"][0]["moved"]
    assert moved["stage"] == "features"
    assert moved["before"] != moved["after"]
    assert "First changed values" in (folder / "audit.html").read_text()


@pytest.mark.slow
def test_json_and_quiet(config, tmp_path):
    done = audited(config, tmp_path / "out", "--json")
    assert json.loads(done.stdout)["name"] == "small"
    assert audited(config, tmp_path / "out", "--quiet").stdout == ""
    assert len(list((tmp_path / "out").iterdir())) == 1  # the second takes the first one's place


def test_bad_input_is_one_line_and_2(config, tmp_path, capsys):
    assert main(["audit", str(tmp_path / "gone.yaml")]) == 2
    assert main(["audit", str(config), "data.end=1999-06-01"]) == 2
    assert main(["audit", str(config), "model.kind=rigde"]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 3
    assert all(line.startswith("error: ") for line in lines)


def report_of(config, out):
    assert main([str(config), "--out", str(out), "-q"]) == 0
    [folder] = out.iterdir()
    page = (folder / "report.html").read_text()
    metrics = (folder / "metrics.json").read_bytes()
    shutil.rmtree(out)
    return page, metrics


@pytest.mark.slow
def test_the_report_shows_the_cached_verdict_and_equal_runs_stay_equal_files(config, tmp_path, leak):
    before, metrics = report_of(config, tmp_path / "runs")
    assert "The leak battery has not been run" in before
    audited(config, tmp_path / "out")
    after, again = report_of(config, tmp_path / "runs")
    assert "no leak found (quick battery)" in after
    assert again == metrics
    checks = {check["number"]: check["status"] for check in json.loads(metrics)["leak_checks"]}
    assert checks == {"L3": "clean", "L10": "clean"}
    other, _ = report_of_other(config, tmp_path)
    assert "The leak battery has not been run" in other


def report_of_other(config, tmp_path):
    config.write_text(CONFIG.replace("window: 10", "window: 12"))
    return report_of(config, tmp_path / "runs")


@pytest.mark.slow
def test_a_quick_look_does_not_replace_the_whole_battery_unless_it_finds_a_leak(config, tmp_path, leak):
    from engine.run_folder import verdict_cache
    from engine.sweep.load_config import load

    identity = load(config).id
    audited(config, tmp_path / "out")
    known = verdict_cache.recall(identity)
    assert known["full"] is False
    verdict_cache._path(identity).write_text(json.dumps({**known, "full": True}))
    audited(config, tmp_path / "out")
    assert verdict_cache.recall(identity)["full"] is True
    leak()
    audited(config, tmp_path / "out")
    assert verdict_cache.recall(identity)["verdict"].startswith("LEAK")
    verdict_cache._path(identity).write_text("{")
    assert verdict_cache.recall(identity) is None


# The plumbing of every shipped config on a few years of its data: the whole ones take minutes.
THREE = ["data.source.symbols=[AAPL, IBM, MSFT]", "data.end=2002-12-31", "walk_forward={train: 350, test: 130}"]
SHORTER = {
    "quickstart": ["data.end=2002-06-30", "walk_forward={train: 400, test: 100}"],
    "lstm_full": ["data.end=2002-06-30", "walk_forward={train: 400, test: 100}", "model.hidden=8"],
    "portfolio": ["data.end=2005-12-31", "walk_forward={train: 600, test: 300}"],  # GOOG begins in 2004
    "rank": THREE,
    "risk_notional": THREE,
    "risk_stop": THREE,
    "sentiment": ["data.end=2003-12-31", "walk_forward={train: 400, test: 200}"],
    "my_csv": [],
    "sma_cross": ["data.end=2001-12-31"],
    "buy_and_hold": ["data.end=2001-12-31"],
}


def test_every_shipped_config_is_audited():
    assert set(SHORTER) == {path.stem for path in (ROOT / "configs").glob("*.yaml")}


@pytest.mark.slow
@pytest.mark.parametrize("name", SHORTER)
def test_no_shipped_config_leaks(name, tmp_path, monkeypatch):
    monkeypatch.setenv("BACKTRADER_ML_CACHE", str(tmp_path / "cache"))
    done = audited(ROOT / "configs" / f"{name}.yaml", tmp_path / "out", "--json", *SHORTER[name])
    found = json.loads(done.stdout)
    assert [check for check in found["checks"] if check["status"] == "leak"] == []
    assert done.return_value == 0
