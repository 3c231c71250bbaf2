"""The rules of the house that no linter holds."""

import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("core", "marketdata", "risk", "signals", "strategies", "engine")
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
