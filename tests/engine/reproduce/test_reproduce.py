"""A finished run made again: equal, or each difference named; one line for a folder that cannot be; nothing touched."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from rich.console import Console

from core.digests import file_digest
from core.table_schemas import EQUITY, FILLS, SIGNALS
from engine.cli.main import main
from engine.pipeline import Options, run_and_save
from engine.reproduce import command
from engine.reproduce.command import reproduce
from engine.reproduce.compare import Difference, differences
from engine.reproduce.recorded_run import RecordedRun, ReproductionVerdict
from engine.reproduce.terminal import lines, show
from engine.run_folder import manifest as manifests
from engine.run_folder.processor import processor
from engine.run_folder.run_folder import RESULT_FILES

ROOT = Path(__file__).resolve().parents[3]
QUICK = {"intervals": {"reps": 0}, "var_methods": ["gaussian"], "exam": {"methods": ["gaussian"]}}


@pytest.fixture(scope="module")
def finished(tmp_path_factory, cheap, walk):
    """A run folder; the tests that change something change a copy."""
    home = tmp_path_factory.mktemp("home")
    walk.to_csv(home / "walk.csv")
    config = cheap(home / "walk.csv", name="walk", measures=QUICK, report={"tearsheet": False})
    return run_and_save(config, Options(out=home / "runs", cache=False, quiet=True)).saved.folder


@pytest.fixture
def folder(finished, tmp_path):
    return Path(shutil.copytree(finished, tmp_path / "runs" / finished.name))


def contents(folder):
    return {
        str(path.relative_to(folder)): (path.stat().st_mtime_ns, file_digest(path) if path.is_file() else "")
        for path in sorted(folder.rglob("*"))
    }


def edit(path, change):
    values = json.loads(path.read_text())
    change(values)
    path.write_text(json.dumps(values, indent=2))


def told(capsys, *words):
    """Exit code, and the differences that the command prints as JSON."""
    code = main(["reproduce", "--json", *map(str, words)])
    return code, json.loads(capsys.readouterr().out)


# --- whole runs


@pytest.mark.slow
def test_a_run_is_reproduced_and_nothing_is_touched_but_the_record_of_it(folder, capsys, monkeypatch, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    monkeypatch.setattr(command.tempfile, "tempdir", str(tmp_path / "elsewhere"))
    before = contents(tmp_path)
    assert main(["reproduce", str(folder)]) == 0
    said = capsys.readouterr().out
    assert said == f"{folder.name}: reproduced, all 9 result files are equal\n"
    changed = {key for key, value in contents(tmp_path).items() if before.get(key) != value}
    run = folder.relative_to(tmp_path).as_posix()
    assert changed <= {"elsewhere", run, f"{run}/reproduced.json"}
    assert json.loads((folder / "reproduced.json").read_text())["reproduced"] is True
    assert list((tmp_path / "elsewhere").iterdir()) == []


@pytest.mark.slow
def test_quiet_prints_nothing_and_several_runs_are_one_list(folder, tmp_path, capsys):
    other = shutil.copytree(folder, tmp_path / "other")
    edit(other / "metrics.json", lambda values: values.update(cash=9999.0))
    assert main(["reproduce", "-q", str(folder), str(other)]) == 1
    printed = capsys.readouterr()
    assert (printed.out, printed.err) == ("", "")
    code, found = told(capsys, folder, other)
    assert code == 1
    assert {each["run"] for each in found} == {str(other)}


def test_changed_results_are_named_with_both_values(folder, capsys):
    """What the folder says is `before`; the run made again says what it should be."""
    table = EQUITY.read(folder)
    true = float(table.loc[17, "cash"])
    table.loc[17, "cash"] = true + 0.25
    table.loc[40, "equity"] += 1e-9
    EQUITY.write(table, folder)
    edit(folder / "metrics.json", lambda values: values["measures"]["strategy"]["sharpe"].update(value=3.0))
    (folder / "stops.parquet").unlink()
    code, found = told(capsys, folder)
    assert code == 1
    by_kind = {each["kind"]: each for each in found if each["counts"]}
    assert by_kind.keys() == {"cell", "metric", "file"}
    cell, metric, file = by_kind["cell"], by_kind["metric"], by_kind["file"]
    assert cell["where"] == "equity.parquet: row 17, column cash"
    assert (cell["before"], cell["now"], cell["more"]) == (true + 0.25, true, 1)
    assert metric["where"] == "metrics.json: measures.strategy.sharpe.value"
    assert metric["before"] == 3.0
    assert metric["now"] not in (None, 3.0)
    assert (file["where"], file["before"]) == ("stops.parquet", None)


def test_a_file_changed_after_the_run_is_told_beside_the_difference(folder, capsys):
    edit(folder / "metrics.json", lambda values: values.update(cash=9999.0))
    assert main(["reproduce", str(folder)]) == 1
    said = " ".join(capsys.readouterr().out.split())
    assert f"{folder.name}: not reproduced, 1 of 9 result files differ" in said
    assert "metric metrics.json: cash: was 9999.0, is 10000.0 (relative difference 1e-04)" in said
    assert "result_digest: a result file was changed after the run" in said


def test_other_data_fail_even_where_the_results_are_equal(folder, capsys):
    """The manifest names another digest; also a result of other data that happens to be equal is not that run."""
    edit(folder / "manifest.json", lambda values: values["data"].update(X="0" * 64))
    code, [found] = told(capsys, folder)
    assert code == 1
    assert (found["kind"], found["where"], found["before"]) == ("data", "X", "0" * 64)


def test_data_that_changed_are_named_with_what_they_did(finished, tmp_path, walk, capsys):
    """The file itself is another one now: the data, the id, the tables and the metrics say so."""
    folder = Path(shutil.copytree(finished, tmp_path / "run"))
    (walk * [1, 1, 1, 1, 2]).to_csv(tmp_path / "walk.csv")
    config = (folder / "config.yaml").read_text()
    (folder / "config.yaml").write_text(
        config.replace(str(finished.parents[1] / "walk.csv"), str(tmp_path / "walk.csv"))
    )
    code, found = told(capsys, folder)
    assert code == 1
    assert [each["where"] for each in found if each["kind"] == "data"] == ["X"]
    assert "config_id" in [each["where"] for each in found if each["kind"] == "config"]
    assert [each["where"] for each in found if each["kind"] == "metric"] == ["metrics.json: config_id"]


def test_other_versions_machine_and_code_are_notes(folder, capsys, monkeypatch):
    def older(values):
        values["versions"].update(numpy="1.0.0")
        values["machine"].update(python="3.11.0")
        values["code_digest"] = "c" * 64
        values["git"] = {"commit": "a" * 40, "diff": ""}

    edit(folder / "manifest.json", older)
    monkeypatch.setattr(manifests, "git_state", lambda: {"commit": "b" * 40, "diff": "+++ b/core/types.py\n+x = 1\n"})
    code, found = told(capsys, folder)
    assert code == 0
    named = {(each["kind"], each["where"]): (each["before"], each["now"]) for each in found}
    assert named["version", "numpy"][0] == "1.0.0"
    assert named["machine", "python"][0] == "3.11.0"
    assert named["code", "code_digest"] == ("c" * 64, manifests.code_digest())
    assert named["code", "git commit"] == ("a" * 40, "b" * 40)
    assert named["code", "uncommitted diff"] == ("", "+++ b/core/types.py\n+x = 1\n")
    assert not any(each["counts"] for each in found)


# --- made on another processor


@pytest.fixture(scope="module")
def learnt(tmp_path_factory, cheap, walk):
    """A run folder of a model that calculates in float32."""
    home = tmp_path_factory.mktemp("learnt")
    walk.to_csv(home / "walk.csv")
    boosted = {"kind": "xgboost", "rounds": 10}
    config = cheap(home / "walk.csv", name="boosted", model=boosted, measures=QUICK, report={"tearsheet": False})
    return run_and_save(config, Options(out=home / "runs", cache=False, quiet=True)).saved.folder


@pytest.fixture
def moved(learnt, tmp_path):
    """The same folder as another processor would have left it, but for the digits."""
    folder = Path(shutil.copytree(learnt, tmp_path / "runs" / learnt.name))
    edit(folder / "manifest.json", lambda values: values["machine"].update(torch_cpu="SVE", openblas="Neoverse"))
    return folder


@pytest.fixture
def quick(learnt, monkeypatch):
    """Making the run again takes no time: its files are those of the folder as it was."""

    def write(_, folder):
        for name in RESULT_FILES:
            shutil.copy(learnt / name, folder)

    monkeypatch.setattr(command, "compute", lambda *_: None)
    monkeypatch.setattr(command.result_files, "write", write)


def scaled(folder, factor):
    """Everything behind the model a little larger: predictions, an importance, an error."""
    table = SIGNALS.read(folder)
    table["prediction"] *= factor
    SIGNALS.write(table, folder)

    def change(values):
        fold = values["folds"][0]
        name = next(iter(fold["importance"]["model"]))
        fold["importance"]["model"][name] += factor - 1
        fold["model"]["mse"] *= factor

    edit(folder / "folds.json", change)


def test_the_manifest_states_the_processor(finished):
    machine = json.loads((finished / "manifest.json").read_text())["machine"]
    assert machine.keys() == {"python", "system", "processor", "processor_model", "torch_cpu", "openblas"}
    assert machine.items() >= processor().items()


@pytest.mark.slow
def test_the_digits_of_another_processor_are_a_note(moved, capsys):
    scaled(moved, 1 + 1e-6)
    code, found = told(capsys, moved)
    assert code == 0
    notes = {each["where"].partition(":")[0]: each for each in found if each["kind"] == "tolerance"}
    assert notes.keys() == {"signals.parquet", "folds.json"}
    assert notes["folds.json"]["more"] == 1
    assert [each["where"] for each in found if each["kind"] == "machine"] == ["torch_cpu", "openblas"]
    assert not any(each["counts"] for each in found)


def test_the_terminal_says_that_another_processor_made_the_run(moved, quick, capsys):
    scaled(moved, 1 + 1e-6)
    assert main(["reproduce", str(moved)]) == 0
    said = " ".join(capsys.readouterr().out.split())
    made = "made on another processor: compared with tolerances, 7 of 9 result files are equal in every bit"
    assert f"{moved.name}: reproduced, {made}" in said
    assert "tolerance folds.json: folds.0." in said
    assert "machine torch_cpu: was SVE, is" in said


def test_more_than_the_digits_of_another_processor_is_a_difference(moved, quick, capsys):
    scaled(moved, 1 + 1e-3)
    code, found = told(capsys, moved)
    assert code == 1
    counting = [each for each in found if each["counts"]]
    assert [each["kind"] for each in counting] == ["cell", "value", "value"]
    assert counting[0]["where"].startswith("signals.parquet: row ")
    assert counting[0]["where"].endswith(", column prediction")
    assert main(["reproduce", str(moved)]) == 1
    said = " ".join(capsys.readouterr().out.split())
    assert "not reproduced, 2 of 9 result files differ by more than another processor explains" in said


def test_a_decision_that_flipped_is_named_before_all_numbers(moved, quick, capsys):
    """A fill on the other side and one fold that stopped a round later, beside a number that comes first."""
    fills = FILLS.read(moved)
    fills.loc[0, "price"] += 1.0
    fills.loc[2, "size"] *= -1
    FILLS.write(fills, moved)

    def later(values):
        values["folds"][0]["train_mean"] += 1.0
        values["folds"][1]["members"]["xgboost"]["rounds"] += 1

    edit(moved / "folds.json", later)
    code, found = told(capsys, moved)
    assert code == 1
    counting = [(each["kind"], each["where"]) for each in found if each["counts"]]
    assert counting == [
        ("decision", "fills.parquet: row 2, column size"),
        ("decision", "folds.json: folds.1.members.xgboost.rounds"),
        ("value", "folds.json: folds.0.train_mean"),
    ]


def test_a_fill_too_many_is_named(moved, quick, capsys):
    FILLS.write(FILLS.read(moved).drop(index=1).reset_index(drop=True), moved)
    code, found = told(capsys, moved)
    assert code == 1
    counting = [(each["kind"], each["where"]) for each in found if each["counts"]]
    assert counting[0] == ("rows", "fills.parquet: number of rows")
    assert counting[1] == ("decision", "fills.parquet: row 1, column order_id")


def test_the_same_processor_allows_no_digit(learnt, quick, tmp_path, capsys):
    folder = Path(shutil.copytree(learnt, tmp_path / "run"))
    scaled(folder, 1 + 1e-15)
    code, found = told(capsys, folder)
    assert code == 1
    assert {each["kind"] for each in found if each["counts"]} == {"cell", "value"}


def test_an_older_manifest_says_nothing_of_the_processor_and_allows_no_digit(moved, quick, capsys):
    def older(values):
        for key in ("processor_model", "torch_cpu", "openblas"):
            del values["machine"][key]

    edit(moved / "manifest.json", older)
    assert main(["reproduce", str(moved)]) == 0
    assert capsys.readouterr().out == f"{moved.name}: reproduced, all 9 result files are equal\n"
    scaled(moved, 1 + 1e-6)
    code, found = told(capsys, moved)
    assert code == 1
    [note] = [each for each in found if each["kind"] == "machine"]
    assert note["where"] == "processor (the manifest is older than this entry)"


def test_an_older_manifest_of_another_machine_allows_digits(moved, quick, capsys):
    edit(moved / "manifest.json", lambda values: values.update(machine={"system": "macOS-14", "processor": "arm64"}))
    scaled(moved, 1 + 1e-6)
    code, found = told(capsys, moved)
    assert code == 0
    assert {each["kind"] for each in found} == {"machine", "tolerance", "folder"}


@pytest.mark.slow
def test_float64_has_fewer_digits_to_lose(folder, capsys):
    """A rule's run: the digits that float32 would explain are a difference."""
    edit(folder / "manifest.json", lambda values: values["machine"].update(openblas="Neoverse"))
    table = EQUITY.read(folder)
    table["cash"] *= 1 + 1e-12
    EQUITY.write(table, folder)
    code, found = told(capsys, folder)
    assert code == 0
    assert "tolerance" in [each["kind"] for each in found]
    table["cash"] *= 1 + 1e-6
    EQUITY.write(table, folder)
    code, found = told(capsys, folder)
    assert code == 1
    assert [each["kind"] for each in found if each["counts"]] == ["cell"]


def test_other_commits_of_the_same_code_are_not_mentioned(folder, monkeypatch):
    monkeypatch.setattr(manifests, "git_state", lambda: {"commit": "b" * 40, "diff": ""})
    assert RecordedRun.read(folder).circumstances() == ()


def test_caches_are_used_only_where_they_are_allowed(folder, monkeypatch):
    record = RecordedRun.read(folder)
    with monkeypatch.context() as patch:
        patch.setattr(command, "signal_store", None)
        assert reproduce(record).reproduced
    assert reproduce(record, cache=True).reproduced
    monkeypatch.setattr("signals.workers.resume.run_folds", None)  # nothing may be trained any more
    assert reproduce(record, cache=True).reproduced


def test_the_engine_is_the_one_that_made_the_tables(folder):
    text = (folder / "config.yaml").read_text()
    (folder / "config.yaml").write_text(text.replace("engine: backtrader", "engine: both"))
    assert RecordedRun.read(folder).config.engine == "backtrader"
    edit(folder / "manifest.json", lambda values: values.update(engine="compiled"))
    assert RecordedRun.read(folder).config.engine == "compiled"


# --- bad input


def write(name, text):
    return lambda folder: (folder / name).write_bytes(text)


def in_config(old, new):
    def change(folder):
        path = folder / "config.yaml"
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))

    return change


def in_manifest(**values):
    return lambda folder: edit(folder / "manifest.json", lambda found: found.update(values))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (shutil.rmtree, "there is no such folder; give the folder that a run has written"),
        (lambda folder: (folder / "manifest.json").unlink(), "is no run folder: it holds no manifest.json"),
        (write("manifest.json", b'{"format": 1,'), "manifest.json: is not valid JSON"),
        (write("manifest.json", b"\xff\xfe"), "manifest.json: is not valid JSON"),
        (write("manifest.json", b"[]"), "manifest.json: data, versions, machine, config_id, engine"),
        (in_manifest(data=["X"]), "manifest.json: data missing or damaged"),
        (in_manifest(versions={"numpy": 2}), "manifest.json: versions missing or damaged"),
        (in_manifest(git=["a"]), "manifest.json: git missing or damaged"),
        (in_manifest(engine="both"), "manifest.json: engine missing or damaged"),
        (in_manifest(format=99), "manifest.json: format 99 is newer than this program reads"),
        (lambda folder: (folder / "config.yaml").unlink(), "config.yaml: there is no such file"),
        (write("config.yaml", b"a: [b"), "config.yaml:"),
        (in_config("kind: sma", "kind: smaa"), "config.yaml:3: features.0.kind: there is no 'smaa'"),
        (in_config("walk.csv", "gone.csv"), "gone.csv): the file cannot be read: No such file or directory"),
    ],
)
def test_a_run_that_cannot_be_made_again_is_one_line(folder, capsys, damage, message):
    damage(folder)
    assert main(["reproduce", str(folder)]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    [line] = printed.err.splitlines()
    assert line.startswith("error: ")
    assert message in line


def test_every_folder_is_looked_at_before_the_first_is_run(folder, capsys, monkeypatch):
    monkeypatch.setattr(command, "compute", None)
    assert main(["reproduce", str(folder), str(folder / "gone")]) == 2
    assert "gone: there is no such folder" in capsys.readouterr().err


def test_a_temporary_folder_that_cannot_be_made_says_what_to_set(folder, capsys, monkeypatch):
    monkeypatch.setattr(command.tempfile, "tempdir", str(folder / "nowhere"))
    assert main(["reproduce", "-q", str(folder)]) == 2
    assert "set TMPDIR to another folder" in capsys.readouterr().err


def test_help_loads_none_of_it():
    code = (
        "import sys; from engine.cli.main import main; main(['reproduce', '--help']);"
        "heavy = {'pandas', 'numpy', 'torch', 'pydantic', 'rich'} & set(sys.modules);"
        "sys.exit(str(heavy) if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "RUN..." in done.stdout


# --- two folders


@pytest.fixture
def pair(finished, tmp_path):
    return [Path(shutil.copytree(finished, tmp_path / name)) for name in ("before", "now")]


def test_equal_folders_do_not_differ_and_neither_does_what_neither_has(pair):
    before, now = pair
    assert differences(before, now) == ()
    assert differences(before, now, ["none.parquet", "config.yaml"]) == ()


def test_only_the_files_asked_for_are_compared(pair):
    before, now = pair
    (now / "run.log").write_text("otherwise")
    assert differences(before, now) == ()
    [found] = differences(before, now, (*RESULT_FILES, "run.log"))
    assert (found.kind, found.where) == ("file", "run.log")
    assert (found.before, found.now) == (file_digest(before / "run.log"), file_digest(now / "run.log"))


def test_the_first_cell_is_the_first_by_rows_then_columns(tmp_path):
    """Planted: row 1 has a NaN on both sides, -0.0 is another number than 0.0, times and texts differ further down."""
    frame = pd.DataFrame(
        {
            "time": pd.to_datetime(["2001-01-01", "2001-01-02", "2001-01-03"], utc=True),
            "name": ["a", None, "c"],
            "number": [0.0, float("nan"), 2.0],
            "whole": [1, 2, 3],
            "list": [[1, 2], [], None],
        }
    )
    (tmp_path / "now").mkdir()
    frame.to_parquet(tmp_path / "t.parquet")

    def first(change):
        other = frame.copy()
        change(other)
        other.to_parquet(tmp_path / "now" / "t.parquet")
        [found] = differences(tmp_path, tmp_path / "now", ["t.parquet"])
        return found.kind, found.where.removeprefix("t.parquet: "), found.before, found.now, found.more

    def late(other):
        other.loc[2, "whole"] = 4
        other.loc[2, "time"] += pd.Timedelta("1us")
        other.loc[1, "name"] = "b"

    assert first(late) == ("cell", "row 1, column name", None, "b", 2)
    zero = first(lambda other: other.__setitem__("number", [-0.0, float("nan"), 2.0]))
    assert zero == ("cell", "row 0, column number", 0.0, -0.0, 0)
    missing = first(lambda other: other.__setitem__("number", [0.0, 1.0, float("inf")]))
    assert missing == ("cell", "row 1, column number", None, 1.0, 1)
    stamp = first(lambda other: other.__setitem__("time", other["time"] + pd.Timedelta("1h")))
    assert stamp[2:] == ("2001-01-01T00:00:00+00:00", "2001-01-01T01:00:00+00:00", 2)
    assert first(lambda other: other.__setitem__("list", [[1, 2], [3], None]))[1:4] == (
        "row 1, column list",
        "[]",
        "[3]",
    )


def test_rows_and_columns_that_are_missing_are_named(pair):
    before, now = pair
    fills = FILLS.read(before)
    FILLS.write(fills[:-2], now)
    [rows] = differences(before, now)
    assert rows == Difference("rows", "fills.parquet: number of rows", len(fills), len(fills) - 2)
    fills.drop(columns="price").to_parquet(now / "fills.parquet")
    [columns] = differences(before, now)
    assert columns.kind == "columns"
    assert "price (double)" in columns.before
    assert "price (double)" not in columns.now
    fills.astype({"order_id": "float64"}).to_parquet(now / "fills.parquet")
    assert [each.kind for each in differences(before, now)] == ["columns"]


def test_the_same_cells_written_otherwise_are_a_note(pair):
    before, now = pair
    EQUITY.read(before).to_parquet(now / "equity.parquet", compression="gzip")
    text = (now / "metrics.json").read_text()
    (now / "metrics.json").write_text(text + "\n")
    found = differences(before, now)
    assert [(each.kind, each.counts) for each in found] == [("bytes", False)] * 2
    assert ReproductionVerdict(now, found).reproduced


@pytest.mark.parametrize("name", ["equity.parquet", "metrics.json"])
def test_a_damaged_file_is_a_difference_with_its_reason(pair, name):
    before, now = pair
    content = (before / name).read_bytes()
    (before / name).write_bytes(content[: len(content) // 2])
    [found] = differences(before, now)
    assert found.kind == "file"
    assert found.where.startswith(f"{name}: one of the two cannot be read (")


def test_json_is_compared_by_path_and_by_type(tmp_path):
    values = {
        "same": {"a": [1, {"b": None}]},
        "number": 1,
        "flag": 1,
        "zero": 0.0,
        "deep": {"list": [1, 2, {"x": "old"}]},
        "gone": {"y": 1},
        "empty": {},
    }
    others = {
        "same": {"a": [1, {"b": None}]},
        "number": 1.0,
        "flag": True,
        "zero": -0.0,
        "deep": {"list": [1, 2, {"x": "new"}, 4]},
        "empty": {"z": 1},
    }
    for place, content in (("before", values), ("now", others)):
        (tmp_path / place).mkdir()
        (tmp_path / place / "folds.json").write_text(json.dumps(content))
    found = differences(tmp_path / "before", tmp_path / "now")
    assert {each.kind for each in found} == {"value"}
    assert [(each.where.removeprefix("folds.json: "), each.before, each.now) for each in found] == [
        ("number", 1, 1.0),
        ("flag", 1, True),
        ("zero", 0.0, -0.0),
        ("deep.list.2.x", "old", "new"),
        ("deep.list.3", "nothing", 4),
        ("gone", '{"y": 1}', "nothing"),
        ("empty", "{}", '{"z": 1}'),
    ]


# --- on the terminal


def test_of_many_metrics_the_first_are_shown_and_the_rest_counted():
    found = [Difference("metric", f"metrics.json: m{number}", 1.0, 2.0) for number in range(9)]
    said = [text for _, text in lines([*found, Difference("data", "X", "a", "b")])]
    assert len(said) == 7
    assert said[5] == "metrics.json: 4 more values; --json has them all"


def test_a_difference_without_a_cause_asks_for_a_report(tmp_path):
    console = Console(width=120)
    with console.capture() as said:
        show(ReproductionVerdict(tmp_path, (Difference("metric", "metrics.json: cash", 1.0, 2.0),)), console)
    assert "please report this" in said.get()


@pytest.mark.parametrize("width", [80, 120])
def test_what_is_shown_fits_the_terminal(width, tmp_path):
    path = "metrics.json: measures.benchmark_at_exposure.conditional_value_at_risk_95.interval.low"
    found = (
        Difference("cell", "signals.parquet: row 1234, column prediction", 0.0016757322618675232, -1e-300, 4321),
        Difference("metric", path, 0.0016757322618675232, None),
        Difference("code", "uncommitted diff", "", "+++ b/engine/cli.py\n+++ b/core/types.py\n" * 9),
        Difference("version", "numpy [x]", "2.0.0", "not installed"),
    )
    console = Console(width=width, highlight=False)
    with console.capture() as said:
        show(ReproductionVerdict(tmp_path, found), console)
    text = said.get()
    assert max(len(line) for line in text.splitlines()) <= width
    assert "numpy [x]: was 2.0.0, is not installed" in text
    assert "is null" in text
