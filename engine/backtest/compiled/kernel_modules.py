"""The functions of kernels in the cache: each is a file of its own, compiled once for all kernels that call it."""

import logging
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from core.files import write_atomically

from .source_linker import Part

log = logging.getLogger(__name__)

HEAD = '''"""Made by backtrader-ml: a function of the compiled engine. Safe to delete."""
from numba import njit
'''
_modules: dict[Path, ModuleType] = {}
"""By file; other kernels of this process call the same compiled functions."""


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
    for part in missing:
        write_atomically(folder / f"{part.name}.py", _source(part).encode())
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
        module = ModuleType(f"backtrader_ml_kernel_{part.name}")
        module.__file__ = str(path)
        vars(module).update(functions)
        sys.modules[module.__name__] = module  # the compiler looks its modules up there
        exec(compile(_source(part), path, "exec"), vars(module))  # noqa: S102  # the text of this project's functions
        _modules[path] = module
    return _modules[path]
