"""The code that computes signals: the project's modules that the named ones import, and the digest of each.

A module is read, never imported, for this. Its file is parsed; comments, docstrings and layout do not count, every
other token does. Imports are followed wherever they stand, also inside functions, but not under ``if TYPE_CHECKING``,
which never runs. The project is every module that is neither Python's own nor installed as a library, so that a
helper beside the packages is followed like them.

What this cannot see: modules imported under a name that is computed (plug-ins are, and are named by the spec that holds
them: see :func:`modules_of`), submodules that ``from package import *`` names in ``__all__`` alone, files that code
reads, and of a compiled extension all but its bytes. Libraries count by their version, not by their code. A module is
read once a process: code that is edited while a process runs counts as it was when it was first read.
"""

import ast
import hashlib
import importlib.util
import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from functools import cache, cached_property
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path

from pydantic import BaseModel

from core.digests import digest
from core.errors import ConfigError, StoreError

ROOT = Path(__file__).resolve().parents[2]
OURS = frozenset({"core", "marketdata", "risk", "signals", "strategies", "serving", "engine"})
STANDARD = Path(os.__file__).resolve().parent
INSTALLED = frozenset({"site-packages", "dist-packages"})
IMPORTERS = (b"import_module", b"__import__", b"native")
"""Functions whose first argument, where it is written out, is a module that they import."""
BLOCKS = ("body", "orelse", "finalbody", "handlers", "cases")


@dataclass(frozen=True)
class Code:
    """Some modules and all that they import.

    Attributes
    ----------
    modules : of the project, by name, the digest of each: 64 hex digits.
    libraries : the top-level names of everything else that they import, but for Python's own.
    """

    modules: Mapping[str, str]
    libraries: frozenset[str]

    @cached_property
    def digest(self) -> str:
        """64 hex digits over the project's modules."""
        return digest(dict(self.modules))


@dataclass(frozen=True)
class Source:
    """A module's file: its digest, and the names that it may import, of modules or of their contents."""

    digest: str
    imports: frozenset[str] = frozenset()


def code_of(roots: Iterable[str]) -> Code:
    """The modules ``roots`` and all that they import, directly or not.

    Raises
    ------
    ConfigError
        A file of the project cannot be read or parsed; it is named with the line.
    StoreError
        A root has no file: it was typed into a session.
    """
    return _code_of(frozenset(roots))


@cache
def _code_of(roots: frozenset[str]) -> Code:
    modules: dict[str, str] = {}
    libraries: set[str] = set()
    visited = set(roots)
    waiting = sorted(roots)
    while waiting:
        name = waiting.pop()
        top = name.partition(".")[0]
        owner = _owner_of(top)
        if owner == "library":
            libraries.add(top)
        source = _source(name) if owner == "project" else None
        if source is None and name in roots and (owner == "project" or _file_of(top) is None):
            raise StoreError(f"{name}: its code is in no file of the project, so that no change of it could be noticed")
        if source:
            modules[name] = source.digest
        nearby = {name.rpartition(".")[0], *(source.imports if source else ())} - visited - {""}
        visited |= nearby
        waiting += nearby
    return Code(modules, frozenset(libraries))


def modules_of(value: object) -> frozenset[str]:
    """The modules that define a spec and every spec in it, however deep in sequences, mappings and dataclasses."""
    modules: set[str] = set()
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, BaseModel):
            modules.add(type(item).__module__)
            waiting += item.__dict__.values()
        elif is_dataclass(item) and not isinstance(item, type):
            modules.add(type(item).__module__)
            waiting += [getattr(item, field.name) for field in fields(item)]
        elif isinstance(item, Mapping):
            waiting += item.values()
        elif isinstance(item, list | tuple | set | frozenset):
            waiting += item
    return frozenset(modules)


@cache
def _owner_of(top: str) -> str:
    """The owner of a top-level module: ``project``, ``library`` (installed or not) or ``python``."""
    spec = _spec(top)
    file = _file_of(top)
    if spec and spec.origin in ("built-in", "frozen"):
        return "python"
    if file is None:
        return "project" if top in sys.modules else "library"
    if top in OURS and file.resolve().is_relative_to(ROOT):
        return "project"  # also where the project itself is installed among the libraries
    if INSTALLED & set(file.parts):
        return "library"
    return "python" if file.resolve().is_relative_to(STANDARD) else "project"


def _file_of(name: str) -> Path | None:
    """The file of a module, the folder of a package that has none; None where there is neither."""
    spec = _spec(name)
    if spec and spec.has_location and spec.origin:
        return Path(spec.origin)
    folder = next(iter(spec.submodule_search_locations or ()), None) if spec else None
    location = folder or getattr(sys.modules.get(name), "__file__", None)  # a script is in no folder of the path
    return Path(location) if location else None


@cache
def _spec(name: str) -> ModuleSpec | None:
    """The spec that a module would be imported by; None where there is no such module. Nothing is imported."""
    parent = name.rpartition(".")[0]
    if not parent:
        try:
            return importlib.util.find_spec(name)
        except ValueError:  # it is loaded, and has no spec
            return None
    above = _spec(parent)
    # A package that is loaded may have been given further folders, as for a plug-in from elsewhere.
    folders = getattr(sys.modules.get(parent), "__path__", above.submodule_search_locations if above else None)
    return PathFinder.find_spec(name, folders) if folders is not None else None


@cache
def _source(name: str) -> Source | None:
    """The source of a module of the project; None where there is no such module, or no file of its own."""
    path = _file_of(name)
    if path is None or path.is_dir():
        return None
    try:
        return _parsed(path, name if path.name == "__init__.py" else name.rpartition(".")[0])
    except SyntaxError as error:
        raise ConfigError(
            f"{path}:{error.lineno or 1}: {error.msg}; the signals are made by this file: mend that line"
        ) from error
    except (OSError, ValueError, ImportError) as error:  # gone or locked meanwhile, no text, above the top package
        raise ConfigError(f"{path}: cannot be read as Python ({error}); the signals are made by this file") from error


def _parsed(path: Path, package: str) -> Source:
    content = path.read_bytes()
    if path.suffix != ".py":
        return Source(hashlib.sha256(content).hexdigest())
    tree = ast.parse(content, filename=str(path))
    imports = {name for node in _statements(tree) for name in _imported(node, package)}
    if any(word in content for word in IMPORTERS):  # few files do that: the others need not be looked through
        imports |= {name for node in ast.walk(tree) for name in _string_imports(node)}
    return Source(hashlib.sha256(ast.dump(tree).encode("utf-8", "surrogatepass")).hexdigest(), frozenset(imports))


def _statements(tree: ast.Module) -> Iterator[ast.AST]:
    """Every statement that has an effect; texts that stand alone, and code for type checkers, are removed."""
    waiting: list[ast.AST] = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.If) and _name(node.test) == "TYPE_CHECKING":
            node.body = []
        for block in BLOCKS:
            if statements := getattr(node, block, None):
                effective = [statement for statement in statements if not _is_text(statement)]
                setattr(node, block, effective)
                waiting += effective
        yield node


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def _name(node: ast.expr) -> str:
    """The last part of a dotted name; empty for anything else."""
    return str(getattr(node, "id", getattr(node, "attr", "")))


def _imported(node: ast.AST, package: str) -> Iterator[str]:
    """The full names that a statement imports; ``from a import b`` gives ``a`` and ``a.b``, which may be no module."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        base = importlib.util.resolve_name("." * node.level + (node.module or ""), package)
        yield base
        yield from (f"{base}.{alias.name}" for alias in node.names)


def _string_imports(node: ast.AST) -> Iterator[str]:
    """The module that a call imports by its name, where that is written out in full."""
    if isinstance(node, ast.Call) and node.args and _name(node.func).encode() in IMPORTERS:
        match node.args[0]:
            case ast.Constant(value=str(name)) if not name.startswith("."):
                yield name
