"""The functions of kernels in the cache: each is a file of its own, compiled once for all kernels that call it."""

import logging
import os
import sys
import time
from collections.abc import Container, Sequence
from contextlib import suppress
from pathlib import Path
from types import ModuleType
from typing import Any

from core.caches import cache_folder
from core.files import write_atomically

from .source_linker import Part

log = logging.getLogger(__name__)

HEAD = '''"""Made by backtrader-ml: a function of the compiled engine. Safe to delete."""
from numba import njit
'''
LIMIT = 1024**3
"""Bytes that compiled functions may take; those that were not used for longest are removed."""
DAY = 86_400.0
_modules: dict[Path, ModuleType] = {}
"""By file; other kernels of this process call the same compiled functions."""


def kernel_folder() -> Path:
    """The folder of compiled functions in the cache."""
    return cache_folder() / "kernels"


def loaded(folder: Path, parts: Sequence[Part]) -> Any:
    """The compiled function of a kernel's last part; parts that are not in a folder yet are written into it.

    Parameters
    ----------
    folder : is made if it is not there.
    parts : those first that others call.

    Raises
    ------
    OSError
        The folder cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    missing = [part for part in parts if not (folder / f"{part.name}.py").exists()]
    if missing:
        log.info("compiling %d of %d functions of an engine; they are kept in %s", len(missing), len(parts), folder)
        evict(folder, {part.name for part in parts}, LIMIT)
    _mark_as_used(folder, parts)
    functions: dict[str, Any] = {}
    for part in parts:
        module = _module(folder / f"{part.name}.py", part, {name: functions[name] for name in part.calls})
        functions[part.name] = getattr(module, part.name)
    return functions[parts[-1].name]


def _source(part: Part) -> str:
    calls = f"# calls {', '.join(part.calls)}\n" if part.calls else ""
    return f"{HEAD}{calls}{part.text}\n"


def _module(path: Path, part: Part, functions: dict[str, Any]) -> ModuleType:
    """The module of a part, in which the functions that it calls are known."""
    if path not in _modules:
        if not path.exists():  # looked at here: another process may remove what was not used for long
            write_atomically(path, _source(part).encode())
        module = ModuleType(f"backtrader_ml_kernel_{part.name}")
        module.__file__ = str(path)
        vars(module).update(functions)
        sys.modules[module.__name__] = module  # the compiler looks its modules up there
        exec(compile(_source(part), path, "exec"), vars(module))  # noqa: S102  # the text of this project's functions
        _modules[path] = module
    return _modules[path]


def files(folder: Path) -> dict[str, list[Path]]:
    """By function, its files: the source and what the compiler keeps."""
    by_name: dict[str, list[Path]] = {}
    for path in (*folder.glob("*.py"), *folder.glob("__pycache__/*")):
        by_name.setdefault(path.name.partition(".")[0], []).append(path)
    return by_name


def evict(folder: Path, needed: Container[str], limit: int) -> int:
    """Remove what was not used for longest, until no more than a limit is left; the number of functions removed.

    Parameters
    ----------
    needed : the names that stay.
    limit : bytes.
    """
    removed = 0
    ages: list[tuple[float, int, str, list[Path]]] = []
    for name, paths in files(folder).items():
        with suppress(OSError):  # another process was faster
            states = [path.stat() for path in paths]
            ages.append((max(state.st_mtime for state in states), sum(state.st_size for state in states), name, paths))
    size = sum(entry[1] for entry in ages)
    for _, bytes_of_it, name, paths in sorted(ages):
        if size <= limit:
            break
        if name not in needed:
            for path in paths:
                with suppress(OSError):
                    path.unlink()
            size -= bytes_of_it
            removed += 1
    return removed


def _mark_as_used(folder: Path, parts: Sequence[Part]) -> None:
    """Give the compiler's indices the present time, once a day; it does not look at their times."""
    now = time.time()
    indices = list(folder.glob(f"__pycache__/{parts[-1].name}.*.nbi"))
    with suppress(OSError):
        if indices and now - indices[0].stat().st_mtime > DAY:
            names = {part.name for part in parts}
            for path in folder.glob("__pycache__/*.nbi"):
                if path.name.partition(".")[0] in names:
                    os.utime(path)
