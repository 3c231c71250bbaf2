"""Library versions and the machine in the cache key, beside data, spec and code."""

import os
import platform
import re
import subprocess
import sys
from importlib.metadata import packages_distributions, requires, version
from pathlib import Path

import pytest

from core.plugins import FAMILIES, kinds
from signals.cache import library_versions as versions
from signals.cache.code_digest import ROOT, code_of
from signals.cache.library_versions import BENEATH, MISSING, WITHOUT_NUMBERS, library_versions, machine

FAMILIES_HERE = [package for package in FAMILIES.values() if package.startswith("signals.")]
EVERYTHING = code_of({"signals.generate", *(f"{family}.{kind}" for family in FAMILIES_HERE for kind in kinds(family))})


@pytest.mark.slow
def test_every_library_that_signals_are_made_with_is_found_by_the_name_it_is_installed_under():
    assert {"numpy", "torch", "sklearn", "lightgbm", "xgboost", "talib", "transformers"} <= EVERYTHING.libraries
    result = library_versions(EVERYTHING.libraries)
    for name in EVERYTHING.libraries - WITHOUT_NUMBERS:
        [installed] = set(packages_distributions()[name])
        assert result[installed] == version(installed)
    assert MISSING not in result.values()
    assert result["python"] == platform.python_version()


def test_no_library_beside_those_that_are_imported_or_work_for_them():
    assert set(library_versions([])) == {"python", "numpy", "pandas"}
    assert set(library_versions({"sklearn", "rich"})) == {"python", "numpy", "pandas", "scikit-learn", "scipy"}


@pytest.mark.slow
@pytest.mark.parametrize("name", ["numba", "sklearn"])
def test_what_works_beneath_a_library_is_loaded_with_it(name):
    script = f"import sys, {name}; print([below for below in {BENEATH[name]!r} if below not in sys.modules])"
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_library_that_is_not_installed_is_said_to_be_so():
    assert library_versions({"no_such_library"})["no_such_library"] == MISSING


def test_what_works_beneath_transformers_is_asked_for_by_it():
    """It loads them when a pipeline is made."""
    assert {re.split(r"\W", item)[0] for item in requires("transformers")} >= set(BENEATH["transformers"])


def test_a_library_is_found_by_a_name_that_nobody_wrote_down():
    """PyYAML, yaml to Python, is not among the names known in advance."""
    if "yaml" not in packages_distributions():
        pytest.skip("PyYAML is not installed")
    assert library_versions({"yaml"})["PyYAML"] == version("PyYAML")


def test_nothing_is_imported_to_say_so():
    script = f"""
import sys
from signals.cache.library_versions import library_versions, machine
library_versions({sorted(EVERYTHING.libraries)!r}), machine()
print(sorted({{"torch", "sklearn", "xgboost", "lightgbm", "transformers", "talib", "numba"}} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_machine_says_whether_a_device_can_be_found_as_pytorch_does(tmp_path, monkeypatch):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setattr(versions, "DEVICES", (str(tmp_path / "nvidia0"), str(tmp_path / "kfd")))
    monkeypatch.setattr(versions.platform, "system", lambda: "Linux")
    assert machine() == {"system": "Linux", "machine": platform.machine(), "gpu": "no"}
    Path(tmp_path / "kfd").touch()
    assert machine()["gpu"] == "yes"
    for hidden in ("", "-1"):
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", hidden)
        assert machine()["gpu"] == "no"
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    assert machine()["gpu"] == "yes"


def test_this_machine_agrees_with_pytorch():
    import torch

    if torch.cuda.is_available():
        assert machine()["gpu"] == "yes"
    else:
        assert machine()["gpu"] == "no" or os.environ.get("CUDA_VISIBLE_DEVICES") or torch.version.cuda is None
