"""The exam of an account in a plain Cerebro, against returns counted apart."""

import json

import numpy as np
import pytest

from core.errors import ConfigError
from risk.bt_adapter import ValueAtRisk, VarExam
from risk.var.var_backtest import VarBacktestSpec, run_var_backtest

CLOSES = 100.0 * np.cumprod(1 + np.random.default_rng(3).normal(0.0, 0.02, 700))
ROWS = [(close, close * 1.01, close * 0.99, close) for close in CLOSES]


def analysed(play, rows=ROWS, side="buy", **parameters):
    run = play(rows, script={0: lambda strategy: getattr(strategy, side)(size=90)}, analyzers=[(VarExam, parameters)])
    return run.analyzers[0].get_analysis()


def account():
    """Bought at the second open, which is the second close."""
    values = np.concatenate([[10_000.0, 10_000.0], 10_000.0 + 90 * (CLOSES[1:] - CLOSES[1])])
    return values[1:] / values[:-1] - 1


def test_it_is_the_exam_of_the_accounts_returns(play):
    analysis = analysed(play)
    expected = run_var_backtest(account(), VarBacktestSpec(), (0.95, 0.99)).dump()
    assert len(analysis["papers"]) == 8
    for result, reference in zip(analysis["papers"], expected["papers"], strict=True):
        assert (result["method"], result["level"], result["n"], result["hits"], result["verdict"]) == (
            reference["method"],
            reference["level"],
            450,
            reference["hits"],
            reference["verdict"],
        )
        assert result["z2"]["statistic"] == pytest.approx(reference["z2"]["statistic"], rel=1e-6)
    json.dumps(analysis, allow_nan=False)


def test_parameters_say_what_is_examined(play):
    analysis = analysed(play, levels=[0.9], window=100, methods=["ewma"])
    assert (analysis["window"], analysis["reason"]) == (100, "")
    assert [(result["method"], result["level"], result["n"]) for result in analysis["papers"]] == [("ewma", 0.9, 600)]


def test_a_short_run_gives_a_reason(play):
    analysis = analysed(play, rows=ROWS[:300])
    assert (analysis["papers"], analysis["reason"]) == (
        [],
        "needs 500 or more returns, 250 of them after the window; has 300",
    )


def test_a_ruined_account_gives_a_reason(play):
    rows = [(100.0, 101.0, 99.0, 100.0)] * 2 + [(300.0, 301.0, 299.0, 300.0)] * 30
    analysis = analysed(play, rows=rows, side="sell")
    assert (analysis["papers"], analysis["reason"]) == ([], "the account was worth nothing on 2020-01-08")


def test_it_stands_beside_other_analyzers(play):
    run = play(ROWS, analyzers=[(ValueAtRisk, {}), (VarExam, {})])
    var, exam = (analyzer.get_analysis() for analyzer in run.analyzers)
    assert var["value"] == 0.0  # never invested
    assert (exam["papers"], exam["reason"]) == ([], "there was never a risk of loss to forecast")


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"levels": (95,)}, "level is 95; it must lie between 0.5 and 1"),
        ({"methods": ("magic",)}, "VarExam: methods.0='magic': Input should be 'historical'"),
        ({"window": 20}, "VarExam: window=20: Input should be greater than or equal to 100"),
        ({"levels": (0.999,)}, "a window of 250 returns has none in the tail at 0.999; take 1000 or more"),
    ],
)
def test_wrong_parameters_are_refused_before_the_first_bar(play, parameters, message):
    with pytest.raises(ConfigError, match=message):
        analysed(play, rows=ROWS[:5], **parameters)
