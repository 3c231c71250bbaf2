"""Every command and every config in the docs works as written."""

import re
import shlex
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner

from engine.cli import app
from engine.config import validate
from engine.yaml_layers import Layer, read

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
TARGETS = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))


def blocks(language: str) -> list[tuple[str, str]]:
    pattern = re.compile(rf"```{language}\n(.*?)```", re.DOTALL)
    return [(page.name, block) for page in PAGES for block in pattern.findall(page.read_text(encoding="utf-8"))]


def commands() -> list[str]:
    lines = (line.partition("#")[0].strip() for _, block in blocks("sh") for line in block.splitlines())
    return sorted({line for line in lines if line})


MAKE = [line for line in commands() if line.startswith("make ")]
RUN = [line for line in commands() if "run_backtest.py" in line]


def test_the_docs_hold_commands_of_known_kinds_only():
    assert len(RUN) >= 6
    assert len(MAKE) >= 5
    assert set(commands()) == set(MAKE) | set(RUN)


@pytest.mark.parametrize("line", MAKE)
def test_make_knows_its_targets(line):
    words = shlex.split(line)[1:]
    assert {word for word in words if "=" not in word} <= TARGETS
    done = subprocess.run(["make", "-n", *words], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("line", RUN)
def test_commands_run_as_written(line, tmp_path, monkeypatch, shared_cache):
    monkeypatch.chdir(ROOT)
    words = shlex.split(line.partition("run_backtest.py")[2])
    runs = words[0].endswith(".yaml") and "--check" not in words
    done = CliRunner().invoke(app, [*words, "--out", str(tmp_path)] if runs else words, catch_exceptions=False)
    assert done.exit_code == 0
    folders = {folder.name.rpartition("-")[0] for folder in tmp_path.iterdir()}
    named = {Path(word).stem.replace("_", "-") for word in words if word.endswith(".yaml")}
    assert folders == (named if runs else set())


@pytest.mark.parametrize(("page", "block"), blocks("yaml"), ids=lambda text: text.split("\n")[0])
def test_configs_in_the_docs_are_valid(page, block, tmp_path):
    path = tmp_path / "block.yaml"
    path.write_text(block, encoding="utf-8")
    validate(Layer(read(path).values, {}), page)


def test_links_between_pages_lead_somewhere():
    broken = [
        f"{page.name}: {target}"
        for page in PAGES
        for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text(encoding="utf-8"))
        if not (page.parent / target).exists()
    ]
    assert broken == []
