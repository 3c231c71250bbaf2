"""Libraries with native code, loaded where they are used, with one clear line where they cannot be."""

import importlib
import sys
from typing import Any

from core.errors import ModelError


def native(name: str) -> Any:
    """The module ``name``.

    Raises
    ------
    ModelError
        It is not installed, or its native part does not load; on macOS that is a missing OpenMP runtime.
    """
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise ModelError(f"{name} cannot be imported ({_first_line(error)}); run `make install`") from error
    except Exception as error:  # each library has an error of its own for a missing OpenMP runtime
        remedy = "run `brew install libomp`" if sys.platform == "darwin" else "install the OpenMP runtime (libgomp)"
        raise ModelError(f"{name} cannot load its native library ({_first_line(error)}); {remedy}") from error


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
