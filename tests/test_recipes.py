"""Each recipe of CONTRIBUTING.md is carried out as written, in a copy of the tree: file, config, contract."""

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from core.plugins import FAMILIES
from marketdata.sources.sample import Sample

ROOT = Path(__file__).resolve().parents[1]
TREE = ("core", "marketdata", "risk", "signals", "strategies", "serving", "engine", "configs", "tests/contracts")
FILES = ("run_backtest.py", "pyproject.toml", "tests/conftest.py")
RECIPE = re.compile(r"### A \w+: `([\w/]+\.py)`\n.*?```python\n(.*?)```\n\n```yaml\n(.*?)```", re.S)


@dataclass(frozen=True)
class Recipe:
    """One recipe: where its file goes, what is in it, and the config that uses it."""

    path: str
    code: str
    config: str

    @property
    def kind(self) -> str:
        return Path(self.path).stem

    @property
    def family(self) -> str:
        package = str(Path(self.path).parent).replace("/", ".")
        return next(family for family, name in FAMILIES.items() if name == package)


RECIPES = [Recipe(*found) for found in RECIPE.findall((ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"))]
every_recipe = pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.kind)


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    """A copy of the tree with the files of all recipes in it, and nothing else changed."""
    folder = tmp_path_factory.mktemp("copy")
    for name in TREE:
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in FILES:
        shutil.copy(ROOT / name, folder / name)
    for recipe in RECIPES:
        assert not (folder / recipe.path).exists()
        (folder / recipe.path).write_text(recipe.code, encoding="utf-8")
    shutil.copy(Sample().paths()["nasdaq"], folder / "prices.csv.gz")
    return folder


def python(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run Python where the copy's packages win over the installed ones."""
    command = [sys.executable, *words]
    environment = {**os.environ, "PYTHONPATH": str(folder), "COLUMNS": "200"}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def test_there_is_a_recipe_for_each_family():
    assert {recipe.family for recipe in RECIPES} == set(FAMILIES)
    assert len(RECIPES) == len(FAMILIES)


@pytest.mark.slow
@every_recipe
def test_its_config_runs(recipe, copy):
    (copy / "recipe.yaml").write_text(recipe.config, encoding="utf-8")
    done = python(
        copy, "run_backtest.py", "recipe.yaml", "report.tearsheet=false", "--out", f"runs-{recipe.kind}", "-q"
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    [folder] = (copy / f"runs-{recipe.kind}").iterdir()
    key = "layout" if recipe.family == "layouts" else "kind"
    assert f"{key}: {recipe.kind}" in (folder / "config.yaml").read_text(encoding="utf-8")
    metrics = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
    assert metrics["orders"]["asked"] > 0
    if recipe.family == "measures":
        assert metrics["measures"]["strategy"][recipe.kind]["value"] < 0


def test_all_of_them_are_listed(copy):
    done = python(copy, "run_backtest.py", "list")
    assert done.returncode == 0, done.stderr
    for recipe in RECIPES:
        summary = re.search(r'\nclass [^"]*"""(\w+)', recipe.code)[1]
        assert re.search(rf"^{recipe.kind} +{summary}", done.stdout, re.M), recipe.kind


@pytest.mark.slow
def test_they_keep_the_contracts_of_their_families(copy):
    chosen = " or ".join(recipe.kind for recipe in RECIPES)
    done = python(copy, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/contracts", "-k", chosen)
    assert done.returncode == 0, done.stdout
    passed = int(re.search(r"(\d+) passed", done.stdout)[1])
    assert passed > 10 * len(RECIPES)
    files = [recipe.path for recipe in RECIPES]
    doctests = python(copy, "-m", "pytest", "-q", "-p", "no:cacheprovider", *files)
    assert doctests.returncode == 0, doctests.stdout


def test_they_are_written_as_the_linter_wants(copy):
    files = [recipe.path for recipe in RECIPES]
    for words in (("check", "--no-cache"), ("format", "--no-cache", "--check")):
        done = python(copy, "-m", "ruff", *words, *files)
        assert done.returncode == 0, done.stdout


@pytest.mark.slow
def test_a_feature_that_looks_ahead_is_named_with_its_row(copy):
    gap = next(recipe for recipe in RECIPES if recipe.family == "features")
    peeking = gap.code.replace("bars.open / shifted(bars.close, 1)", "shifted(bars.close[::-1], 1)[::-1] / bars.open")
    assert peeking != gap.code
    path = copy / "signals" / "features" / "peek.py"
    path.write_text(peeking.replace("Gap", "Peek").replace('"gap"', '"peek"'), encoding="utf-8")
    done = python(
        copy, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/contracts/test_features.py", "-k", "peek"
    )
    path.unlink()
    assert done.returncode == 1
    assert re.search(r"feature peek looks ahead: row \d+ of \d+ changes when", done.stdout)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        (
            "broken",
            "x = 1\ndef signal(:\n",
            r"signals/models/broken.py cannot be imported: .*broken.py:2: invalid syntax",
        ),
        ("broken", "import no_such_library\n", r"broken.py:1: ModuleNotFoundError: No module named 'no_such_library'"),
        ("broken", "", r"signals/models/broken.py must hold exactly one plug-in; it holds none"),
        ("my-model", "", r"signals/models/my-model.py: a plug-in's file name is its kind: lower-case letters"),
    ],
)
def test_a_file_that_does_not_load_is_one_line(name, content, said, copy):
    path = copy / "signals" / "models" / f"{name}.py"
    path.write_text(content, encoding="utf-8")
    done = python(copy, "run_backtest.py", "configs/sma_cross.yaml", f"model={{kind: {name}}}", "--check")
    path.unlink()
    assert done.returncode == 2
    assert re.search(said, done.stderr)
    assert len(done.stderr.strip().splitlines()) == 1


def test_two_plug_ins_in_one_file_are_one_line(copy):
    model = next(recipe for recipe in RECIPES if recipe.family == "models")
    path = copy / "signals" / "models" / "both.py"
    path.write_text(model.code + "\n\nclass Lasso(Penalised):\n    pass\n", encoding="utf-8")
    done = python(copy, "run_backtest.py", "configs/quickstart.yaml", "model={kind: both}", "--check")
    path.unlink()
    assert done.returncode == 2
    assert "signals/models/both.py must hold exactly one plug-in; it holds Penalised, Lasso" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
