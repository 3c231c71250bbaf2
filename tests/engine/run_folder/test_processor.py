"""The processor as a manifest states it: its name, PyTorch's instructions without PyTorch, OpenBLAS's kernels."""

import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

from engine.run_folder import processor as module
from engine.run_folder.processor import UNKNOWN, model, openblas_kernels, processor, torch_capability

ROOT = Path(__file__).resolve().parents[3]
X86 = platform.machine().lower() in ("x86_64", "amd64")


@pytest.mark.processor
@pytest.mark.skipif(not X86, reason="other processors have other names")
def test_the_instructions_are_those_that_torch_names():
    import torch

    assert torch_capability() == torch.backends.cpu.get_cpu_capability()


def test_the_environment_decides_in_small_letters_only(monkeypatch):
    monkeypatch.delenv("ATEN_CPU_CAPABILITY", raising=False)
    here = torch_capability()
    for value, capability in {"default": "DEFAULT", "avx2": "AVX2", "AVX512": here, "": here, "sse": here}.items():
        monkeypatch.setenv("ATEN_CPU_CAPABILITY", value)
        assert torch_capability() == capability


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (
            "processor : 0\nmodel name\t: AMD EPYC 7763\nflags : a\n\nprocessor : 1\nmodel name\t: AMD EPYC 7763\n",
            "AMD EPYC 7763",
        ),
        ("processor : 0\nCPU implementer\t: 0x41\nCPU part\t: 0xd0c\n", "0x41 0xd0c"),
        ("nothing of use\n", UNKNOWN),
    ],
)
def test_the_model_is_read_from_what_linux_tells(content, name, tmp_path, monkeypatch):
    (tmp_path / "cpuinfo").write_text(content)
    monkeypatch.setattr(module, "CPUINFO", tmp_path / "cpuinfo")
    assert model() == name


@pytest.mark.parametrize(("told", "name"), [("Intel64 Family 6", "Intel64 Family 6"), ("", UNKNOWN)])
def test_elsewhere_python_is_asked(told, name, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "CPUINFO", tmp_path / "none")
    monkeypatch.setattr(platform, "processor", lambda: told)
    assert model() == name


@pytest.mark.processor
def test_the_kernels_are_those_that_were_chosen():
    chosen = os.environ.get("OPENBLAS_CORETYPE")
    assert openblas_kernels() == (chosen if chosen and X86 else openblas_kernels())


def test_numbers_loaded_later_change_nothing_and_torch_is_not_imported():
    """SciPy's own OpenBLAS is loaded in some processes only."""
    code = (
        "import sys; from engine.run_folder.processor import processor; before = processor();"
        "import scipy.linalg; after = processor(); print(before == after, 'torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True", "False"]


def test_all_of_it_are_texts():
    assert list(processor()) == ["processor_model", "torch_cpu", "openblas"]
    assert all(isinstance(value, str) and value for value in processor().values())
