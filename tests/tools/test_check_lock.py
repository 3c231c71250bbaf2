"""The lock check: a missing pin, a pin outside its range and a local label are each named."""

import importlib.util
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def lock():
    spec = importlib.util.spec_from_file_location("check_lock", ROOT / "tools" / "check_lock.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def written(lock, tmp_path, text):
    path = tmp_path / "constraints.txt"
    path.write_text(text)
    return lock.pins(path)


def test_the_projects_own_lock_agrees(lock):
    assert lock.problems(lock.wanted(ROOT / "pyproject.toml"), lock.pins(ROOT / "constraints.txt")) == []


def test_what_disagrees_is_named(lock, tmp_path):
    needs = [Requirement("numpy>=2,<3"), Requirement("Ruamel.Yaml>=0.18"), Requirement("torch>=2"), Requirement("rich")]
    pins = written(
        lock, tmp_path, "numpy==1.26  # old\n\nruamel-yaml==0.19.1\ntorch==2.13.0+cpu ; sys_platform == 'linux'\n"
    )
    assert lock.problems(needs, pins) == [
        "numpy==1.26 does not satisfy numpy<3,>=2",
        "rich has no pin",
        'torch==2.13.0+cpu; sys_platform == "linux" has a local label',
    ]


def test_several_pins_of_one_name_are_all_checked(lock, tmp_path):
    pins = written(lock, tmp_path, "numpy==2.4 ; python_version < '3.12'\nnumpy==3.1 ; python_version >= '3.12'\n")
    assert len(lock.problems([Requirement("numpy>=2,<3")], pins)) == 1
