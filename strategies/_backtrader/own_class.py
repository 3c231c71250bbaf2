"""The loader of strategy classes of users' own."""

import difflib
import importlib.util
import inspect
import sys
import traceback
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Protocol

import backtrader as bt

from core.digests import file_digest
from core.errors import PluginError


class ClassOfFile(Protocol):
    """A strategy class of a file, as a config names it."""

    @property
    def path(self) -> Path:
        """The file."""
        ...

    @property
    def class_name(self) -> str | None:
        """The class; None for the only one."""
        ...

    @property
    def parameters(self) -> Mapping[str, Any]:
        """Values for its ``params``."""
        ...

    @property
    def kind(self) -> str:
        """Its name in messages."""
        ...


def own_class(strategy: ClassOfFile) -> type[bt.Strategy]:
    """The class of a strategy's file.

    Raises
    ------
    PluginError
        There is no such file or class, or the file cannot be imported; one line.
    """
    path = strategy.path
    if not path.is_file():
        raise PluginError(f"{path}: there is no such file; give the Python file of a backtrader strategy")
    classes = _classes(path.resolve(), file_digest(path))
    names = ", ".join(classes) or "none"
    if not classes:
        raise PluginError(f"{path}: holds no bt.Strategy class; {_rule_hint(path)}")
    if strategy.class_name is None:
        if len(classes) != 1:
            raise PluginError(f"{path}: has {len(classes)} strategy classes ({names}); name one under strategy.class")
        return next(iter(classes.values()))
    if strategy.class_name not in classes:
        raise PluginError(f"{path}: has no strategy class {strategy.class_name!r}; those of its own: {names}")
    return classes[strategy.class_name]


def _rule_hint(path: Path) -> str:
    return (
        "a file with a rule belongs into strategies/ and is named by its kind in place of its file: "
        f"strategy: {{kind: {path.stem}}}"
    )


def check_class(strategy: ClassOfFile) -> None:
    """Refuse a class that cannot be loaded, and parameters that it does not have; errors as of :func:`own_class`."""
    names = list(own_class(strategy).params._getkeys())
    for name in strategy.parameters:
        if name not in names:
            close = difflib.get_close_matches(name, names, n=1)
            hint = f"did you mean {close[0]!r}?" if close else f"its params: {', '.join(names) or 'none'}"
            raise PluginError(f"{strategy.path}: {strategy.kind} has no parameter {name!r}; {hint}")


@cache
def _classes(path: Path, sha256: str) -> dict[str, type[bt.Strategy]]:
    """The strategy classes that a file defines, by name; once for each content of it."""
    name = f"own_class_{sha256[:12]}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise PluginError(f"{path}: is no Python file; give one that ends in .py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # backtrader looks there for the module of a class
    try:
        spec.loader.exec_module(module)
    except ImportError as error:
        hint = _rule_hint(path) if "no known parent package" in str(error) else "mend the file"
        raise PluginError(f"{_where(error, path)}: {type(error).__name__}: {error}; {hint}") from error
    except SyntaxError as error:
        raise PluginError(f"{path}:{error.lineno}: {error.msg}; mend that line") from error
    except Exception as error:  # a file of anyone's may raise anything while it is imported
        raise PluginError(f"{_where(error, path)}: {type(error).__name__}: {error}; mend the file") from error
    return {
        label: item
        for label, item in vars(module).items()
        if inspect.isclass(item) and issubclass(item, bt.Strategy) and item.__module__ == name
    }


def failed(strategy: ClassOfFile, error: Exception) -> PluginError:
    """The error for an exception that a class raised while it traded, in one line with its file and line."""
    where = _where(error, strategy.path.resolve())
    return PluginError(f"{where}: {strategy.kind} raised {type(error).__name__}: {error}; mend the class")


def _where(error: BaseException, path: Path) -> str:
    """The file with the line of the innermost frame in it."""
    lines: list[Any] = [
        frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)
    ]
    return f"{path}:{lines[-1]}" if lines else str(path)
