"""The family of a plug-in file, also of one that does not stand in its family's folder."""

import ast
import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from core.errors import PluginError
from core.plugins import CONTRACT, FAMILIES, kinds, load
from signals.cache.checkout import not_committed

REMEDY = "put it into its family's folder: " + ", ".join(package.replace(".", "/") for package in FAMILIES.values())


@dataclass(frozen=True)
class PluginFile:
    """A plug-in file: its path, its kind, its family and the family's package."""

    path: Path
    kind: str
    family: str
    package: str


@contextmanager
def located(path: Path) -> Iterator[PluginFile]:
    """The plug-in of a file, loaded; a file from elsewhere stands beside those of its family for the time being.

    A copy of a file of the user's own in the family's folder stands in its place.

    Raises
    ------
    PluginError
        There is no such file, it is of no family, or it cannot be loaded; one line.
    """
    if not path.is_file() or path.suffix != ".py":
        raise PluginError(f"{path}: there is no such Python file; give the file of a plug-in")
    if path.stem == CONTRACT or path.stem.startswith("_"):
        raise PluginError(f"{path}: is a module of its family, no plug-in")
    homes = {_folder(package): (family, package) for family, package in FAMILIES.items()}
    if path.resolve().parent in homes:
        family, package = homes[path.resolve().parent]
        load(package, path.stem)
        yield PluginFile(path, path.stem, family, package)
        return
    family, package = _family_of(path)
    namesake = _folder(package) / path.name
    if path.stem in kinds(package) and namesake not in not_committed([_folder(package)]):
        raise PluginError(
            f"{path}: {package.replace('.', '/')} has a plug-in {path.stem!r} already, which is no file of your own; "
            "rename the file"
        )
    with TemporaryDirectory() as folder:
        (Path(folder) / path.name).write_bytes(path.read_bytes())
        search_path = importlib.import_module(package).__path__
        search_path.insert(0, folder)  # before a file of the user's own that it is a copy of
        try:
            _forget(package, path.stem)
            load(package, path.stem)
            yield PluginFile(path, path.stem, family, package)
        finally:
            search_path.remove(folder)
            _forget(package, path.stem)


def _forget(package: str, kind: str) -> None:
    """Let a plug-in be loaded anew: the file under its name is another one."""
    if sys.modules.pop(f"{package}.{kind}", None) is not None:
        load.cache_clear()
    importlib.invalidate_caches()


def _folder(package: str) -> Path:
    return Path(importlib.import_module(package).__path__[0]).resolve()


def _family_of(path: Path) -> tuple[str, str]:
    """The family whose modules have all that the file imports from its own package."""
    try:
        tree = ast.parse(path.read_text(encoding="utf-8"))
    except SyntaxError as error:
        raise PluginError(f"{path}:{error.lineno}: {error.msg}; mend that line") from error
    except UnicodeDecodeError as error:
        raise PluginError(f"{path}: is not UTF-8 ({error}); save it as such") from error
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    families = [(family, package) for family, package in FAMILIES.items() if _matches(package, imports)]
    if len(families) != 1:
        words = "more than one" if families else "no"
        raise PluginError(f"{path}: its imports are those of {words} family; {REMEDY}")
    return families[0]


def _matches(package: str, imports: list[ast.ImportFrom]) -> bool:
    """True if the file imports something of the family's package, and the package has all of it."""
    relative = [(node.module or "", alias.name) for node in imports if node.level == 1 for alias in node.names]
    absolute = [node for node in imports if node.level == 0 and node.module == f"{package}.{CONTRACT}"]
    return bool(relative or absolute) and all(_has(f"{package}.{module}", name) for module, name in relative)


def _has(module: str, name: str) -> bool:
    try:
        return hasattr(importlib.import_module(module), name)
    except ImportError:
        return False
