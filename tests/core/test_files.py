"""Files are written whole or not at all."""

import os
from pathlib import Path

import pytest

from core.files import TEMPORARY, write_atomically


def test_a_file_is_replaced_as_a_whole(tmp_path):
    path = tmp_path / "table.bin"
    for content in (b"old", b"new and longer"):
        write_atomically(path, content)
        assert path.read_bytes() == content
    assert list(tmp_path.iterdir()) == [path]


def test_a_failure_keeps_the_old_file_and_leaves_nothing_else(tmp_path, monkeypatch):
    path = tmp_path / "table.bin"
    write_atomically(path, b"old")

    def fail(handle):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="No space left"):
        write_atomically(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_the_content_is_durable_before_the_name_is_taken(tmp_path, monkeypatch):
    events = []
    sync = os.fsync
    path = tmp_path / "table.bin"
    monkeypatch.setattr(os, "fsync", lambda handle: (events.append(path.exists()), sync(handle)))
    write_atomically(path, b"new")
    assert events == [False, True]  # the content, then the folder


def test_a_given_temporary_name_is_used(tmp_path, monkeypatch):
    seen = []
    sync = os.fsync
    monkeypatch.setattr(
        os, "fsync", lambda handle: (seen.append([path.name for path in tmp_path.iterdir()]), sync(handle))
    )
    write_atomically(tmp_path / "a.bin", b"x", tmp_path / f"a.bin{TEMPORARY}")
    assert seen == [[f"a.bin{TEMPORARY}"], ["a.bin"]]


def test_a_file_that_another_process_removes_meanwhile_is_no_obstacle(tmp_path, monkeypatch):
    path = tmp_path / "table.bin"
    path.write_bytes(b"old")
    look = Path.stat

    def removed_after_a_look(looked_at, **how):
        seen = look(looked_at, **how)
        looked_at.unlink(missing_ok=True)
        return seen

    with monkeypatch.context() as patched:
        patched.setattr(Path, "stat", removed_after_a_look)
        write_atomically(path, b"new")
    assert path.read_bytes() == b"new"


def test_a_folder_is_no_file_to_replace(tmp_path):
    with pytest.raises(OSError, match="is there, and is no regular file"):
        write_atomically(tmp_path, b"new")
