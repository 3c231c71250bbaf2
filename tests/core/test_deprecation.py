"""Old names of plug-in contracts still work, and each warns with its new name."""

import importlib

import pytest

from core.deprecation import deprecated_names
from core.plugins import FAMILIES
from core.progress import ProgressCallback, no_progress

NEWER = {"marketdata.layouts"}
"""Families that began after the old name."""


@pytest.mark.parametrize("family", sorted({*FAMILIES.values()} - NEWER))
def test_the_old_module_of_a_familys_contract_gives_the_new_ones_names(family):
    old = importlib.import_module(f"{family}._base")
    new = importlib.import_module(f"{family}.base")
    name = next(name for name, item in vars(new).items() if getattr(item, "__module__", "") == new.__name__)
    with pytest.warns(
        DeprecationWarning, match=rf"{family}\._base\.{name} is deprecated since 0\.2: use {family}\.base"
    ):
        assert getattr(old, name) is getattr(new, name)


@pytest.mark.parametrize(("old", "new"), [("Report", ProgressCallback), ("silent", no_progress)])
def test_old_names_of_progress_work(old, new):
    progress = importlib.import_module("core.progress")
    with pytest.warns(DeprecationWarning, match=rf"core\.progress\.{old} is deprecated"):
        assert getattr(progress, old) is new


def test_a_name_that_never_was_is_an_attribute_error():
    with pytest.raises(AttributeError, match=r"module 'core\.progress' has no attribute 'nothing'"):
        deprecated_names("core.progress", {"silent": "no_progress"}, since="0.2")("nothing")


@pytest.mark.parametrize(
    ("old", "name", "new"),
    [
        ("engine.bt_feed", "SignalFeed", "engine.backtest.bt.feed"),
        ("engine.compiled_engine", "batch", "engine.backtest.compiled"),
        ("risk.limits", "LimitsSpec", "risk.account_limits"),
        ("risk.measures._returns", "checked_returns", "risk.returns"),
        ("risk.var_tests", "kupiec", "risk.var.tests"),
        ("signals.rolling", "shifted", "signals.rolling_windows"),
    ],
)
def test_modules_of_the_documented_interface_are_found_under_their_old_names(old, name, new):
    importlib.import_module(old.partition(".")[0])
    with pytest.warns(DeprecationWarning, match=f"use {new}.{name}"):
        assert getattr(importlib.import_module(old), name) is getattr(importlib.import_module(new), name)


def test_a_config_is_loaded_under_its_old_name():
    import engine.config
    from engine.sweep.load_config import load

    with pytest.warns(DeprecationWarning, match="use engine.sweep.load_config.load"):
        assert engine.config.load is load
