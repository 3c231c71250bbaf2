"""A library that cannot be loaded is one line with its remedy."""

import sys
from types import ModuleType

import numpy
import pytest

from core.errors import ModelError
from signals.models._native_imports import native


def test_what_loads_is_the_module_itself():
    assert native("numpy") is numpy


def test_a_missing_library_names_the_install_command():
    with pytest.raises(ModelError, match=r"no_such_library cannot be imported .*run `make install`"):
        native("no_such_library")


@pytest.mark.parametrize(("platform", "remedy"), [("darwin", "brew install libomp"), ("linux", "libgomp")])
def test_a_missing_openmp_runtime_is_named(platform, remedy, monkeypatch, tmp_path):
    (tmp_path / "half_loaded.py").write_text(
        "raise OSError('dlopen: Library not loaded: @rpath/libomp.dylib\\nmore')\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "platform", platform)
    with pytest.raises(ModelError, match=remedy) as caught:
        native("half_loaded")
    assert "libomp.dylib" in caught.value.line
    assert "\n" not in caught.value.line
    assert not isinstance(sys.modules.get("half_loaded"), ModuleType)
