"""A bundle is written whole, or not at all; nothing else is ever overwritten."""

import os
import signal
import sys

import pytest

from core.errors import StoreError
from engine.bundle.build import build
from engine.bundle.read import load_bundle
from engine.bundle.train import train
from engine.bundle.write import require_free, write_bundle

EVENTS = ("open", "os.rename", "os.remove", "os.mkdir", "os.rmdir", "shutil.rmtree")


def killed_at(event, task):
    """True if a fork of this process was killed when the task came to its n-th file operation."""
    process = os.fork()
    if process == 0:
        left = [event]

        def count(name, _):
            left[0] -= name in EVENTS
            if left[0] == 0 and name in EVENTS:
                os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(count)
        try:
            task()
        finally:
            os._exit(0)
    return os.WIFSIGNALED(os.waitpid(process, 0)[1])


def test_killed_at_every_file_operation(rule_config, rule_bundle, tmp_path):
    """The old bundle, the new one, or none is there; the next one to write puts an old one back."""
    market = rule_config.data.load()
    old = build(rule_config, market, cut="2019-12-31")
    new = build(rule_config, market)
    cuts = {old.contents.cut, new.contents.cut}
    folder = tmp_path / "kept"
    write_bundle(old, folder)
    event = 1
    while killed_at(event, lambda: write_bundle(new, folder)):
        if folder.exists():
            assert load_bundle(folder).contents.cut in cuts
        require_free(folder)
        assert load_bundle(folder).contents.cut in cuts
        assert [path.name for path in tmp_path.iterdir()] == ["kept"]
        write_bundle(old, folder)
        event += 1
    assert event > 10
    assert load_bundle(folder).contents.cut == new.contents.cut


def test_what_is_no_bundle_is_not_overwritten(rule_config, rule_bundle, tmp_path):
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter.txt").write_text("years of work")
    with pytest.raises(StoreError, match="is in the way, and is no bundle"):
        train(rule_config, tmp_path / "thesis")
    train(rule_config, tmp_path / "kept")
    (tmp_path / "kept" / "notes.txt").write_text("mine")
    with pytest.raises(StoreError, match=r"holds notes.txt beside the bundle"):
        train(rule_config, tmp_path / "kept")
    assert (tmp_path / "kept" / "notes.txt").read_text() == "mine"


def test_a_folder_that_cannot_be_written_is_one_line_before_the_work(rule_config, tmp_path, monkeypatch):
    monkeypatch.setattr("engine.bundle.train.build", None)
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot be written"):
        train(rule_config, tmp_path / "file" / "bundle")


def test_equal_fits_give_equal_files(rule_config, rule_bundle, tmp_path):
    again = train(rule_config, tmp_path / "again")
    for name in ("bundle.json", "weights.safetensors"):
        assert (again.folder / name).read_bytes() == (rule_bundle.folder / name).read_bytes()
