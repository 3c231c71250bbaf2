"""The public surface: the members that a module defines for others are those of its ``__all__``."""

import ast
import importlib
import inspect
from pathlib import Path

import pytest

MODULES = (
    "core.deprecated_members",
    "core.deprecation",
    "core.progress",
    "engine",
    "signals.confidence.base",
    "signals.features.base",
    "signals.labels.base",
    "signals.models.base",
    "signals.text.base",
)


def visible(source: str) -> set[str]:
    """The public names that a module's statements define, or that a package imports from its own modules."""
    names: set[str] = set()
    statements = list(ast.parse(source).body)
    while statements:
        match statements.pop():
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
                names.add(name)
            case ast.Assign(targets=targets):
                names |= {target.id for target in targets if isinstance(target, ast.Name)}
            case ast.AnnAssign(target=ast.Name(id=name)):
                names.add(name)
            case ast.ImportFrom(level=level, names=aliases) if level:
                names |= {alias.asname or alias.name for alias in aliases}
            case ast.If(body=body):
                statements += body
    return {name for name in names if not name.startswith("_")}


@pytest.mark.parametrize("name", MODULES)
def test_the_visible_members_are_those_of_all(name):
    module = importlib.import_module(name)
    source = Path(inspect.getfile(module)).read_text(encoding="utf-8")
    assert set(module.__all__) == visible(source)
    assert len(module.__all__) == len(set(module.__all__))
    for member in module.__all__:
        assert getattr(module, member) is not None


def test_imports_from_elsewhere_and_private_names_are_not_visible():
    source = "from x import y\nfrom .z import a as b\n_c = 1\nD: int = 2\nif True:\n    E = 3\n"
    assert visible(source) == {"b", "D", "E"}
