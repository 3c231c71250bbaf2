"""The checkout that the project stands in: what no commit holds."""

import subprocess

import pytest

from signals.cache import checkout


@pytest.fixture
def project(tmp_path, monkeypatch):
    monkeypatch.setattr(checkout, "ROOT", tmp_path)
    folder = tmp_path / "strategies"
    folder.mkdir()
    (folder / "shipped.py").write_text("rule = 1\n", encoding="utf-8")
    return tmp_path


def git(project, *words):
    subprocess.run(["git", "-C", str(project), "-c", "user.name=x", "-c", "user.email=x@x", *words], check=True)


def test_files_that_no_commit_holds(project):
    folder = project / "strategies"
    git(project, "init", "-q")
    assert not checkout.is_checkout()
    git(project, "add", ".")
    git(project, "commit", "-qm", "as shipped")
    assert checkout.is_checkout()
    assert checkout.not_committed([folder]) == []
    (folder / "mine.py").write_text("rule = 2\n", encoding="utf-8")
    (folder / "notes.txt").write_text("rule = 2\n", encoding="utf-8")
    (project / "elsewhere.py").write_text("rule = 2\n", encoding="utf-8")
    assert checkout.not_committed([folder]) == [folder / "mine.py"]
    (folder / "shipped.py").write_text("rule = 3\n", encoding="utf-8")
    assert checkout.not_committed([folder]) == [folder / "mine.py", folder / "shipped.py"]
    (folder / "shipped.py").unlink()
    assert checkout.not_committed([folder]) == [folder / "mine.py"]


def test_outside_a_checkout_there_is_nothing_to_tell(project):
    assert not checkout.is_checkout()
    assert checkout.git_text("status") == ""
