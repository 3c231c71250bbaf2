"""What decides the numbers beside data and spec: every source file and every library that takes part."""

import ast
import sys
from importlib.metadata import packages_distributions

import pytest

from signals import versions
from signals.versions import LIBRARIES, PACKAGES, ROOT, code_digest, library_versions

WITHOUT_NUMBERS = {"pydantic", "pydantic_core", "pyarrow", "rich"}  # they check, keep and show values


def imported(path):
    """The top-level names that a source file imports, wherever in it, also through `native`."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield node.module.partition(".")[0]
        elif isinstance(node, ast.Call) and getattr(node.func, "id", "") == "native":
            yield node.args[0].value


def test_every_library_that_signals_are_made_with_is_among_the_versions():
    names = {name for package in PACKAGES for path in (ROOT / package).rglob("*.py") for name in imported(path)}
    foreign = names - set(sys.stdlib_module_names) - {path.name for path in ROOT.iterdir()} - WITHOUT_NUMBERS
    assert {"numpy", "torch", "sklearn", "lightgbm"} <= foreign
    distributions = packages_distributions()
    assert {distributions[name][0] for name in foreign} <= set(LIBRARIES)
    assert set(library_versions()) == {"python", *LIBRARIES}


@pytest.fixture
def tree(tmp_path, monkeypatch):
    """A small project; gives its folder and a fresh digest of it."""
    for name in ("core/a.py", "signals/b.py", "signals/models/c.py", "engine/d.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(f"# {name}\n")
    monkeypatch.setattr(versions, "ROOT", tmp_path)
    return tmp_path, code_digest.__wrapped__


def test_the_code_digest_changes_with_any_source_file_of_the_signals(tree):
    root, digest = tree
    seen = {digest()}
    for name in ("core/a.py", "signals/b.py", "signals/models/c.py"):
        (root / name).write_text("# changed\n")
        seen.add(digest())
    (root / "signals/models/c.py").rename(root / "signals/models/e.py")
    seen.add(digest())
    (root / "signals/features.py").touch()
    seen.add(digest())
    assert len(seen) == 6


def test_the_code_digest_does_not_change_with_other_files(tree):
    root, digest = tree
    before = digest()
    (root / "engine/d.py").write_text("# changed\n")
    (root / "signals/b.pyc").write_bytes(b"compiled")
    (root / "core/a.py").touch()
    assert digest() == before
