"""Versions of the libraries and of Python, and the machine: they decide digits as well as data, spec and code."""

import ctypes.util
import os
import platform
from collections.abc import Iterable, Mapping
from functools import cache
from importlib import metadata
from pathlib import Path

ALWAYS = ("numpy", "pandas")
BENEATH: Mapping[str, tuple[str, ...]] = {
    "numba": ("llvmlite",),
    "sklearn": ("scipy",),
    "transformers": ("torch", "tokenizers"),
}
"""Libraries below others: by the name that our code imports, those that it does not import itself."""
DISTRIBUTIONS: Mapping[str, str] = {"sklearn": "scikit-learn", "talib": "TA-Lib"}
"""Names of distributions that differ from the name that is imported."""
WITHOUT_NUMBERS = frozenset({"filelock", "platformdirs", "pyarrow", "pydantic", "pydantic_core", "rich"})
"""Libraries that check, store and show values; no number depends on their version."""
MISSING = "not installed"
DEVICES = ("/dev/nvidia0", "/dev/dxg", "/dev/kfd")
"""Files that the drivers of Nvidia, of Windows below Linux, and of AMD create."""


def library_versions(imported: Iterable[str]) -> dict[str, str]:
    """Versions by name, of Python and of every library that takes part; none is imported.

    Parameters
    ----------
    imported : the top-level modules that the code at work imports; a library that it does not use is left out.

    Returns
    -------
    By the name that a library is installed under; ``not installed`` where it is not.
    """
    names = {*ALWAYS, *imported} - WITHOUT_NUMBERS
    names |= {below for name in names for below in BENEATH.get(name, ())}
    return {"python": platform.python_version(), **{_distribution(name): _version(name) for name in sorted(names)}}


def machine() -> dict[str, str]:
    """The operating system, the kind of processor, and whether there is a GPU: numbers round differently on another."""
    return {"system": platform.system(), "machine": platform.machine(), "gpu": "yes" if _has_gpu() else "no"}


@cache
def version_of(distribution: str) -> str:
    """The version of a library by the name that it is installed under, or of ``python``."""
    if distribution == "python":
        return platform.python_version()
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return MISSING


@cache
def _version(name: str) -> str:
    return version_of(_distribution(name))


@cache
def _distribution(name: str) -> str:
    """The name that a module is installed under."""
    distribution = DISTRIBUTIONS.get(name, name)
    try:
        metadata.distribution(distribution)
    except metadata.PackageNotFoundError:
        # Slow: the metadata of every library are read.
        return next(iter(metadata.packages_distributions().get(name, ())), distribution)
    return distribution


def _has_gpu() -> bool:
    """True where PyTorch could find a device of its ``cuda`` kind; neither it nor a driver is loaded."""
    if os.environ.get("CUDA_VISIBLE_DEVICES", "0").strip() in ("", "-1"):
        return False
    if platform.system() == "Windows":
        return ctypes.util.find_library("nvcuda") is not None
    return any(Path(device).exists() for device in DEVICES)
