"""What decides the numbers beside the data and the spec: our own code, the libraries, Python and the machine."""

import platform
from functools import cache
from importlib import metadata
from pathlib import Path

from core.digests import tree_digest

LIBRARIES = ("numpy", "pandas", "scipy", "scikit-learn", "torch", "xgboost", "lightgbm")
ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("core", "signals")


@cache
def library_versions() -> dict[str, str]:
    """Versions by name, of Python and of every library that takes part; none is imported."""
    return {"python": platform.python_version(), **{name: metadata.version(name) for name in LIBRARIES}}


@cache
def code_digest() -> str:
    """One digest over the source files that signals are made by, as they are on disk now."""
    return tree_digest((path for package in PACKAGES for path in (ROOT / package).rglob("*.py")), ROOT)


def machine() -> dict[str, str]:
    """The operating system and the kind of processor: the same code may round differently on another."""
    return {"system": platform.system(), "machine": platform.machine()}
