"""One tiny sweep from end to end: its folder, its holdout, what the terminal says, and what goes wrong."""

import io
import json
import re
import shutil

import numpy as np
import pandas as pd
import pytest
from browser_page import NARROW, opened
from general_kernels import use_general_kernels
from rich.console import Console

from core.errors import ConfigError, StoreError
from engine import load_run, load_sweep
from engine.cli.main import main
from engine.ledger.settings import ENTRY
from engine.pipeline import Options
from engine.run_folder.run_folder import read_json
from engine.sweep import run, run_trials
from engine.sweep.judgement import confirm
from engine.sweep.judgement.confirm import ConfirmationError
from engine.sweep.load_config import load
from engine.sweep.pages import terminal
from engine.sweep.run import sweep_and_save
from engine.sweep.storage import trial_registry
from engine.sweep.storage.file_names import RESULTS
from engine.sweep.storage.sweep_id import sweep_id
from engine.sweep.trials.plan import plan_sweep
from engine.sweep.trials.ranking import TrialRanking
from risk.measures.base import Sample
from risk.measures.sharpe import Sharpe

HOLDOUT = "2015-07-31"
SPACE = {
    "model.slow": [8, 12],
    "risk.base": [0.02, 0.05],
    "risk.stop": [None, {"kind": "percent", "value": 0.02}],
    "strategy.side": ["both", "long"],
}
SWEEP = {"space": SPACE, "holdout": HOLDOUT, "spot_checks": 1}


@pytest.fixture(scope="module")
def options(tmp_path_factory):
    return Options(out=tmp_path_factory.mktemp("runs"), cache=False, quiet=True)


@pytest.fixture(scope="module", autouse=True)
def lasting(tmp_path_factory):
    """A registry and kernels that the tests of this module share."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BACKTRADER_ML_DATA", str(tmp_path_factory.mktemp("data")))
        use_general_kernels(patch)
        yield


@pytest.fixture(scope="module")
def swept(config_of, options, lasting):
    return sweep_and_save(config_of(SWEEP), options)


@pytest.mark.slow
def test_the_page_in_a_browser(swept, browser):
    with opened(browser, swept.saved.folder / "sweep.html") as sweep:
        page = sweep.page
        sweep.draw_all()
        assert (sweep.said, sweep.asked, sweep.sideways()) == ([], [], 0)
        rows = page.locator("#trials tbody tr")
        shown = rows.count()
        best = rows.first.locator("th, td").first.inner_text()
        rows.first.click()
        command = page.locator("#picked code").inner_text()
        point = json.loads((swept.saved.folder / "sweep.json").read_text())["winners"][0]["point"]
        assert page.locator("#picked h3").inner_text() == f"Trial {best}"
        assert all(f"{key}=" in command for key in point)
        page.locator(".dt-search input").fill("no such trial")
        assert page.locator("#trials tbody tr").count() == 1  # the row that says so
        page.locator(".dt-search input").fill("")
        assert rows.count() == shown
        heads = page.locator("#trials thead th")
        assert heads.nth(1).get_attribute("aria-sort") == "descending"
        area = page.locator("#parallel .area").last
        area.scroll_into_view_if_needed()
        box = area.bounding_box()
        page.mouse.move(box["x"] + 5, box["y"] + 2)
        page.mouse.down()
        page.mouse.move(box["x"] + 5, box["y"] + box["height"] * 0.3, steps=3)
        page.mouse.up()
        assert page.locator("#parallel .trial.out").count() > 0
        assert 1 <= rows.count() < shown
        page.locator("#clear").click()
        assert rows.count() == shown
        assert sweep.serious() == []
    with opened(browser, swept.saved.folder / "sweep.html", NARROW, "dark") as sweep:
        assert sweep.sideways() == 0
        assert sweep.serious() == []


def names(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


def test_the_folder_holds_what_it_should(swept, config_of, options):
    folder = swept.saved.folder
    assert folder.name == f"tiny-{sweep_id(config_of(SWEEP))}"
    files = ["blocks.parquet", "config.yaml", "manifest.json", "returns.parquet", "run.log", "sweep.html", "sweep.json"]
    assert [name for name in names(folder) if "/" not in name] == [*files, "trials.parquet", "winners"]
    (winner,) = (folder / "winners").iterdir()
    assert {"config.yaml", "equity.parquet", "metrics.json", "report.html"} <= set(names(winner))
    assert [item.name for item in options.out.iterdir()] == [folder.name]


def test_the_folder_is_read_back(swept):
    folder = swept.saved.folder
    sweep = load_sweep(folder)
    pd.testing.assert_frame_equal(sweep.trials, pd.read_parquet(folder / "trials.parquet"))
    assert sweep.numbers == swept.numbers
    assert sweep.config["sweep"]["holdout"] == HOLDOUT
    [winner] = sweep.winners.values()
    assert winner.config["model"]["kind"] == "sma_cross"
    with pytest.raises(StoreError, match="is the folder of a sweep; load_sweep reads it"):
        load_run(folder)
    with pytest.raises(StoreError, match=r"is no folder of a finished sweep.*load_run reads it"):
        load_sweep(next((folder / "winners").iterdir()))


def test_the_table_is_one_of_plain_columns(swept):
    table = pd.read_parquet(swept.saved.folder / "trials.parquet")
    assert table["trial"].tolist() == list(range(16))
    assert table.columns[:5].tolist() == ["trial", *SPACE]
    assert (table.columns[5], table.columns[-1]) == ("status", "reason")
    assert all(isinstance(name, str) for name in table.columns)
    kinds = {name: str(kind) for name, kind in table.dtypes.items()}
    assert kinds["trial"] == "int64"
    assert kinds["model.slow"] == kinds["fills"] == kinds["trades"] == kinds["rejections"] == "Int64"
    assert kinds["risk.stop"] == kinds["strategy.side"] == kinds["status"] == kinds["reason"] == "str"
    rest = set(table.columns) - {"trial", "model.slow", "fills", "trades", "rejections", "risk.stop", "strategy.side"}
    assert {kinds[name] for name in rest - {"status", "reason"}} == {"float64"}
    assert table["risk.stop"].dropna().unique().tolist() == ['{"kind": "percent", "value": 0.02}']
    assert table["risk.stop"].isna().sum() == 8
    assert set(table["status"]) == {"done"}


def test_the_numbers_are_json_without_nan(swept):
    def refuse(text):
        raise AssertionError(text)

    text = (swept.saved.folder / "sweep.json").read_text()
    numbers = json.loads(text, parse_constant=refuse)
    assert numbers == json.loads(json.dumps(swept.numbers))
    assert numbers["trials"] == {"all": 16, "done": 16}
    assert numbers["groups"] == 2
    assert numbers["holdout"] == HOLDOUT
    table = pd.read_parquet(swept.saved.folder / "trials.parquet")
    winner = numbers["winners"][0]
    assert winner["trial"] == table["sharpe"].idxmax()
    assert winner["final_value"] == table["final_value"][winner["trial"]]
    assert len(numbers["spot_checks"]) == 1
    assert str(swept.saved.folder) not in text
    assert numbers["luck"]["trials"] == {"scored": 16, "earlier": 0, "all": 16}


def test_running_again_changes_nothing(swept, config_of, options):
    folder = swept.saved.folder
    before = {name: ((folder / name).stat().st_mtime_ns, (folder / name).is_dir()) for name in names(folder)}
    again = sweep_and_save(config_of(SWEEP, workers=2), options)
    assert again.saved.folder == folder
    assert again.numbers == swept.numbers
    assert {name: ((folder / name).stat().st_mtime_ns, (folder / name).is_dir()) for name in names(folder)} == before


def test_the_config_it_holds_is_the_sweep(swept):
    config = load(swept.saved.folder / "config.yaml")
    assert swept.saved.folder.name.endswith(sweep_id(config))


def test_a_holdout_is_what_the_winner_earned_after_it(swept):
    folder = swept.saved.folder
    (winner,) = swept.numbers["winners"]
    equity = pd.read_parquet(folder / winner["folder"] / "equity.parquet")
    worth = equity.groupby(equity["time"].dt.normalize())["equity"].last()
    returns = worth.pct_change().loc[pd.Timestamp(HOLDOUT, tz="UTC") + pd.Timedelta(days=1) :].to_numpy()
    held_out = winner["held_out"]
    assert held_out["sessions"] == len(returns) > 40
    assert held_out["first_session"] == "2015-08-03"
    assert held_out["strategy"]["total_return"]["value"] == pytest.approx(np.prod(1 + returns) - 1, abs=1e-12)
    sharpe = Sharpe().of(Sample(returns, periods_per_year=252.0)).value
    assert held_out["strategy"]["sharpe"]["value"] == pytest.approx(sharpe, rel=1e-9)


def test_no_trial_sees_a_bar_of_the_holdout(swept, config_of, options, walk, redrawn, tmp_path):
    frame = walk.iloc[:200]
    path = tmp_path / "walk.csv"
    redrawn(frame, int((frame.index <= HOLDOUT).sum()), "another walk").to_csv(path)
    config = config_of(SWEEP, data={"source": {"kind": "csv", "files": {"X": str(path)}}})
    other = sweep_and_save(config, Options(out=tmp_path / "runs", cache=False, quiet=True))
    for name in RESULTS:
        assert (other.saved.folder / name).read_bytes() == (swept.saved.folder / name).read_bytes()
    one, two = (numbers["winners"][0] for numbers in (swept.numbers, other.numbers))
    assert one["trial"] == two["trial"]
    assert one["held_out"]["sessions"] == two["held_out"]["sessions"]
    assert one["held_out"]["strategy"] != two["held_out"]["strategy"]
    assert other.numbers["verdict"]["sentence"] == swept.numbers["verdict"]["sentence"]


@pytest.mark.slow
def test_a_sweep_that_is_interrupted_counts_and_goes_on(swept, config_of, monkeypatch, tmp_path):
    config = config_of(SWEEP)
    options = Options(out=tmp_path / "runs", cache=False, quiet=True)
    monkeypatch.setenv("BACKTRADER_ML_DATA", str(tmp_path / "data"))
    put = run_trials.TrialStore.put

    def once(records, *arguments):
        if len(records):
            raise KeyboardInterrupt
        put(records, *arguments)

    monkeypatch.setattr(run_trials.TrialStore, "put", once)
    with pytest.raises(KeyboardInterrupt):
        sweep_and_save(config, options)
    (file,) = (tmp_path / "data" / "trials").glob("*.bin")
    assert file.stat().st_size == 8 * ENTRY.itemsize  # one group of two
    other = plan_sweep(config_of({"space": {"risk.base": [0.01]}}))
    assert trial_registry.TrialRegistry(other, "other").prior_trials().trials == 8
    monkeypatch.setattr(run_trials.TrialStore, "put", put)
    again = sweep_and_save(config, options)
    for name in RESULTS:
        assert (again.saved.folder / name).read_bytes() == (swept.saved.folder / name).read_bytes()
    assert [item.name for item in options.out.iterdir()] == [again.saved.folder.name]


def test_a_sweep_that_fails_before_its_first_trial_leaves_no_folder(config_of, monkeypatch, tmp_path):
    def fail(*_):
        raise ConfigError("the scheduler does not answer")

    monkeypatch.setattr(run, "run_function", fail)
    with pytest.raises(ConfigError, match="does not answer"):
        sweep_and_save(config_of(SWEEP), Options(out=tmp_path / "runs", cache=False, quiet=True))
    assert list((tmp_path / "runs").iterdir()) == []


def test_keys_in_another_order_are_another_sweep(config_of):
    """Trials are numbered in their order: an unfinished sweep must not be gone on with under other numbers."""
    turned = config_of({**SWEEP, "space": dict(reversed(SPACE.items()))})
    assert sweep_id(turned) != sweep_id(config_of(SWEEP))
    assert sweep_id(config_of({**SWEEP, "workers": 3, "timeout": 9})) == sweep_id(config_of(SWEEP))
    assert sweep_id(config_of({**SWEEP, "confirm": 2})) != sweep_id(config_of(SWEEP))


@pytest.mark.parametrize("wrong", ["final_value", "fills"])
def test_a_wrong_number_on_the_board_is_an_error(wrong, prices, tmp_path, monkeypatch, capsys):
    path = tmp_path / "tiny.yaml"
    path.write_text(
        f"data: {{source: {{kind: csv, files: {{X: {prices}}}}}}}\nmodel: {{kind: sma_cross, fast: 3, slow: 8}}\n"
        "strategy: {kind: threshold}\nmeasures: {intervals: {reps: 0}, var_methods: [gaussian]}\n"
        "report: {tearsheet: false}\nworkers: 1\n"
        "sweep: {space: {risk.base: [0.02, 0.05]}, confirm: 1, spot_checks: 0, overfitting: {pbo_blocks: 4}}\n"
    )
    add = TrialRanking.add

    def planted(board, scores):
        add(board, scores)
        getattr(board, wrong)[:] = np.nextafter(getattr(board, wrong), np.inf)

    monkeypatch.setattr(TrialRanking, "add", planted)
    assert (
        main([str(path), "--out", str(tmp_path / "runs"), "--no-cache", "--quiet"]) == ConfirmationError.exit_code == 1
    )
    err = capsys.readouterr().err
    assert "the sweep found" in err
    assert "backtrader" in err
    assert "please report" in err
    assert [item.name for item in (tmp_path / "runs").iterdir() if not item.name.startswith(".")] == []


def test_engines_that_differ_are_an_error(swept, config_of, monkeypatch, tmp_path):
    monkeypatch.setattr(confirm, "first_difference", lambda one, other: "fills: row 3: price 1.0 and 1.1")
    config = config_of({"space": {"risk.base": [0.02, 0.05]}})
    with pytest.raises(ConfirmationError, match="the engines differ: fills: row 3"):
        sweep_and_save(config, Options(out=tmp_path, cache=False, quiet=True))


@pytest.mark.parametrize("width", [80, 120])
def test_the_summary_fits_the_terminal(swept, width):
    console = Console(width=width, file=io.StringIO(), highlight=False)
    terminal.show_folder(swept.saved.folder, console)
    text = console.file.getvalue()
    lines = text.splitlines()
    free = [line for line in lines if str(swept.saved.folder) not in line]
    assert max(map(len, free)) <= width
    assert swept.numbers["verdict"]["sentence"].split(":")[0] in text
    assert "16 trials (16 done), grid" in text
    table = next(place for place, line in enumerate(lines) if line.lstrip().startswith("trial "))
    assert not any(line.endswith("  ") for line in lines[:table])
    words = " ".join(text.split())
    for test in swept.numbers["verdict"]["tests"]:
        assert re.search(rf"(not )?(passed|tried): {test['name']}\. ", words)
    assert "holdout from 2015-08-03" in text
    assert str(swept.saved.folder / "trials.parquet") in text
    assert "nan" not in text.lower().split()


def test_a_damaged_summary_is_one_line(swept, tmp_path):
    folder = tmp_path / "copy"
    shutil.copytree(swept.saved.folder, folder)
    numbers = read_json(folder / "sweep.json")
    del numbers["verdict"]["tests"]
    (folder / "sweep.json").write_text(json.dumps(numbers))
    with pytest.raises(Exception, match="is not what this version writes"):
        terminal.show_folder(folder)
