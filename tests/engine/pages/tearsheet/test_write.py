"""The tear-sheet: what it refuses, what it says, what it draws."""

import re
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from core.errors import DataError
from core.number_format import format_4sig, percent
from engine.pages.tearsheet.charts import (
    compounded,
    draw_distribution,
    draw_quantiles,
    draw_yearly,
    log_ticks,
    monthly_table,
    rolling_beta,
    yearly,
)
from engine.pages.tearsheet.sheet_input import TearsheetInput
from engine.pages.tearsheet.write import background, problem, write_tearsheet


@pytest.fixture(scope="module")
def outcome(make_outcome):
    return make_outcome(bars=820)


@pytest.fixture(scope="module")
def page(outcome, tmp_path_factory):
    path = tmp_path_factory.mktemp("sheet") / "tearsheet.html"
    return write_tearsheet(TearsheetInput.of(outcome), path).read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def rows(page, tables):
    """Every row of every table by its first cell; the first of a name wins."""
    found = {}
    for table in tables(page):
        for row in table:
            found.setdefault(row[0], row[1:])
    return found


def daily(values):
    index = pd.bdate_range("2024-01-01", periods=len(values), name="session")
    return pd.DataFrame({"strategy": values, "benchmark": 0.001, "benchmark_at_exposure": 0.0001}, index=index)


GOOD = np.tile([0.01, -0.01], 20)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (GOOD[:21], "21 returns are fewer than 22; run it over a longer span"),
        (np.where(np.arange(40) == 2, np.nan, GOOD), "strategy return of 2024-01-03 is nan; it must be finite"),
        (np.where(np.arange(40) == 2, np.inf, GOOD), "strategy return of 2024-01-03 is inf"),
        (np.where(np.arange(40) == 2, -1.2, GOOD), "strategy return of 2024-01-03 is -1.2; .* at least -1"),
        (np.where(np.arange(40) == 2, 1.5, 0.0), "never negative and reach 1.5; quantstats takes such for prices"),
    ],
)
def test_returns_that_quantstats_reads_wrongly_are_refused(outcome, tmp_path, values, message):
    sheet = replace(TearsheetInput.of(outcome), daily=daily(values))
    with pytest.raises(DataError, match=f"no tear-sheet of walk: .*{message}"):
        write_tearsheet(sheet, tmp_path / "t.html")
    assert not (tmp_path / "t.html").exists()


def test_returns_that_it_reads_rightly_pass():
    assert problem(daily(GOOD)) == ""
    assert problem(daily(np.where(np.arange(40) == 2, 1.5, -0.001))) == ""


def test_nothing_is_fetched(page):
    assert not re.search(r"https?:|//[a-z]|@import|url\((?!#)", page)
    assert not re.search(r"<(img|link|iframe|object|embed|script[^>]+src)\b", page)
    assert "favicon" not in page


def test_every_picture_has_a_text(page):
    pictures = re.findall(r"<svg\b[^>]*>", page)
    assert len(pictures) == 13
    assert all(re.search(r'role="img" aria-label="[^"]{20,}"', picture) for picture in pictures)
    assert page.count("<svg") == page.count("<title>") - 1


def test_the_page_is_smaller_than_half_of_the_stock_one(page):
    assert len(page) < 800_000


def test_our_figures_stand_beside_those_of_quantstats(rows, outcome):
    returns = outcome.daily["strategy"]
    total = percent((1 + returns).prod() - 1)
    assert rows["Total return"][0] == rows["Total return"][3] == total
    sharpe = format_4sig(returns.mean() / returns.std() * np.sqrt(260))
    assert rows["Sharpe"][0] == rows["Sharpe"][3] == sharpe
    assert rows["Value at risk 95 %"][0] == percent(np.percentile(returns, 5))
    gaussian = returns.mean() - 1.6448536269514722 * returns.std()
    assert rows["Value at risk 95 %"][3] == percent(gaussian)
    tail = returns[returns <= np.percentile(returns, 5)].mean()
    assert rows["Expected shortfall 95 %"][0] == percent(tail)
    assert rows["Average gross exposure"][0] == percent(outcome.result.equity["gross_exposure"].mean())


def test_the_page_says_why_they_differ_and_how_it_compares(page, outcome):
    share = percent(outcome.exposure.gross_mean)
    assert f"X at {share}" in page
    assert f"was {share} invested on average" in page
    assert "399 sessions" not in page
    assert f"{len(outcome.daily)} daily returns" in page
    assert "260 sessions a year" in page


def test_where_quantstats_says_otherwise_it_is_told_by_how_much_and_why(page, outcome, tables):
    table = next(table for table in tables(page) if table[0][-1] == "reason")
    found = {row[0]: row[1:] for row in table[1:]}
    returns, ours = outcome.daily["strategy"], {item.name: item.value for item in outcome.further["strategy"]["Trades"]}
    gains, losses = returns[returns > 0].sum(), -returns[returns < 0].sum()
    assert found["Profit factor"][:2] == [format_4sig(ours["profit_factor"]), format_4sig(gains / losses)]
    assert found["Profit factor"][2] == f"+{format_4sig(gains / losses - ours['profit_factor'])}"
    assert "sessions; ours those of closed trades" in found["Profit factor"][3]
    active = returns - outcome.daily["benchmark"]
    assert found["Information ratio"][1] == format_4sig(active.mean() / active.std())
    assert found["Information ratio"][0] == format_4sig(active.mean() / active.std() * np.sqrt(260))
    assert "assumes normal returns" in found["Value at risk 95 %"][3]
    assert all(all(cells) for cells in found.values())
    assert set(found).isdisjoint({"Sharpe", "Calmar", "Skew", "Kurtosis", "Omega", "Beta", "Max drawdown"})
    assert "Equal in all digits shown: Total return, CAGR, Volatility, Sharpe" in page


def test_the_key_figures_are_the_returns_own(rows, outcome):
    returns = outcome.daily["strategy"]
    month = (1 + returns).groupby([returns.index.year, returns.index.month]).prod() - 1
    assert rows["Best month"][0] == percent(month.max())
    assert rows["Winning months"][0] == percent((month > 0).mean())
    assert rows["Worst day"][1] == percent(outcome.daily["benchmark"].min())
    wealth = (1 + returns).cumprod()
    assert rows["Max drawdown"][0] == percent((wealth / wealth.cummax().clip(lower=1) - 1).min())
    assert rows["Correlation"][0] == format_4sig(np.corrcoef(returns, outcome.daily["benchmark"])[0, 1])


def test_yearly_returns_stand_at_their_years(rows, outcome):
    for year, returns in outcome.daily.groupby(outcome.daily.index.year):
        assert rows[str(year)][:13].count("") < 13  # the monthly table comes first
        table = (1 + returns).prod() - 1
        assert yearly(outcome.daily).loc[year].to_numpy() == pytest.approx(table.to_numpy(), rel=1e-12)


def test_the_yearly_bars_stand_at_their_ticks():
    years = pd.DataFrame({"strategy": [0.1, -0.2, 0.3], "benchmark": [0.2, 0.1, -0.1]}, index=[2001, 2002, 2003])
    axis = draw_yearly(years).axes[0]
    ticks = dict(zip([label.get_text() for label in axis.get_xticklabels()], axis.get_xticks(), strict=True))
    assert list(ticks) == ["2001", "2002", "2003"]
    for bars, side, column in zip(axis.containers, (-1, 1), years, strict=True):
        for bar, (year, value) in zip(bars, years[column].items(), strict=True):
            assert bar.get_height() == value
            centre = bar.get_x() + bar.get_width() / 2
            assert 0 < side * (centre - ticks[str(year)]) < 0.5


def test_many_years_keep_every_bar_and_readable_ticks():
    years = pd.DataFrame({"a": np.ones(60), "b": np.ones(60)}, index=range(1960, 2020))
    axis = draw_yearly(years).axes[0]
    assert len(axis.patches) == 120
    assert len(axis.get_xticks()) <= 12


def test_periods_are_compounded_once_each_also_when_they_end_on_a_weekend():
    index = pd.bdate_range("2023-09-01", "2023-12-29")  # September and December end on a Saturday and a Sunday
    returns = pd.Series(0.01, index=index)
    months = compounded(returns, "ME")
    assert months.tolist() == pytest.approx([1.01**n - 1 for n in (21, 22, 22, 21)])
    axis = draw_quantiles(returns, "day").axes[0]
    names = [label.get_text() for label in axis.get_xticklabels()]
    assert names == ["Daily (86)", "Weekly (18)", "Monthly (4)", "Quarterly (2)", "Yearly (1)"]


def test_months_outside_the_run_are_empty_not_zero():
    returns = pd.Series([0.1, 0.0], index=pd.to_datetime(["2023-11-30", "2024-02-01"]))
    found = monthly_table(returns)
    assert found.loc[2023, 11] == pytest.approx(0.1)
    assert found.loc[2024, 2] == 0.0
    assert int(found.isna().sum().sum()) == 22


def test_the_rolling_beta_begins_with_the_first_full_window():
    rng = np.random.default_rng(1)
    benchmark = pd.Series(rng.normal(size=50), index=pd.bdate_range("2024-01-01", periods=50))
    found = rolling_beta(0.3 * benchmark, benchmark, 20)
    assert len(found) == 31
    assert found.to_numpy() == pytest.approx(0.3)


def test_the_distribution_is_of_shares():
    sample = pd.Series([0.0, 0.01, 0.02, 0.03])
    axis = draw_distribution({"a": sample, "b": sample}).axes[0]
    outline = next(patch for patch in axis.patches if patch.get_label() == "a")
    assert outline.get_data().values.sum() == pytest.approx(1.0)


@pytest.mark.parametrize(("low", "high"), [(0.95, 1.2), (0.5, 80.0), (1e-9, 2.0)])
def test_log_ticks_lie_inside(low, high):
    ticks = log_ticks(low, high)
    assert 2 <= len(ticks) <= 25
    assert all(low <= tick <= high for tick in ticks)


def test_a_drawdown_that_lasts_has_not_recovered(page, tables):
    table = next(table for table in tables(page) if table[0][0] == "Started")
    assert len(table) <= 11
    assert all(row[1] == "not yet" or row[1] > row[0] for row in table[1:])


def test_names_are_escaped(make_outcome, tmp_path):
    run = make_outcome(bars=100, symbol="S&P <500> $a$")
    page = write_tearsheet(TearsheetInput.of(run), tmp_path / "t.html").read_text(encoding="utf-8")
    assert "S&amp;P &lt;500&gt; $a$" in page
    assert "<500>" not in page


def test_a_short_flat_run_says_what_is_missing(make_outcome, tmp_path):
    run = make_outcome(bars=60)
    flat = replace(TearsheetInput.of(run), daily=run.daily.assign(strategy=0.0))
    page = write_tearsheet(flat, tmp_path / "t.html").read_text(encoding="utf-8")
    assert "No rolling figures: they need more than 126 returns, there are 39." in page
    assert "No chart at equal volatility" in page
    assert not re.search(r">[^<]*\b(nan|inf|None)\b", page)


def test_another_calendar_and_a_risk_free_rate(make_outcome, tmp_path, tables):
    run = make_outcome(bars=420)
    sheet = replace(TearsheetInput.of(run), periods_per_year=52.18, risk_free=0.02)
    page = write_tearsheet(sheet, tmp_path / "t.html").read_text(encoding="utf-8")
    assert "52.18 sessions a year" in page
    assert "quantstats takes 52 sessions a year, a whole number" in page


def test_the_period_of_the_returns_is_in_every_label(make_outcome, tmp_path):
    sheet = replace(TearsheetInput.of(make_outcome(bars=420)), period="week")
    page = write_tearsheet(sheet, tmp_path / "t.html").read_text(encoding="utf-8")
    words = re.sub(r"<(style|script|svg).*?</\1>|<[^>]+>", " ", page, flags=re.DOTALL)
    labels = ("399 weekly returns", "Weekly returns", "Best week", "Weekly VaR 95 %")
    assert [label for label in labels if label not in words] == []
    assert not re.findall(r"(?i)\b(days?|daily)\b", words)


def test_few_returns_are_flagged(make_outcome, tmp_path):
    sheet = TearsheetInput.of(make_outcome(bars=46))
    page = write_tearsheet(sheet, tmp_path / "t.html").read_text(encoding="utf-8")
    assert len(sheet.daily) < 30
    assert "Ratios and annual figures of walk: fewer than 30 returns." in page
    assert re.search(r"Sharpe[^<]*: fewer than 30 returns\.", page)


def test_the_page_is_written_in_another_process(outcome, tmp_path, page):
    with background() as submit:
        written = submit(TearsheetInput.of(outcome), tmp_path / "t.html").result(timeout=120)
    assert written.read_text(encoding="utf-8") == page


def test_an_error_in_the_other_process_arrives_as_it_is(outcome, tmp_path):
    with background() as submit:
        future = submit(replace(TearsheetInput.of(outcome), daily=daily(GOOD[:5])), tmp_path / "t.html")
        with pytest.raises(DataError, match="fewer than 22"):
            future.result(timeout=120)


def test_the_run_itself_does_not_import_quantstats():
    code = (
        "import sys, engine.pages.tearsheet.write; print([m for m in ('quantstats', 'matplotlib') if m in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


PARENT = """
import multiprocessing, time
from engine.pages.tearsheet.write import background
if __name__ == "__main__":
    with background():
        while not multiprocessing.active_children():
            time.sleep(0.01)
        print(multiprocessing.active_children()[0].pid, flush=True)
        time.sleep(600)
"""


def test_the_other_process_does_not_outlive_a_killed_parent(tmp_path):
    script = tmp_path / "parent.py"
    script.write_text(PARENT)
    parent = subprocess.Popen(
        [sys.executable, str(script)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    child = int(parent.stdout.readline())
    time.sleep(1.0)  # let it begin to import
    parent.kill()
    parent.wait(60)
    parent.stdout.close()
    assert gone(child, within=30.0)


def gone(pid, within):
    """Whether a process ends in time; one that is only waiting to be collected has ended."""
    end = time.monotonic() + within
    while time.monotonic() < end:
        found = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False)
        if not found.stdout.strip() or found.stdout.startswith("Z"):
            return True
        time.sleep(0.1)
    return False
