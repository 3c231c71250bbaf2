"""A kernel as machine code: written as one source file into the cache, compiled once, loaded by later processes."""

import ast
import hashlib
import importlib.util
import os
import sys
import tempfile
from functools import cache
from pathlib import Path
from types import FunctionType
from typing import Any

from core.caches import cache_folder, caches_used
from core.errors import ConfigError
from strategies._base import CrossSectional, Strategy

from . import deciding, loop
from .linking import Linker, definition
from .shape import Shape

HEAD = '''"""Made by backtrader-ml: a compiled engine for one kind of run. Safe to delete."""
from numba import njit
'''
HELPER, KERNEL = (
    "@njit(error_model='numpy', nogil=True, cache=True)",
    "@njit(error_model='numpy', nogil=True, cache=True)",
)
RULE = "@njit(nogil=True, cache=True)"


def rule_of(strategy: type[Strategy]) -> FunctionType:
    """The pure rule of a strategy."""
    rule = strategy.rule
    if not isinstance(rule, FunctionType):
        raise ConfigError(
            f"strategy {strategy.__name__}: its rule is a {type(rule).__name__}, not a function of its file, so it "
            "cannot be compiled; engine: backtrader runs it"
        )
    return rule


@cache
def parameters(rule: FunctionType) -> tuple[str, ...]:
    """The names of what a rule, and what it calls, reads of its parameters."""
    linker = Linker()
    linker.add(rule)
    given = rule.__code__.co_varnames[rule.__code__.co_argcount - 1]  # what the rule calls its parameters
    read = (node for function in linker.names for node in ast.walk(definition(function)))
    return tuple(
        sorted(
            {
                node.attr
                for node in read
                if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == given
            }
        )
    )


def source_of(rule: FunctionType, cross: bool, shape: Shape) -> str:
    """The text of the module that holds a kernel."""
    placeholder: Any = deciding.cross_rule if cross else deciding.rule
    entry: Any = loop.run_policy
    linker = Linker({placeholder: rule}, {"USES": shape})
    name = linker.add(entry)
    rules = Linker()
    rules.add(rule)
    whole = linker.source()
    for part in linker.parts:
        own = part.split("(", 1)[0].removeprefix("def ")
        is_rule = any(own.rsplit("_", 1)[0] == each.__name__ for each in rules.names)
        whole = whole.replace(part, f"{RULE if is_rule else HELPER}\n{part}")
    return f"{HEAD}{whole}\n\n\nrun = {name}\n"


@cache
def kernel(rule: FunctionType, cross: bool, shape: Shape) -> Any:
    """The compiled function of :func:`engine.compiled_engine.loop.run_policy` for a rule and a shape."""
    text = source_of(rule, cross, shape)
    digest = hashlib.sha256(text.encode()).hexdigest()[:24]
    folder = cache_folder() / "kernels" if caches_used() else Path(tempfile.mkdtemp(prefix="kernels-"))
    return _module(folder, f"kernel_{digest}", text).run


def _module(folder: Path, name: str, text: str) -> Any:
    path = folder / f"{name}.py"
    folder.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        with tempfile.NamedTemporaryFile("w", dir=folder, suffix=".tmp", delete=False, encoding="utf-8") as file:
            file.write(text)
        os.replace(file.name, path)  # noqa: PTH105 - whole or not at all
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ConfigError(f"{path}: cannot be loaded")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def is_cross(strategy: Strategy) -> bool:
    """Whether a strategy's rule sees all symbols at once."""
    return isinstance(strategy, CrossSectional)
