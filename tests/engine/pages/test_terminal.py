"""The terminal: a summary that fits, and progress that stays out of the way."""

import io
from pathlib import Path

import pytest
from rich.console import Console

from core.number_format import format_4sig, money, percent, title
from core.progress import Progress
from engine.pages.progress import reporting
from engine.pages.terminal import show
from engine.results.metrics_json import metrics
from risk.measure_set import MeasuresSpec


@pytest.fixture(scope="module")
def found(make_outcome):
    return metrics(make_outcome())


def printed(found, width, folder=Path("runs/walk-0123456789ab"), note=""):
    console = Console(file=io.StringIO(), width=width, highlight=False)
    show(found, folder, note, console)
    return console.file.getvalue()


@pytest.mark.parametrize("width", [80, 120])
def test_no_line_is_wider_than_the_terminal(found, width):
    assert max(len(line) for line in printed(found, width).splitlines()) <= width


@pytest.mark.parametrize("trains", [True, False])
def test_the_summary_is_plain_ascii_when_piped(make_outcome, trains):
    text = printed(metrics(make_outcome(trains=trains)), 80)
    assert text.isascii()
    assert "\x1b" not in text


def test_it_holds_verdict_spans_measures_costs_and_orders(found):
    text = " ".join(printed(found, 80).split())
    for number in (
        percent(found["measures"]["strategy"]["total_return"]["value"]),
        percent(found["measures"]["benchmark"]["total_return"]["value"]),
        percent(found["measures"]["benchmark_at_exposure"]["total_return"]["value"]),
        percent(found["measures"]["strategy"]["value_at_risk_95"]["value"]),
        percent(found["exposure"]["gross_mean"]["value"]),
        percent(found["forecasts"]["overall"]["model"]["hit_rate"]),
        money(found["costs"]["total"]["value"]),
        money(found["final_equity"]),
        f"{found['orders']['asked']} requested",
        "Value at risk 95 %, n = 399",
        "no evidence of skill",
        "2 folds",
        f"{found['span']['first_session']} to {found['span']['last_session']}",
        "always long",
    ):
        assert number in text, number


def test_the_intervals_of_sharpe_ratio_and_growth_stand_below_the_figures(found):
    strategy = found["measures"]["strategy"]
    sharpe, cagr = strategy["sharpe"]["interval"], strategy["cagr"]["interval"]
    expected = f"95 % intervals: Sharpe {format_4sig(sharpe['low'])} to {format_4sig(sharpe['high'])}"
    expected += f", CAGR {percent(cagr['low'])} to {percent(cagr['high'])}"
    assert expected in printed(found, 80).splitlines()


def test_a_measure_without_an_interval_is_left_out(make_outcome):
    short = metrics(make_outcome(bars=200))  # less than a year: no yearly growth
    (line,) = (line for line in printed(short, 80).splitlines() if "intervals" in line)
    assert "Sharpe" in line
    assert "CAGR" not in line


def test_switched_off_intervals_leave_no_line(make_outcome):
    spec = MeasuresSpec.parse({"intervals": {"reps": 0}})
    assert "interval" not in printed(metrics(make_outcome(bars=200, measures=spec)), 80)


def test_only_the_headline_measures_stand_in_it(found):
    table = printed(found, 120).split("daily returns  ")[1].split("95 % intervals")[0]
    others = [title(name) for name in found["measures"]["strategy"] if name not in found["headline"]]
    assert len(others) > 20
    assert not [label for label in others if f"\n{label}  " in table]


def test_orders_that_were_not_filled_are_counted_with_their_reasons(found):
    statuses = {"completed": 5, "rejected": 2, "pending": 1}
    reasons = {"not enough cash at the fill": 2, "no later bar of X": 1}
    orders = {**found["orders"], "asked": 8, "by_status": statuses, "by_reason": reasons}
    text = " ".join(printed({**found, "orders": orders}, 120).split())
    assert "8 requested, 5 filled, 3 not filled" in text
    assert "2 x not enough cash at the fill" in text
    assert "1 x no later bar of X" in text


def test_files_are_named_where_they_exist(found, tmp_path):
    (tmp_path / "report.html").touch()
    text = printed(found, 80, tmp_path, "the same result as before")
    assert f"report      {tmp_path / 'report.html'}" in text
    assert "tearsheet.html" not in text
    assert "the same result as before" in text


def test_a_model_that_does_not_train_shows_no_forecasts(make_outcome):
    text = printed(metrics(make_outcome(trains=False)), 80)
    assert "no training" in text
    assert "forecasts" not in text


def test_piped_progress_is_ten_lines_of_the_folds_alone():
    stream = io.StringIO()
    with reporting(quiet=False, stream=stream) as on_progress:
        for done in range(1, 31):
            on_progress(Progress("lstm", done % 7, 7))
            on_progress(Progress("folds", done, 30))
    lines = stream.getvalue().splitlines()
    assert len(lines) == 10
    assert lines[-1] == "folds 30 of 30"


def test_quiet_progress_says_nothing():
    stream = io.StringIO()
    with reporting(quiet=True, stream=stream) as on_progress:
        on_progress(Progress("folds", 1, 1))
    assert stream.getvalue() == ""


def test_bars_on_a_terminal_come_and_go():
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    stream = Terminal()
    with reporting(quiet=False, stream=stream) as on_progress:
        on_progress(Progress("folds", 0, 2))
        on_progress(Progress("lstm", 1, 3, "val loss 0.1"))
        on_progress(Progress("lstm", 3, 3))
        on_progress(Progress("folds", 2, 2))
    assert "folds" in stream.getvalue()


def test_few_returns_are_flagged_in_the_summary(make_outcome):
    text = printed(metrics(make_outcome(bars=45)), 200)
    assert "Volatility, Sharpe, Sortino: fewer than 30 returns" in text
    assert "fewer than" not in printed(metrics(make_outcome(bars=200)), 200)


def test_the_returns_have_the_name_of_their_period(make_outcome):
    numbers = {**metrics(make_outcome(bars=100)), "period": "week"}
    text = printed(numbers, 120)
    assert "79 weekly returns, " in text
    assert "weekly returns   " in text
    assert "daily" not in text
