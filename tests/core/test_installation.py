"""Hints name the way that is right for how the program was installed."""

import json
from importlib import metadata
from types import SimpleNamespace

import pytest

from core import errors
from core.errors import install_hint


def test_a_checkout_is_told_of_make():
    assert install_hint("cluster") == f"run `make install` in {errors.ROOT}"


@pytest.fixture
def installed(monkeypatch, tmp_path):
    """Pretend that the program was installed with this record of pip."""
    monkeypatch.setattr(errors, "ROOT", tmp_path)

    def install(record):
        monkeypatch.setattr(metadata, "distribution", lambda name: SimpleNamespace(read_text=lambda file: record))

    return install


def test_a_wheel_is_named_by_its_address(installed):
    installed(json.dumps({"url": "file:///opt/w.whl", "archive_info": {}}))
    assert install_hint("text") == "run `pip install 'backtrader-ml[text] @ file:///opt/w.whl'`"


@pytest.mark.parametrize("record", [None, "", "{", "{}", "[]"])
def test_without_a_record_no_bare_name_is_given_to_an_installer(installed, record):
    installed(record)
    assert "with the extra: `pip install 'FILE_OR_FOLDER[text]'`" in install_hint("text")


def test_a_missing_distribution_is_no_error(installed, monkeypatch):
    installed(None)

    def missing(name):
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "distribution", missing)
    assert "FILE_OR_FOLDER[talib]" in install_hint("talib")
