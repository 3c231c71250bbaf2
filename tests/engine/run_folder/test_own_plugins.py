"""The user's own plug-in files in the manifest."""

import hashlib
import subprocess

import pytest

from engine.run_folder import manifest, own_plugins
from signals.cache import checkout

SHIPPED, OWN, HELPER = ("shipped.py", "mine.py", "_helper.py")


@pytest.fixture
def project(tmp_path, monkeypatch):
    folder = tmp_path / "strategies"
    folder.mkdir()
    for module in (checkout, manifest, own_plugins):
        monkeypatch.setattr(module, "ROOT", tmp_path)
    (folder / SHIPPED).write_text("rule = 1\n", encoding="utf-8")
    return tmp_path


def git(project, *words):
    subprocess.run(["git", "-C", str(project), "-c", "user.name=x", "-c", "user.email=x@x", *words], check=True)


def test_untracked_and_changed_files_are_kept_and_committed_ones_are_not(project):
    git(project, "init", "-q")
    git(project, "add", ".")
    git(project, "commit", "-qm", "as shipped")
    assert own_plugins.own_plugins({}) == {}
    for name in (OWN, HELPER):
        (project / "strategies" / name).write_text(f"# {name}\n", encoding="utf-8")
    kept = own_plugins.own_plugins({})
    assert sorted(kept) == ["strategies/_helper.py", "strategies/mine.py"]
    text = "# mine.py\n"
    assert kept["strategies/mine.py"] == {"sha256": hashlib.sha256(text.encode()).hexdigest(), "source": text}
    (project / "strategies" / SHIPPED).write_text("rule = 2\n", encoding="utf-8")
    assert own_plugins.own_plugins({})["strategies/shipped.py"]["source"] == "rule = 2\n"


def test_outside_a_checkout_what_the_config_names_is_kept(project):
    (project / "strategies" / OWN).write_text("rule = 3\n", encoding="utf-8")
    assert sorted(own_plugins.own_plugins({"strategy": {"kind": "mine"}})) == ["strategies/mine.py"]
