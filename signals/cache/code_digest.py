"""The code that signals are made by: the project's modules that the named ones import, and what each of them says.

A module is read, never imported, for this. Its file is parsed; comments, docstrings and layout do not count, every
other token does. Imports are followed wherever they stand, also inside functions, but not under ``if TYPE_CHECKING``,
which never runs. The project is every module that is neither Python's own nor installed as a library, so that a
helper beside the packages is followed as they are.

What this cannot see: modules imported under a name that is computed (plug-ins are, and are named by the spec that holds
them: see :func:`modules_of`), submodules that ``from package import *`` names in ``__all__`` alone, files that code
reads, and of a compiled extension all but its bytes. Libraries count by their version, not by their code. A module is
read once a process: code that is edited while a process runs counts as it was when it was first asked for.
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
OURS = frozenset({"core", "marketdata", "risk", "signals", "strategies", "engine"})
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
    modules : of the project, by name, what each says: 64 hex digits.
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
    """A module's file: what it says, and the names that it may import, of modules or of what is in them."""

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
    seen, waiting = set(roots), sorted(roots)
    while waiting:
        name = waiting.pop()
        top = name.partition(".")[0]
        whose = _whose(top)
        if whose == "library":
            libraries.add(top)
        source = _source(name) if whose == "project" else None
        if source is None and name in roots and (whose == "project" or _place(top) is None):
            raise StoreError(f"{name}: its code is in no file of the project, so that no change of it could be noticed")
        if source:
            modules[name] = source.digest
        nearby = {name.rpartition(".")[0], *(source.imports if source else ())} - seen - {""}
        seen |= nearby
        waiting += nearby
    return Code(modules, frozenset(libraries))


def modules_of(value: object) -> frozenset[str]:
    """The modules that define a spec and every spec in it, however deep in sequences, mappings and dataclasses."""
    found: set[str] = set()
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, BaseModel):
            found.add(type(item).__module__)
            waiting += item.__dict__.values()
        elif is_dataclass(item) and not isinstance(item, type):
            found.add(type(item).__module__)
            waiting += [getattr(item, field.name) for field in fields(item)]
        elif isinstance(item, Mapping):
            waiting += item.values()
        elif isinstance(item, list | tuple | set | frozenset):
            waiting += item
    return frozenset(found)


@cache
def _whose(top: str) -> str:
    """Whether a top-level module is of the ``project``, a ``library`` (installed or not) or ``python``'s own."""
    spec, place = _spec(top), _place(top)
    if spec and spec.origin in ("built-in", "frozen"):
        return "python"
    if place is None:
        return "project" if top in sys.modules else "library"
    if top in OURS and place.resolve().is_relative_to(ROOT):
        return "project"  # also where the project itself is installed among the libraries
    if INSTALLED & set(place.parts):
        return "library"
    return "python" if place.resolve().is_relative_to(STANDARD) else "project"


def _place(name: str) -> Path | None:
    """The file of a module, the folder of a package that has none; None where there is neither."""
    spec = _spec(name)
    if spec and spec.has_location and spec.origin:
        return Path(spec.origin)
    folder = next(iter(spec.submodule_search_locations or ()), None) if spec else None
    file = folder or getattr(sys.modules.get(name), "__file__", None)  # a script is loaded, but not found by its name
    return Path(file) if file else None


@cache
def _spec(name: str) -> ModuleSpec | None:
    """Where a module would be imported from; None where there is no such module. Nothing is imported."""
    parent = name.rpartition(".")[0]
    if not parent:
        try:
            return importlib.util.find_spec(name)
        except ValueError:  # it is loaded, and does not say from where
            return None
    above = _spec(parent)
    if above is None or above.submodule_search_locations is None:
        return None
    return PathFinder.find_spec(name, above.submodule_search_locations)


@cache
def _source(name: str) -> Source | None:
    """What a module of the project says; None where there is no such module, or no file of its own."""
    path = _place(name)
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
        imports |= {name for node in ast.walk(tree) for name in _named(node)}
    return Source(hashlib.sha256(ast.dump(tree).encode("utf-8", "surrogatepass")).hexdigest(), frozenset(imports))


def _statements(tree: ast.Module) -> Iterator[ast.AST]:
    """Every statement that does something; texts that stand alone, and what is for type checkers, leave the tree."""
    waiting: list[ast.AST] = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.If) and _name(node.test) == "TYPE_CHECKING":
            node.body = []
        for block in BLOCKS:
            if within := getattr(node, block, None):
                kept = [each for each in within if not _is_text(each)]
                setattr(node, block, kept)
                waiting += kept
        yield node


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def _name(node: ast.expr) -> str:
    """The last part of a dotted name; empty for anything else."""
    return str(getattr(node, "id", getattr(node, "attr", "")))


def _imported(node: ast.AST, package: str) -> Iterator[str]:
    """What a statement imports, in full; ``from a import b`` gives ``a`` and ``a.b``, which may be no module."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        base = importlib.util.resolve_name("." * node.level + (node.module or ""), package)
        yield base
        yield from (f"{base}.{alias.name}" for alias in node.names)


def _named(node: ast.AST) -> Iterator[str]:
    """The module that a call imports by its name, where that is written out in full."""
    if isinstance(node, ast.Call) and node.args and _name(node.func).encode() in IMPORTERS:
        given = node.args[0]
        if isinstance(given, ast.Constant) and isinstance(given.value, str) and not given.value.startswith("."):
            yield given.value
