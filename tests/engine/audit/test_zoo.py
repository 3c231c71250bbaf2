"""The battery's own exam: every planted leak is caught, and no honest pipeline is flagged."""

import re
from pathlib import Path

import pytest
import zoo

from core.digests import digest
from engine.audit.battery import audit
from engine.audit.traced_pipeline import Subject
from engine.config.run_config import RunConfig
from signals.leaks import pipeline_trace
from signals.leaks.each_bar import each_bar

HERE = Path(__file__).parent

README = HERE.parents[2] / "README.md"
BASE = {
    "seed": 3,
    "data": {"source": {"kind": "sample", "symbols": ["nasdaq"]}},
    "features": [{"kind": "sma", "window": 10}, {"kind": "lagged_return", "lags": [0, 1]}],
    "model": {"kind": "ridge"},
    "walk_forward": zoo.WALK,
    "strategy": {"kind": "threshold"},
    "measures": {"intervals": {"reps": 0}},
}


def audited(planted, full=False):
    values = {key: item for key, item in {**BASE, **planted.changes}.items() if item is not None}
    if values["model"]["kind"] == "sma_cross":
        del values["walk_forward"]
    if any(each["kind"] == "sentiment" for each in values.get("features", ())):
        news = HERE.parents[2] / "configs" / "data" / "news.csv"
        values["data"] = {**values["data"], "news": {"file": str(news)}}  # the market brings its own
    config = RunConfig.parse(values)
    return audit(config, planted.market or zoo.market_of(), full=full, extra=planted.extra)


def some_quick(names):
    """One name in twenty is tried at every change, the others with the slow tests: each audits a whole pipeline."""
    return [pytest.param(name, marks=() if at % 20 == 0 else pytest.mark.slow) for at, name in enumerate(names)]


@pytest.mark.parametrize("name", some_quick(zoo.LEAKS))
def test_a_planted_leak_is_caught(name, monkeypatch):
    found = audited(zoo.LEAKS[name](monkeypatch))
    assert found.leaks, found.dump()
    assert found.verdict.startswith("LEAK: ")
    moved = [check.moved for check in found.leaks if check.number in ("L1", "L2", "L11")]
    assert all(each.stage and each.row and each.rows > 0 and each.cut for each in moved)


@pytest.mark.parametrize("name", some_quick(zoo.SPARSE))
def test_a_leak_on_a_few_bars_is_caught_by_the_test_of_each_bar(name, monkeypatch):
    planted = zoo.SPARSE[name](monkeypatch)
    market = planted.market or zoo.market_of()
    subject = Subject.of(RunConfig.parse({**BASE, **planted.changes}), market, planted.extra)
    check = each_bar(market, subject.spec, full=False, seed=3)
    assert check.status == "leak"
    assert check.moved.rows < 0.2 * check.runs


@pytest.mark.parametrize("name", some_quick(zoo.CLEAN))
def test_an_honest_pipeline_is_not_flagged(name):
    found = audited(zoo.CLEAN[name])
    assert [check for check in found.checks if check.status == "leak"] == []
    assert found.verdict == "no leak found (quick battery)"
    assert {check.number for check in found.checks} == {"L1", "L2", "L3", "L10", "L11"}
    assert all(check.runs for check in found.checks if check.status != "skipped")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["ridge", "lightgbm", "a rule"])
def test_nor_by_the_whole_battery(name):
    found = audited(zoo.CLEAN[name], full=True)
    assert found.leaks == ()
    assert [check.number for check in found.checks] == [f"L{number}" for number in range(1, 12)]
    if name != "a rule":
        assert {check.status for check in found.checks} <= {"clean", "suspicious"}


@pytest.mark.slow
def test_a_comparison_that_sees_nothing_fails_the_exam(monkeypatch):
    """Were the comparison blind, the battery would say so itself: it cannot catch the oracle."""
    monkeypatch.setattr(pipeline_trace, "_difference", lambda *given: None)
    found = audited(zoo.CLEAN["ridge"], full=True)
    assert [check.number for check in found.leaks] == ["L8"]


def test_the_counts_in_the_readme_are_those_of_the_zoo():
    sentence = r"(\d+) planted leaks, all caught; (\d+) honest\s+pipelines, none\s+flagged"
    [(leaks, clean)] = re.findall(sentence, README.read_text(encoding="utf-8"))
    assert (int(leaks), int(clean)) == (len(zoo.LEAKS), len(zoo.CLEAN))


@pytest.mark.slow
def test_an_audit_is_deterministic():
    one, two = (digest(audited(zoo.CLEAN["lightgbm"]).dump()) for _ in range(2))
    assert one == two
