"""The script that runs what `make install` is for knows every config of the README and every extra of the Makefile."""

import re
import tomllib
from pathlib import Path

import pytest

from engine.sweep.load_config import load
from tools import run_shipped_configs as script

ROOT = Path(__file__).resolve().parents[2]
NAMES = [config.removeprefix("configs/").removesuffix(".yaml") for config in script.configs()]


def test_it_runs_every_config_of_the_readme_and_every_shipped_one():
    shipped = {
        path.relative_to(ROOT / "configs").with_suffix("").as_posix() for path in (ROOT / "configs").rglob("*.yaml")
    }
    assert set(NAMES) == shipped == set(script.SHORT)


@pytest.mark.parametrize("name", NAMES)
def test_its_overrides_are_valid(name):
    load(ROOT / "configs" / f"{name}.yaml", [*script.SHORT[name], *script.QUICK])


def test_make_install_installs_every_extra_but_those_of_developers_and_benchmarks():
    extras = set(tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"])
    [named] = re.findall(
        r'installed: .*\n\t\$\(PIP\) -e "\.\[([\w,]+)\]"\n\ttouch \$@\n', (ROOT / "Makefile").read_text()
    )
    assert set(named.split(",")) == extras - {"dev", "bench"}


def test_no_hint_names_this_program_without_its_address():
    """A bare name would be fetched from a public index, where another package may bear it."""
    files = [
        path
        for folder in ("core", "marketdata", "risk", "signals", "strategies", "serving", "engine", "docs", "configs")
        for path in (ROOT / folder).rglob("*")
        if path.suffix in (".py", ".md", ".yaml", ".html")
    ]
    pattern = re.compile(r"pip install[^\n]*backtrader-ml(?!\[\{extra\}\] @)")
    named = [
        path for path in (*files, ROOT / "README.md", ROOT / "CONTRIBUTING.md") if pattern.search(path.read_text())
    ]
    assert [path for path in named if path.name != "errors.py"] == []
