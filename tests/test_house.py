"""The rules of the house that no linter holds."""

import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from readability import findings

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("core", "marketdata", "risk", "signals", "strategies", "serving", "engine")
MODULES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_module_grows_past_400_lines(path):
    assert path.read_text(encoding="utf-8").count("\n") <= 400


def test_no_other_installed_distribution_owns_our_names():
    owners = packages_distributions()
    assert {name: owners[name] for name in PACKAGES if set(owners.get(name, ())) - {"backtrader-ml"}} == {}


def test_every_package_is_listed_and_every_file_that_is_read_is_packaged():
    tool = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]
    found = {".".join(path.parent.relative_to(ROOT).parts) for path in MODULES if path.name == "__init__.py"}
    assert set(tool["packages"]) == found
    for package, folder in (("engine.pages", "html"), ("marketdata", "samples")):
        home = ROOT / package.replace(".", "/")
        covered = {path for pattern in tool["package-data"][package] for path in home.glob(pattern)}
        assert {path for path in (home / folder).rglob("*") if path.is_file()} <= covered


def test_tests_are_no_packages():
    assert list((ROOT / "tests").rglob("__init__.py")) == []


def test_what_decides_numbers_is_pinned_exactly():
    needs = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["dependencies"]
    assert {"backtrader==1.9.78.123", "quantstats==0.0.86", "arch==8.0.0"} <= set(needs)


ROOMS = (
    *(
        "core",
        "marketdata",
        "risk",
        "signals",
        "strategies",
        "serving",
        "engine/config",
        "engine/backtest",
        "engine/ledger",
        "engine/results",
    ),
    *(
        "engine/bundle",
        "engine/run_folder",
        "engine/pages",
        "engine/audit",
        "engine/sweep",
        "engine/reproduce",
        "engine/review",
        "engine/cli",
    ),
)
LIMITS = {"vague identifier": 2.0, "question word": 0.0, "dense statement": 2.0}
"""Findings per 1,000 lines that a room may have. These numbers may only fall."""


@pytest.mark.parametrize("room", ROOMS)
def test_names_and_first_lines_are_plain(room):
    counts = dict.fromkeys(LIMITS, 0)
    lines = 0
    examples = []
    for path in (ROOT / room).rglob("*.py"):
        lines += path.read_text(encoding="utf-8").count("\n")
        for finding in findings(path):
            counts[finding.rule] += 1
            examples.append(f"{path.relative_to(ROOT)}:{finding.line}: {finding.rule}: {finding.text}")
    per_thousand = {rule: 1000 * count / lines for rule, count in counts.items()}
    assert {rule: rate for rule, rate in per_thousand.items() if rate > LIMITS[rule]} == {}, examples[:40]


def test_every_module_stands_in_a_room():
    loose = {str(path.relative_to(ROOT)) for path in MODULES if not str(path.relative_to(ROOT)).startswith(ROOMS)}
    assert loose == {
        "engine/__init__.py",
        "engine/api.py",
        "engine/notebook.py",
        "engine/pipeline.py",
        "engine/recorder.py",
    }


def test_readability_is_counted(tmp_path):
    (tmp_path / "odd.py").write_text(
        '"""What this holds."""\n\n\ndef told(found):\n    """Which rows."""\n    a, b = found.x, found.y\n'
        "    a, b = b, a\n    c, d = 1, 2\n    return [each for each in (found if a else ())]\n"
    )
    rules = [finding.rule for finding in findings(tmp_path / "odd.py")]
    assert rules.count("question word") == 2
    assert rules.count("dense statement") == 2
    assert rules.count("vague identifier") == 7
