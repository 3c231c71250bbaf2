"""The processor, as far as the last digits of a result depend on it."""

import os
import platform
from collections.abc import Sequence
from pathlib import Path

CPUINFO = Path("/proc/cpuinfo")
UNKNOWN = "unknown"
SCIPY = "scipy.libs"
ATEN = "ATEN_CPU_CAPABILITY"
CAPABILITIES = ("AVX512", "AVX2", "DEFAULT")
SIMD_NAMES = {"AVX512": {"X86_V4", "AVX512_SKX"}, "AVX2": {"X86_V3", "AVX2"}}
"""By PyTorch's name of a set of instructions, NumPy's names of it."""
MODEL_KEYS = ("model name", "CPU implementer", "CPU part")
"""Lines of /proc/cpuinfo: the first on x86-64, the others on arm64."""


def processor() -> dict[str, str]:
    """Model, PyTorch's instruction set and OpenBLAS's kernels; two processors that differ in one may round differently.

    PyTorch is not imported: ``torch_cpu`` follows its rule from what NumPy finds here, environment variables included.
    """
    return {"processor_model": model(), "torch_cpu": torch_capability(), "openblas": openblas_kernels()}


def model() -> str:
    """The processor's name; ``unknown`` where the system does not tell."""
    try:
        lines = CPUINFO.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return platform.processor() or UNKNOWN
    facts = {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in reversed(lines))}
    return " ".join(facts[key] for key in MODEL_KEYS if facts.get(key)) or UNKNOWN


def torch_capability() -> str:
    """PyTorch's instruction set: AVX512, AVX2 or DEFAULT."""
    chosen = os.environ.get(ATEN, "").upper()
    if os.environ.get(ATEN, "") == chosen.lower() and chosen in CAPABILITIES:
        return chosen
    import numpy as np

    extensions: Sequence[str] = np.show_config(mode="dicts")["SIMD Extensions"].get("found", ())
    return next((name for name, names in SIMD_NAMES.items() if names & set(extensions)), "DEFAULT")


def openblas_kernels() -> str:
    """The set of kernels that NumPy's OpenBLAS has chosen; ``unknown`` where it has another library."""
    import numpy as np  # noqa: F401 - loads the library that is asked
    from threadpoolctl import threadpool_info

    libraries = [library for library in threadpool_info() if library["internal_api"] == "openblas"]
    # SciPy brings an OpenBLAS of its own, which is loaded only in some processes and may be of another version.
    names = {library["architecture"] for library in libraries if SCIPY not in Path(library["filepath"]).parts}
    return ", ".join(sorted(names)) or UNKNOWN
