"""The tear-sheet: what it refuses, what it says, what it draws."""

import re
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from core.errors import DataError
from core.number_format import format_4sig, percent
from engine.pages.month_cells import month_rows
from engine.pages.tearsheet.figures import recovered
from engine.pages.tearsheet.quantstats_differences import OTHER_FORMULAS, UNDEFINED
from engine.pages.tearsheet.sheet_input import TearsheetInput
from engine.pages.tearsheet.top_block import MENDED
from engine.pages.tearsheet.write import background, problem, write_tearsheet
from engine.results.drawdowns import stretches


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
    assert not re.search(r"https?:|@import|url\((?!#)", re.sub(r"<script>.*?</script>", "", page, flags=re.DOTALL))
    assert not re.search(r"<(img|link|iframe|object|embed|script[^>]+src)\b", page)
    assert "default-src &#39;none&#39;" in page
    assert "favicon" not in page
    assert "{{" not in page


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
    assert rows["Total return"][0] == total
    sharpe = format_4sig(returns.mean() / returns.std() * np.sqrt(260))
    assert rows["Sharpe"][0] == sharpe
    assert rows["Value at risk 95 %"][0] == percent(np.percentile(returns, 5))
    tail = returns[returns <= np.percentile(returns, 5)].mean()
    assert rows["Expected shortfall 95 %"][0] == percent(tail)
    assert rows["Average gross exposure"][0] == percent(outcome.result.equity["gross_exposure"].iloc[1:].mean())


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
    ours_active, active = returns - outcome.daily["benchmark"], returns - outcome.daily["benchmark_at_exposure"]
    assert found["Information ratio"][1] == format_4sig(active.mean() / active.std())
    assert found["Information ratio"][0] == format_4sig(ours_active.mean() / ours_active.std() * np.sqrt(260))
    given = outcome.daily["benchmark_at_exposure"]
    assert found["Beta"][1] == format_4sig(returns.cov(given) / given.var())
    for name in ("Information ratio", "Beta"):
        assert "quantstats' benchmark is X at" in found[name][3]
        assert "ours X fully invested" in found[name][3]
    opened = re.search(r'id="visible">(.*?)</p>', page, re.DOTALL)[1]
    assert f"<strong>Beta</strong> is {found['Beta'][1]} below and {found['Beta'][0]} in the report" in opened
    assert "<strong>Profit factor</strong>" in opened
    assert "assumes normal returns" in found["Value at risk 95 %"][3]
    assert all(all(cells) for cells in found.values())
    assert set(found).isdisjoint({"Sharpe", "Calmar", "Skew", "Kurtosis", "Omega", "Max drawdown"})
    assert "Equal in all digits shown: Time in market, Total return, CAGR, Volatility, Sharpe" in page


@pytest.mark.slow
def test_no_benchmark_is_named_where_it_is_the_same(outcome, tmp_path):
    sheet = replace(TearsheetInput.of(outcome), compared_with="benchmark")
    page = write_tearsheet(sheet, tmp_path / "t.html").read_text(encoding="utf-8")
    assert "quantstats&#39; benchmark is" not in page
    assert re.search(r"Equal in all digits shown: [^.]*\bBeta\b", page)


def test_a_recovery_is_the_session_at_the_former_high():
    days = pd.bdate_range("2024-01-01", periods=6)
    falls = pd.DataFrame({"a": [0.0, -0.1, -0.2, 0.0, -0.1, -0.1], "b": [0.0, -0.1, -0.1, -0.1, -0.1, 0.0]}, index=days)
    given = {
        "a": pd.DataFrame({"end": ["2024-01-03", "2024-01-08"], "days": [2, 4]}),
        "b": pd.DataFrame({"end": ["2024-01-05"], "days": [4]}),
    }
    assert list(recovered(falls["a"], given["a"].copy())["end"]) == ["2024-01-04", "not yet"]
    both = recovered(falls, pd.concat(given, axis=1))
    assert list(both["a", "end"]) == ["2024-01-04", "not yet"]
    assert list(both["b", "end"].dropna()) == ["2024-01-08"]


def test_the_drawdowns_end_as_in_the_report(page, outcome, tables):
    table = next(table for table in tables(page) if "Recovered" in table[0])
    deepest = stretches(outcome.daily["strategy"]).nsmallest(10, "depth")
    ends = ["not yet" if pd.isna(end) else f"{end:%F}" for end in deepest["end"]]
    assert [row[:2] for row in table[1:]] == [
        [f"{start:%F}", end] for start, end in zip(deepest["start"], ends, strict=True)
    ]


def test_names_are_escaped(make_outcome, tmp_path):
    run = make_outcome(bars=100, symbol="S&P <500> $a$")
    page = write_tearsheet(TearsheetInput.of(run), tmp_path / "t.html").read_text(encoding="utf-8")
    assert "S&amp;P &lt;500&gt; $a$" in page
    assert "<500>" not in page


def test_returns_that_quantstats_fails_on_leave_our_part(make_outcome, tmp_path):
    run = make_outcome(bars=60)
    flat = replace(TearsheetInput.of(run), daily=run.daily.assign(strategy=0.0, benchmark_at_exposure=0.0))
    page = write_tearsheet(flat, tmp_path / "t.html").read_text(encoding="utf-8")
    assert "quantstats cannot make its part of this page from these returns" in page
    assert "Measures in four digits" in page
    assert "{{" not in page
    assert not re.search(r">[^<]*\b(nan|inf|None)\b", re.sub(r"<script>.*?</script>", "", page, flags=re.DOTALL))


@pytest.mark.slow
def test_a_short_run_says_which_picture_is_missing(make_outcome, tmp_path):
    page = write_tearsheet(TearsheetInput.of(make_outcome(bars=60)), tmp_path / "t.html").read_text(encoding="utf-8")
    assert "Not drawn: it needs more than 126 returns, there are 39." in page


@pytest.mark.slow
def test_the_benchmark_is_at_the_strategys_exposure_unless_asked_for_full(outcome, page, tmp_path):
    share = percent(outcome.exposure.gross_mean)
    assert f"walk vs X at {share}</h1>" in page
    full = replace(TearsheetInput.of(outcome), compared_with="benchmark")
    other = write_tearsheet(full, tmp_path / "t.html").read_text(encoding="utf-8")
    assert "walk vs X</h1>" in other
    assert "it is a flat line whatever its skill" in re.sub(r"\s+", " ", other)


def test_the_config_chooses_the_benchmark(outcome):
    assert TearsheetInput.of(outcome).compared_with == "benchmark_at_exposure"
    full = replace(outcome, config={**outcome.config, "report": {"tearsheet": True, "tearsheet_benchmark": "full"}})
    assert TearsheetInput.of(full).compared_with == "benchmark"


def test_the_tables_of_quantstats_hold_its_own_figures(page, outcome, tables):
    rows = {row[0]: row[1:] for table in tables(page) if table[0][0] == "Metric" for row in table}
    returns, other = outcome.daily["strategy"], outcome.daily["benchmark_at_exposure"]
    totals = [f"{100 * ((1 + column).prod() - 1):,.2f}%" for column in (other, returns)]
    assert rows["Cumulative Return"] == totals
    assert rows["Sharpe"][1] == str(round(returns.mean() / returns.std() * np.sqrt(260), 2))
    months = (1 + returns).groupby([returns.index.year, returns.index.month]).prod() - 1
    assert rows["Best Month"][1] == f"{round(100 * months.max(), 2)}%"
    years = next(table for table in tables(page) if table[0][0] == "Year" and "Multiplier" in table[0])
    yearly = (1 + returns).groupby(returns.index.year).prod() - 1
    assert [row[2] for row in years[1:]] == [f"{100 * value:.2f}" for value in yearly]


def test_every_picture_that_is_not_quantstats_is_listed(page):
    text = (Path("docs") / "reading.md").read_text(encoding="utf-8")
    for name, why in MENDED:
        assert f"<li>{name}: {why}.</li>" in page
        assert f"| {name} |" in text


def test_figures_by_another_formula_are_named_as_the_docs_name_them(page):
    text = re.sub(r"\s+", " ", (Path("docs") / "measures.md").read_text(encoding="utf-8"))
    for name, why in OTHER_FORMULAS:
        assert f"| {name} | {why} |" in text
        assert f"<li>{name}: {why}.</li>" in page
    assert all(name.strip('"').split('"')[-1].split()[0] in text for name in UNDEFINED)


@pytest.mark.slow
def test_a_name_that_looks_like_a_place_is_text(outcome, tmp_path):
    sheet = replace(TearsheetInput.of(outcome), name="{{metrics}}")
    page = write_tearsheet(sheet, tmp_path / "t.html").read_text(encoding="utf-8")
    assert "&#123;&#123;metrics}}: tear-sheet" in page
    assert page.count("Key Performance Metrics") == 1


@pytest.mark.slow
def test_another_calendar_and_a_risk_free_rate(make_outcome, tmp_path, tables):
    run = make_outcome(bars=420)
    sheet = replace(TearsheetInput.of(run), periods_per_year=52.18, risk_free=0.02)
    page = write_tearsheet(sheet, tmp_path / "t.html").read_text(encoding="utf-8")
    assert "52.18 sessions a year" in page
    assert "quantstats takes 52 sessions a year, a whole number" in page


def test_the_period_of_the_returns_is_named(make_outcome, tmp_path):
    sheet = replace(TearsheetInput.of(make_outcome(bars=420)), period="week")
    page = write_tearsheet(sheet, tmp_path / "t.html").read_text(encoding="utf-8")
    assert "399 weekly returns" in page


@pytest.mark.slow
def test_few_returns_are_flagged(make_outcome, tmp_path):
    sheet = TearsheetInput.of(make_outcome(bars=46))
    page = write_tearsheet(sheet, tmp_path / "t.html").read_text(encoding="utf-8")
    assert len(sheet.daily) < 30
    assert re.search(r"Sharpe[^<]*: fewer than 30 returns\.", page)


@pytest.mark.slow
def test_the_page_is_written_in_another_process(outcome, tmp_path, page):
    with background() as submit:
        written = submit(TearsheetInput.of(outcome), tmp_path / "t.html").result(timeout=120)
    assert written.read_text(encoding="utf-8") == page


@pytest.mark.slow
def test_an_error_in_the_other_process_arrives_as_it_is(outcome, tmp_path):
    with background() as submit:
        future = submit(replace(TearsheetInput.of(outcome), daily=daily(GOOD[:5])), tmp_path / "t.html")
        with pytest.raises(DataError, match="fewer than 22"):
            future.result(timeout=120)


@pytest.mark.slow
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


@pytest.mark.slow
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


def test_a_month_that_rounds_to_0_has_no_sign():
    table = pd.DataFrame({"Jan": [0.01], "Feb": [-0.0000001], "year": [0.01]}, index=[2024])
    assert month_rows(table)[0]["cells"][1]["text"] == "0.00"
