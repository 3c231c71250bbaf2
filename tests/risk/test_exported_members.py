"""The public surface of the contracts: the names that a module defines for others are those of its ``__all__``."""

import ast
import importlib
import inspect
from pathlib import Path

import pytest

MODULES = ("marketdata.sources.base", "risk.bt_adapter", "risk.measures.base", "strategies.base")


def visible(source):
    """The public names that a module's statements define, or that a package imports from its own modules."""
    names = set()
    for statement in ast.parse(source).body:
        match statement:
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name) | ast.AnnAssign(target=ast.Name(id=name)):
                names.add(name)
            case ast.Assign(targets=targets):
                names |= {target.id for target in targets}
            case ast.ImportFrom(level=1, names=aliases):
                names |= {alias.asname or alias.name for alias in aliases}
    return {name for name in names if not name.startswith("_")}


@pytest.mark.parametrize("name", MODULES)
def test_the_visible_names_are_those_of_all(name):
    module = importlib.import_module(name)
    exported = module.__all__
    assert len(exported) == len(set(exported))
    assert set(exported) == visible(Path(inspect.getfile(module)).read_text(encoding="utf-8"))
    assert all(hasattr(module, member) for member in exported)
