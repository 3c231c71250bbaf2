"""Places that cannot be written are refused before the work, and a place that can is left as it was."""

import pytest

from core.errors import ConfigError, StoreError
from core.files import check_folder
from engine.cli.main import main
from engine.cli.outputs import require_files, require_folder


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "file"
    path.write_text("kept")
    return path


def test_a_place_that_can_be_written_is_left_as_it_was(tmp_path, file):
    require_files({"--page": tmp_path / "new" / "deep" / "m.html", "--log": file, "--gauges": None})
    require_folder("--out", tmp_path / "new")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
    assert file.read_text() == "kept"


def test_a_place_that_cannot_be_written_is_one_line(tmp_path, file):
    with pytest.raises(StoreError, match=r"^--page .*file/m: cannot be written: Not a directory; name another file$"):
        require_files({"--page": file / "m"})
    with pytest.raises(StoreError, match=r"--page .*: cannot be written: Is a directory"):
        require_files({"--page": tmp_path})
    with pytest.raises(StoreError, match=r"--out .*: cannot be written: Not a directory; name another folder"):
        require_folder("--out", file / "m")
    with pytest.raises(ConfigError, match=r"--log .*: --page names this file already"):
        require_files({"--page": file, "--log": tmp_path / "." / "file"})


def test_a_folder_that_refuses_files_is_noticed_whatever_its_mode_says(tmp_path, monkeypatch):
    def full(**_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("core.files.TemporaryFile", full)
    with pytest.raises(OSError, match="No space left"):
        check_folder(tmp_path / "new" / "deep")
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    ("words", "work"),
    [
        (["doctor", "prices.csv", "--page"], "marketdata.doctor.diagnosis.diagnose"),
        (["review", "runs", "--out"], "engine.review.collection.collect"),
        (["review", "runs", "--pdf"], "engine.review.collection.collect"),
        (["compare", "one", "two", "--out"], "engine.review.collection.collect"),
    ],
)
def test_commands_refuse_it_before_their_work(file, monkeypatch, capsys, words, work):
    monkeypatch.setattr(work, None)
    assert main([*words, str(file / "m")]) == 2
    captured = capsys.readouterr()
    assert "cannot be written: Not a directory" in captured.err
    assert captured.err.count("\n") == 1
    assert captured.out == ""
