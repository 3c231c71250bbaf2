"""Measures asked for with `measures.extra` stand wherever the headline ones do."""

import io

import pytest
from rich.console import Console

from core.plugins import kinds
from engine.pages.report import write_report
from engine.pages.tearsheet.write import TearsheetInput, write_tearsheet
from engine.pages.terminal import show
from engine.results.metrics_json import metrics
from risk.measure_set import MeasuresSpec

BESIDES = sorted(set(kinds("risk.measures")) - {item.kind for item in MeasuresSpec().measures})
NAMES = {
    "skew": "Skew",
    "kurtosis": "Kurtosis",
    "omega": "Omega",
    "tail_ratio_95": "Tail ratio 95 %",
    "hit_rate": "Hit rate",
    "ulcer_index": "Ulcer index",
}


@pytest.fixture(scope="module")
def outcome(make_outcome):
    return make_outcome(measures=MeasuresSpec.parse({"extra": [{"kind": kind} for kind in BESIDES]}))


def heads(tables, page):
    return {row[0] for table in tables(page) for row in table}


def test_they_are_in_the_metrics_of_every_column(outcome):
    for column in metrics(outcome)["measures"].values():
        assert set(NAMES) <= set(column)
        assert all(column[name]["formula"] for name in NAMES)


def test_they_are_in_the_summary(outcome, tmp_path):
    console = Console(file=io.StringIO(), width=100, highlight=False)
    show(metrics(outcome), tmp_path, console=console)
    lines = console.file.getvalue().splitlines()
    assert all(any(line.startswith(name) for line in lines) for name in NAMES.values())


@pytest.mark.slow
def test_they_are_in_the_report(outcome, tables, tmp_path):
    page = write_report(outcome, tmp_path / "report.html").read_text(encoding="utf-8")
    assert set(NAMES.values()) <= heads(tables, page)


@pytest.mark.slow
def test_they_are_in_the_tearsheet(outcome, tables, tmp_path):
    page = write_tearsheet(TearsheetInput.of(outcome), tmp_path / "tearsheet.html").read_text(encoding="utf-8")
    assert set(NAMES.values()) <= heads(tables, page)
