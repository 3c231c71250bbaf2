"""The structure of the house: one direction of imports, no circle, rooms of a readable size."""

import re
import tomllib
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import grimp
import pytest
from importlinter.contracts.layers import LayersContract

from core.plugins import FAMILIES

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("core", "marketdata", "risk", "signals", "strategies", "serving", "engine")
SETTINGS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]
LAYERS = [contract for contract in SETTINGS["contracts"] if contract["type"] == "layers"]
MOST_MODULES = 15
FAMILY_FOLDERS = {Path(package.replace(".", "/")) for package in FAMILIES.values()}
PLUGIN_MODULE = re.compile(r"(?!base$)[a-z]\w*")


@pytest.fixture(scope="module")
def imports():
    """Every import of one module of ours by another, also inside functions and for type checkers."""
    return grimp.build_graph(*PACKAGES, cache_dir=None)


def is_kept(contract, graph):
    options = {key: str(value) if isinstance(value, bool) else value for key, value in contract.items()}
    built = LayersContract(contract["name"], {"root_packages": list(PACKAGES)}, options)
    return built.check(graph, verbose=False).kept


@pytest.mark.parametrize("contract", LAYERS, ids=lambda contract: contract["name"])
def test_imports_run_in_one_direction(contract, imports):
    assert is_kept(contract, imports)


@pytest.mark.parametrize(
    ("contract", "importer", "imported"),
    [
        ("one direction of imports", "core.types", "risk.sizing"),
        ("one direction inside engine", "engine.config.run_config", "engine.pages.terminal"),
        ("one direction inside engine", "engine.results.outcome", "engine.run_folder.manifest"),
        ("one direction inside engine.backtest", "engine.backtest.timeline", "engine.backtest.engines"),
        ("one direction inside engine.sweep", "engine.sweep.space.samplers", "engine.sweep.trials.plan"),
        ("one direction inside signals", "signals.panel", "signals.folds.fit_fold"),
        ("one direction inside risk", "risk.measures.base", "risk.overfitting.cscv"),
    ],
)
def test_a_module_on_a_floor_above_what_it_imports_is_noticed(contract, importer, imported, imports):
    [found] = [candidate for candidate in LAYERS if candidate["name"] == contract]
    assert importer in imports.modules
    assert imported in imports.modules
    imports.add_import(importer=importer, imported=imported)
    try:
        assert not is_kept(found, imports)
    finally:
        imports.remove_import(importer=importer, imported=imported)


def circle(graph):
    """The modules of a circle of imports, in order; none if there is no circle.

    A package's ``__init__`` counts as a module of its own.
    """
    imported = {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}
    try:
        TopologicalSorter(imported).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def test_no_modules_import_each_other(imports):
    assert circle(imports) == []


def test_a_circle_is_noticed(imports):
    imports.add_import(importer="core.errors", imported="core.spec")
    try:
        assert set(circle(imports)) >= {"core.errors", "core.spec"}
    finally:
        imports.remove_import(importer="core.errors", imported="core.spec")


def loose_modules(folder):
    """The modules of a folder; of a plug-in family only those that are no plug-ins."""
    names = [path.stem for path in folder.glob("*.py") if path.stem != "__init__"]
    if folder.relative_to(ROOT) in FAMILY_FOLDERS:
        return [name for name in names if not PLUGIN_MODULE.fullmatch(name)]
    return names


def test_no_folder_has_more_than_15_loose_modules():
    folders = {path.parent for package in PACKAGES for path in (ROOT / package).rglob("*.py")}
    crowded = {str(folder.relative_to(ROOT)): len(loose_modules(folder)) for folder in folders}
    assert {name: count for name, count in crowded.items() if count > MOST_MODULES} == {}


def test_the_tests_mirror_the_tree():
    tests = ROOT / "tests"
    folders = {path.parent.relative_to(tests) for package in PACKAGES for path in (tests / package).rglob("test_*.py")}
    assert [str(folder) for folder in sorted(folders) if not (ROOT / folder).is_dir()] == []


def test_every_invariant_of_the_architecture_page_names_tests_that_exist():
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    section = page.partition("## Invariants")[2].partition("\n## ")[0]
    invariants = re.findall(r"^\d+\. .*?(?=^\d+\. |\Z)", section, flags=re.MULTILINE | re.DOTALL)
    assert len(invariants) >= 15
    for number, invariant in enumerate(invariants, start=1):
        assert invariant.startswith(f"{number}. ")
        named = re.findall(r"`(tests/[\w/.]+\.py)(?:::(\w+))?`", invariant)
        assert named, invariant
        for file, function in named:
            text = (ROOT / file).read_text(encoding="utf-8")
            assert not function or f"def {function}(" in text, f"{file}::{function}"
