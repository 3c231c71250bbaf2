"""`cache info` and `cache clear` speak of every cache, whatever is in it."""

import re

import pytest

from core.errors import StoreError
from engine.cli.commands import cache_command
from engine.cli.main import main


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The caches' folder: two entries of folds and one of signals, scores by two scorers, a verdict."""
    monkeypatch.setenv("BACKTRADER_ML_CACHE", str(tmp_path))
    sizes = {
        "signals/a.signals": 3_000_000,
        "signals/b.fold": 1_000_000,
        "signals/c.fold": 500_000,
        "signals/d.lock": 0,
        "scores/e.txt": 1_200_000,
        "scores/f.txt": 100_000,
        "scores/f.txt.lock": 0,
        "kernels/run_1f.py": 1_000,
        "kernels/__pycache__/run_1f.run_1f-9.py311.1.nbc": 2_000_000,
        "kernels/side_2e.py": 1_000,
        "audits/g.json": 10,
    }
    for name, size in sizes.items():
        (tmp_path / name).parent.mkdir(exist_ok=True, parents=True)
        (tmp_path / name).write_bytes(bytes(size))
    return tmp_path


def test_info_counts_both_sorts_of_entries_and_the_scores(folder, capsys):
    assert main(["cache", "info"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        f"{folder}/signals: 3 entries (2 of single folds), 4.5 MB of at most 2147 MB",
        f"{folder}/scores: texts' scores by 2 scorers, 1.3 MB",
        f"{folder}/markets: 0 checked markets, 0.0 MB of at most 2147 MB",
        f"{folder}/kernels: 2 compiled functions, 2.0 MB of at most 1074 MB",
    ]


def test_clear_leaves_nothing_but_what_audits_found(folder, capsys):
    assert main(["cache", "clear"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        f"{folder}/signals: 3 entries removed",
        f"{folder}/scores: 2 scorers' scores removed",
        f"{folder}/markets: 0 checked markets removed",
        f"{folder}/kernels: 2 compiled functions removed",
    ]
    assert [path.name for path in folder.rglob("*") if path.is_file()] == ["g.json"]
    assert main(["cache", "info"]) == 0
    assert re.findall(r"(\d+) (?:entries|scorers)", capsys.readouterr().out) == ["0", "0"]


def test_caches_that_nobody_used_yet_are_empty(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("BACKTRADER_ML_CACHE", str(tmp_path / "nowhere"))
    assert main(["cache", "clear"]) == main(["cache", "info"]) == 0
    assert "0 entries (0 of single folds), 0.0 MB" in capsys.readouterr().out
    assert list(tmp_path.iterdir()) == []


def test_scores_that_cannot_be_removed_are_one_line(folder):
    (folder / "scores" / "e.txt").unlink()
    (folder / "scores" / "e.txt").mkdir()
    with pytest.raises(StoreError, match=r"scores/e\.txt cannot be removed: "):
        cache_command.cleared()
