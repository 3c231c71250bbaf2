"""A rule that was edited and run again is another setting; a shipped config is the one that it was."""

import importlib
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import strategies
from engine.ledger import own_code as module
from engine.ledger.ledger import Ledger, run_key
from engine.ledger.own_code import own_code
from engine.ledger.record_run import FinishedRun, record_run
from signals.cache import code_digest

CONFIG = {"strategy": {"kind": "my_own_rule"}, "model": {"kind": "ridge"}}
TEXT = '''"""My rule."""

from strategies._my_helper import SCALE

FAR = {far}  # {comment}
'''


@pytest.fixture
def write(tmp_path):
    """Write the file of the rule, as a later process reads it."""
    strategies.__path__.append(str(tmp_path))  # as check-plugin does for a file from elsewhere
    (tmp_path / "_my_helper.py").write_text("SCALE = 1\n", encoding="utf-8")

    def write(far, comment="", helper=1):
        (tmp_path / "my_own_rule.py").write_text(TEXT.format(far=far, comment=comment), encoding="utf-8")
        (tmp_path / "_my_helper.py").write_text(f"SCALE = {helper}\n", encoding="utf-8")
        forget()

    yield write
    strategies.__path__.remove(str(tmp_path))
    forget()


def forget():
    importlib.invalidate_caches()
    for cached in (code_digest._source, code_digest._spec, code_digest._code_of):
        cached.cache_clear()


def test_an_edit_of_the_rule_or_its_helper_is_other_code(write):
    write(1.0)
    first = own_code(CONFIG)
    assert len(first) == 12
    write(1.0, comment="a comment is no other code")
    assert own_code(CONFIG) == first
    write(2.0)
    second = own_code(CONFIG)
    write(2.0, helper=5)
    third = own_code(CONFIG)
    assert len({first, second, third}) == 3
    write(1.0)
    assert own_code(CONFIG) == first
    assert own_code({**CONFIG, "sweep": {"space": {"strategy.kind": ["threshold", "my_own_rule"]}}}) == first
    assert (
        own_code({"strategy": {"kind": "threshold"}, "sweep": {"space": {"strategy.kind": ["my_own_rule"]}}}) == first
    )


def test_shipped_code_is_none_of_the_users_own(write, monkeypatch):
    write(1.0)
    monkeypatch.setattr(module, "is_checkout", lambda: True)
    monkeypatch.setattr(module, "not_committed", lambda _: [])
    assert own_code({"strategy": {"kind": "threshold"}, "features": [{"kind": "sma"}]}) == ""
    assert own_code({"strategy": {"file": "x.py", "class": "X"}}) == ""


def test_a_changed_shipped_file_and_a_changed_helper_count(monkeypatch):
    folder = Path(strategies.__path__[0])
    monkeypatch.setattr(module, "is_checkout", lambda: True)
    found = []
    for changed in ("threshold.py", "rank.py", "base.py"):
        monkeypatch.setattr(module, "not_committed", lambda _, name=changed: [folder / name])
        found.append(own_code({"strategy": {"kind": "threshold"}}))
    assert found[0]
    assert found[1] == ""  # the config does not use it
    assert found[2]
    assert found[0] != found[2]


def test_outside_a_checkout_every_plugin_that_the_config_names_counts(monkeypatch):
    monkeypatch.setattr(module, "is_checkout", lambda: False)
    threshold = own_code({"strategy": {"kind": "threshold"}})
    assert threshold
    assert threshold != own_code({"strategy": {"kind": "rank"}})


def run_of(market, code):
    sessions = pd.bdate_range("2015-02-02", periods=200)
    return FinishedRun("an id", "a name", market, sessions, np.random.default_rng(3).normal(0, 0.01, 200), code)


def test_each_version_of_the_code_is_a_setting(market_of, folder):
    market = market_of()
    assert record_run(run_of(market, "")).count == 1
    assert record_run(run_of(market, "aaaaaaaaaaaa")).count == 2
    again = record_run(run_of(market, "aaaaaaaaaaaa"))
    assert (again.count, again.is_new) == (2, False)
    third = record_run(run_of(market, "bbbbbbbbbbbb"))
    assert (third.count, third.is_new) == (3, True)
    lines = [json.loads(line) for line in (folder / "ledger.jsonl").read_text(encoding="utf-8").splitlines()]
    codes = [line.get("code") for line in lines if line["kind"] == "run"]
    assert codes == [None, "aaaaaaaaaaaa", "aaaaaaaaaaaa", "bbbbbbbbbbbb"]
    assert not Ledger().faults()


def test_the_key_of_a_setting_without_own_code_is_that_of_earlier_versions():
    assert run_key("an id") == run_key("an id", "")
    assert run_key("an id") != run_key("an id", "aaaaaaaaaaaa")
