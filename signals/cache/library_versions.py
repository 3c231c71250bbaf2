"""What decides the numbers beside the data, the spec and our own code: the libraries, Python and the machine."""

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
"""Libraries that work for others: by the name that our code imports, those that it does not import itself."""
DISTRIBUTIONS: Mapping[str, str] = {"sklearn": "scikit-learn", "talib": "TA-Lib"}
"""Under which names they are installed, where it is not the one they are imported by."""
WITHOUT_NUMBERS = frozenset({"filelock", "platformdirs", "pyarrow", "pydantic", "pydantic_core", "rich"})
"""They check, keep and show values; no number depends on their version."""
MISSING = "not installed"
DEVICES = ("/dev/nvidia0", "/dev/dxg", "/dev/kfd")
"""What the drivers of Nvidia, of Windows below Linux, and of AMD make."""


def library_versions(imported: Iterable[str]) -> dict[str, str]:
    """Versions by name, of Python and of every library that takes part; none is imported.

    Parameters
    ----------
    imported : the top-level modules that the code at work imports; a library that it does not use has no say.

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
def _version(name: str) -> str:
    try:
        return metadata.version(_distribution(name))
    except metadata.PackageNotFoundError:
        return MISSING


@cache
def _distribution(name: str) -> str:
    """The name that a module is installed under."""
    given = DISTRIBUTIONS.get(name, name)
    try:
        metadata.distribution(given)
    except metadata.PackageNotFoundError:
        return next(iter(metadata.packages_distributions().get(name, ())), given)  # slow: every library is asked
    return given


def _has_gpu() -> bool:
    """Whether PyTorch could find a device of its ``cuda`` kind; neither it nor a driver is loaded to say so."""
    if os.environ.get("CUDA_VISIBLE_DEVICES", "0").strip() in ("", "-1"):
        return False
    if platform.system() == "Windows":
        return ctypes.util.find_library("nvcuda") is not None
    return any(Path(device).exists() for device in DEVICES)
