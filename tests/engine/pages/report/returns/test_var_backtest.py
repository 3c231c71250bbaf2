"""The report's section on the exam of value at risk, against the exam itself."""

import dataclasses

import numpy as np
import pytest

from engine.pages.report.returns.var_backtest import RESULTS, forecast_panel, section
from engine.results.metrics_json import metrics
from risk.measure_set import MeasuresSpec
from risk.var.var_backtest import VarBacktestSpec, run_var_backtest


@pytest.fixture(scope="module")
def outcome(make_outcome):
    block = {"intervals": {"reps": 0}, "var_methods": ["gaussian"], "exam": {"methods": ["historical", "ewma"]}}
    return make_outcome(bars=900, name="walk & co", measures=MeasuresSpec.parse(block))


@pytest.fixture(scope="module")
def page(outcome):
    return section(outcome).html


def drawn(returns, spec=None):
    exam = run_var_backtest(returns, spec or VarBacktestSpec(), [0.95])
    return exam, forecast_panel(exam)


def walk(n, seed=1):
    return np.random.default_rng(seed).normal(0.0, 0.01, n)


def test_each_paper_is_a_row_for_the_strategy_and_for_the_benchmark(outcome, page, tables):
    found = tables(page)
    assert len(found) == 2
    for table, column in zip(found, ("strategy", "benchmark"), strict=True):
        papers = outcome.exams[column].results
        assert len(papers) == 4
        assert [row[:4] for row in table[1:]] == [
            [
                f"{'Historical' if paper.method == 'historical' else 'EWMA'} {100 * paper.level:.0f} %",
                str(paper.n),
                str(paper.hits),
                f"{paper.expected:.1f}",
            ]
            for paper in papers
        ]
        assert [row[-1] for row in table[1:]] == [
            ", ".join(RESULTS[phrase] for phrase in paper.verdict.split(", ")) for paper in papers
        ]


def test_names_are_escaped_and_the_picture_says_what_it_shows(outcome, page):
    paper = outcome.exams["strategy"].results[0]
    start = "Daily returns of walk &amp; co and the value at risk forecast for each day"
    wanted = f"{start}: Historical {paper.hits} exceedances"
    assert wanted in page
    assert "walk & co" not in page
    assert page.count("<svg") == 1


def test_metrics_hold_the_exam_of_both(outcome):
    found = metrics(outcome)["var_exam"]
    assert {column: len(exam["papers"]) for column, exam in found.items()} == {"strategy": 4, "benchmark": 4}
    assert found["benchmark"]["papers"][0]["hits"] == outcome.exams["benchmark"].results[0].hits


def test_a_run_that_is_too_short_says_so_and_has_no_picture(make_outcome):
    outcome = make_outcome()
    page = section(outcome).html
    assert (
        page.count(f"No backtest: needs 500 or more returns, 250 of them after the window; has {len(outcome.daily)}.")
        == 2
    )
    assert "Three tests" not in page
    assert "<svg" not in page
    assert "<table" not in page


def test_remarks_name_the_forecasts_they_are_about(outcome):
    returns = np.concatenate([walk(400), np.zeros(300), walk(len(outcome.daily) - 700, 2)])
    exam = run_var_backtest(returns, VarBacktestSpec(methods=("historical",)), [0.95])
    idle = dataclasses.replace(outcome, exams=dict.fromkeys(outcome.exams, exam))
    assert f"X: Historical 95 %: {exam.results[0].flags[0]}." in section(idle).html


def test_the_dots_are_the_hits_of_the_first_line():
    exam, panel = drawn(walk(900))
    (dots,) = panel.marks
    assert dots.label == "Exceedances of Historical 95 %"
    hit = exam.returns < exam.forecasts.var["historical", 0.95]
    np.testing.assert_array_equal(dots.rows, np.flatnonzero(hit))
    np.testing.assert_array_equal(dots.heights, exam.returns[hit])
    assert len(dots.rows) == exam.results[0].hits


def test_other_forecasts_leave_the_lines_out():
    _, panel = drawn(walk(900), VarBacktestSpec(methods=("gaussian",)))
    assert [line.label for line in panel.lines] == ["Return"]
    assert panel.marks == ()
