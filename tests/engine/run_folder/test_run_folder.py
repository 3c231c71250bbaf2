"""Run folders: nothing half-written, equal results kept, different ones beside each other with the reason."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from core.errors import StoreError
from engine.run_folder.run_folder import MANIFEST, RESULT_FILES, put_in_place, read_json, staging, write_json


def fill(folder: Path, result: str = "r", code: str = "c", pages: tuple[str, ...] = ("report.html",)) -> Path:
    for name in RESULT_FILES:
        (folder / name).write_text(f"{name} {result}")
    for page in pages:
        (folder / page).write_text("<html>")
    write_json(folder / MANIFEST, {"code_digest": code, "versions": {}, "data": {}})
    return folder


def save(out: Path, name: str = "run-1", pages: tuple[str, ...] = ("report.html",), **content: str):
    with staging(out) as folder:
        return put_in_place(fill(folder, pages=pages, **content), out, name, pages)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_after_a_run_the_output_folder_holds_only_the_run_folder(tmp_path):
    saved = save(tmp_path / "runs")
    assert saved.folder == tmp_path / "runs" / "run-1"
    assert saved.note == ""
    assert names(tmp_path) == ["runs"]
    assert names(tmp_path / "runs") == ["run-1"]


def test_an_equal_result_leaves_the_folder_untouched(tmp_path):
    first = save(tmp_path / "runs").folder
    (first / "my-notes.txt").write_text("keep me")
    second = save(tmp_path / "runs")
    assert second.folder == first
    assert "unchanged" in second.note
    assert (first / "my-notes.txt").exists()


def test_two_runs_that_end_at_the_same_moment_share_a_folder(tmp_path, monkeypatch):
    first = save(tmp_path / "runs").folder
    seen = Path.exists
    answers = iter([False])  # as if the other run had put its folder in place just after the question
    monkeypatch.setattr(Path, "exists", lambda path: next(answers, True) if path == first else seen(path))
    assert save(tmp_path / "runs").folder == first
    assert names(tmp_path / "runs") == ["run-1"]


def test_an_equal_result_with_a_new_page_gains_it(tmp_path):
    (save(tmp_path / "runs").folder / "my-notes.txt").write_text("keep me")
    saved = save(tmp_path / "runs", pages=("report.html", "tearsheet.html"))
    assert (saved.folder / "tearsheet.html").exists()
    assert (saved.folder / "my-notes.txt").exists()
    assert names(tmp_path / "runs") == ["run-1"]


def test_a_different_result_goes_beside_and_says_what_changed(tmp_path):
    save(tmp_path / "runs")
    saved = save(tmp_path / "runs", result="other", code="edited")
    assert saved.folder.name == "run-1-2"
    assert "metrics.json" in saved.note
    assert "changed since: code_digest" in saved.note
    assert save(tmp_path / "runs", result="other").folder.name == "run-1-2"
    assert save(tmp_path / "runs").folder.name == "run-1"


def test_an_error_inside_leaves_nothing(tmp_path):
    def broken() -> None:
        with staging(tmp_path / "runs") as folder:
            fill(folder)
            _ = 1 / 0

    with pytest.raises(ZeroDivisionError):
        broken()
    assert names(tmp_path) == ["runs"]
    assert names(tmp_path / "runs") == []


def test_what_a_killed_run_left_is_swept_by_the_next_one(tmp_path):
    child = (
        "import os, sys; from pathlib import Path; from engine.run_folder.run_folder import staging\n"
        "with staging(Path(sys.argv[1])) as folder:\n"
        "    (folder / 'half').write_text('x'); os.kill(os.getpid(), 9)\n"
    )
    done = subprocess.run([sys.executable, "-c", child, str(tmp_path / "runs")], check=False)
    assert done.returncode == -9
    assert names(tmp_path / "runs") == []
    assert len(names(tmp_path)) == 2
    save(tmp_path / "runs")
    assert names(tmp_path) == ["runs"]


def test_a_running_neighbour_is_not_swept(tmp_path):
    with staging(tmp_path / "runs") as mine:
        (mine / "half").write_text("x")
        save(tmp_path / "runs")
        assert (mine / "half").exists()


def test_an_output_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(StoreError, match=r"run folders cannot be written here.*choose another --out"),
        staging(tmp_path / "file" / "runs"),
    ):
        pass


def test_a_full_disk_is_one_line(tmp_path):
    with (
        pytest.raises(StoreError, match="cannot be written: No space left on device"),
        staging(tmp_path / "runs") as folder,
    ):
        raise OSError(28, os.strerror(28), str(folder / "equity.parquet"))
    assert names(tmp_path) == ["runs"]


def test_json_refuses_nan_and_says_where_it_is_broken(tmp_path):
    with pytest.raises(ValueError, match="Out of range"):
        write_json(tmp_path / "a.json", {"x": float("nan")})
    (tmp_path / "b.json").write_text("{")
    with pytest.raises(StoreError, match=r"b\.json: is not valid JSON"):
        read_json(tmp_path / "b.json")
    with pytest.raises(StoreError, match="is this a run folder"):
        read_json(tmp_path / "c.json")
    write_json(tmp_path / "d.json", {"x": [1, None]})
    assert json.loads((tmp_path / "d.json").read_text()) == {"x": [1, None]}
