"""The report page."""

import re
from dataclasses import replace

import numpy as np
import pytest

from core.number_format import format_4sig, money, percent
from engine.pages import report
from engine.pages.report import sections, write_report
from engine.results.order_audit import check_cap, count_orders


@pytest.fixture(scope="module")
def outcome(make_outcome):
    return make_outcome(name="walk <b>&")


@pytest.fixture(scope="module")
def page(outcome, tmp_path_factory):
    return write_report(outcome, tmp_path_factory.mktemp("report") / "report.html").read_text(encoding="utf-8")


@pytest.mark.slow
def test_sections_stand_in_the_order_of_their_numbers(outcome):
    titles = [section.title for section in sections(outcome)]
    assert titles == [
        "",
        "Verdict and tests",
        "Headline figures",
        "Returns by month and year",
        "Rolling figures",
        "Distribution of returns",
        "Further measures",
        "Drawdowns",
        "VaR backtest",
        "Key performance metrics",
        "Trades on the price chart",
        "Trade results",
        "Exposure and turnover",
        "Costs",
        "Orders",
        "Forecasts",
        "Calibration",
        "Leak checks",
        "Data and config",
        "Manifest",
        "Definitions",
    ]


def test_a_new_file_is_a_new_section(outcome, tmp_path, monkeypatch):
    (tmp_path / "weather.py").write_text(
        "from engine.pages.report.section import Section\n"
        "ORDER = 15\ndef section(outcome):\n    return Section('Weather', '')\n"
    )
    monkeypatch.setattr(report, "__path__", [*report.__path__, str(tmp_path)])
    report._modules.cache_clear()
    try:
        assert [section.title for section in sections(outcome)][:3] == ["", "Verdict and tests", "Weather"]
    finally:
        report._modules.cache_clear()


def test_nothing_is_fetched_and_every_picture_has_a_text(page):
    assert not re.search(r"https?:|@import|url\((?!#)", re.sub(r"<script>.*?</script>", "", page, flags=re.DOTALL))
    assert "default-src &#39;none&#39;" in page
    assert not re.search(r"<(img|link|iframe|object|embed|script[^>]+src)\b", page)
    pictures = re.findall(r"<svg\b[^>]*>", page)
    assert len(pictures) == 9
    assert all(re.search(r'role="img" aria-label="[^"]{20,}"', picture) for picture in pictures)
    assert page.count('<figure class="chart"') == 5


def test_the_page_is_small_and_names_are_escaped(page):
    assert len(page) < 500_000
    assert "walk &lt;b&gt;&amp;" in page
    assert "<b>" not in re.sub(r"<script>.*?</script>", "", page, flags=re.DOTALL)


def test_equal_runs_have_equal_pages(outcome, page, tmp_path):
    assert write_report(outcome, tmp_path / "again.html").read_text(encoding="utf-8") == page


def test_no_number_is_missing_without_a_word(page):
    assert not re.search(r">[^<]*\b(nan|inf|None)\b", page)


def test_headline_figures_against_the_returns(page, outcome, tables):
    rows = {row[0]: row[1:] for row in tables(page)[0]}  # the first table of the page
    for place, column in enumerate(("strategy", "benchmark", "benchmark_at_exposure")):
        returns = outcome.daily[column]
        wealth = (1 + returns).cumprod()
        assert rows["Total return"][place] == percent(wealth.iloc[-1] - 1)
        assert rows["Max drawdown"][place] == percent((wealth / wealth.cummax().clip(lower=1) - 1).min())
        assert rows["Value at risk 99 %"][place] == percent(np.percentile(returns, 1))
    assert "per year, n = 399" in page


def test_forecasts_against_the_signals(page, outcome, tables):
    frame, close = outcome.signals.frame, outcome.market.bars["X"].close
    label = np.diff(close) / close[:-1]
    prediction = frame.prediction[:-1, 0]
    judged = np.isfinite(prediction)
    table = next(table for table in tables(page) if table[0][0] == "Forecast")
    model = dict(zip(table[0], table[1], strict=True))
    assert model["MSE"] == format_4sig(np.mean((prediction - label)[judged] ** 2))
    assert model["Hit rate"] == percent(np.mean(np.sign(prediction[judged]) == np.sign(label[judged])))
    assert [row[0] for row in table[1:]] == ["Model", "Zero", "Always long", "Expanding mean", "AR(1)"]
    folds = next(table for table in tables(page) if table[0][0] == "Fold")
    assert len(folds) == 3
    assert sum(int(row[5]) for row in folds[1:]) == judged.sum()


def test_calibration_says_when_it_is_not_better_than_the_base_rate(page, tables):
    assert "not better than the base rate" in page
    table = next(table for table in tables(page) if table[0][0] == "Predictions")
    assert sum(int(row[0]) for row in table[1:]) == 399


def test_costs_against_the_tables(page, outcome, tables):
    rows = {row[0]: row[1:] for table in tables(page) for row in table}
    assert rows["Commission"][0] == money(outcome.result.fills["commission"].sum())
    assert rows["Total"][1] == percent(outcome.costs.total / 10_000)
    assert rows["Total"][2] == percent(outcome.costs.total_drag)
    trades = outcome.result.trades.dropna(subset="exited_at")
    assert rows["Still open"][0] == "1"
    assert rows["With a gain"][0] == rows["Win rate"][0] == percent((trades["pnl"] > 0).sum() / len(trades))
    assert rows["Best return"][0] == percent(trades["pnl_fraction"].max())


def test_orders_are_listed_with_reasons(outcome, tmp_path, tables):
    orders = outcome.result.orders.copy()
    orders.loc[[2, 5], ["status", "reason"]] = ["margin", "not enough cash"]
    run = replace(outcome, result=replace(outcome.result, orders=orders), orders=count_orders(orders))
    page = write_report(run, tmp_path / "r.html").read_text(encoding="utf-8")
    trimmed = int((orders["trimmed"] != 0).sum())
    assert f"{len(orders)} orders requested: {len(orders) - 2} completed, 2 margin;\n{trimmed} trimmed" in page
    found = [table for table in tables(page) if table[0][0] in ("Not filled, by reason", "Order")]
    assert found[0][1:] == [["not enough cash", "2"]]
    assert [row[0] for row in found[1][1:]] == [str(orders["order_id"].iloc[place]) for place in (2, 5)]
    assert len(orders) == 401
    assert len(found[-1]) == 1 + 100
    assert "The first 100 of 401 orders" in page


def test_what_was_trimmed_is_told(make_outcome, tmp_path, tables):
    run = make_outcome(bars=200, base=0.2)  # every order is as large as the cap allows: any gap would break it
    page = write_report(run, tmp_path / "r.html").read_text(encoding="utf-8")
    flat = re.sub(r"\s+", " ", page)
    assert "<strong>0 breaches</strong> in" in flat
    assert f"The largest position at its fill was {percent(0.05)} of the account." in flat
    cut = run.result.orders[run.result.orders["trimmed"] != 0]
    table = next(table for table in tables(page) if table[0][0] == "Trimmed and filled, by reason")
    assert table[1:] == [["cap at the fill", str(len(cut))]]
    assert len(cut) > 10


def test_a_cap_that_broke_is_on_the_page(make_outcome, tmp_path, tables):
    run = make_outcome(bars=200, base=0.2, cap_at="signal")
    page = write_report(run, tmp_path / "r.html").read_text(encoding="utf-8")
    shares = run.result.orders["share_at_fill"]
    breaches = int((shares > 0.05).sum())
    assert breaches > 0
    assert check_cap(run.result, run.market, 0.05).breaches == breaches
    flat = re.sub(r"\s+", " ", page)
    assert f"<strong>{breaches} breaches</strong> in" in flat
    assert "applied at the signal only, and prices moved before the fill" in flat
    assert percent(shares.max()) in flat


@pytest.mark.slow
def test_stops_are_told_only_where_there_are_some(make_outcome, tmp_path, tables):
    assert "Stops" not in [section.title for section in sections(make_outcome(bars=100))]
    run = make_outcome(bars=300, stop={"kind": "percent", "value": 0.01})
    page = write_report(run, tmp_path / "r.html").read_text(encoding="utf-8")
    table = next(table for table in tables(page) if table[0][0] == "Losses beyond the stops")
    entries, hit = len(run.result.stops), int(run.result.stops["stopped_at"].notna().sum())
    assert table[1][1] == f"{run.stops.unprotected} of {entries}"
    assert table[2][1] == f"{run.stops.gapped} of {hit}"
    assert min(run.stops.unprotected, run.stops.gapped) > 0


def test_data_names_digests_notes_and_the_config(page):
    assert re.search(r"<code>[0-9a-f]{64}</code>", page)
    assert "cap_at: fill" in page


def test_a_model_that_does_not_train_has_no_forecasts(make_outcome):
    titles = [section.title for section in sections(make_outcome(trains=False))]
    assert "Forecasts" not in titles
    assert "Calibration" not in titles


def test_the_page_says_why_there_is_no_tearsheet(outcome, tmp_path, page):
    assert 'href="tearsheet.html"' in page
    missing = write_report(outcome, tmp_path / "r.html", no_tearsheet="too short").read_text(encoding="utf-8")
    assert "No tear-sheet: too short." in missing
    assert "tearsheet.html" not in missing


@pytest.mark.slow
def test_the_period_of_the_returns_is_in_every_label(make_outcome, tmp_path):
    run = make_outcome(bars=700)
    weekly = replace(run, calendar=replace(run.calendar, period="week"))
    page = write_report(weekly, tmp_path / "r.html").read_text(encoding="utf-8")
    assert "Weekly returns of walk and the value at risk forecast for each week" in page
    assert "of one week, estimated by several methods" in page
    assert not re.findall(r"(?i)daily (returns|value)|one-day", page)
    assert "one week in twenty" in page


def test_few_returns_are_flagged(make_outcome, tmp_path):
    page = write_report(make_outcome(bars=45), tmp_path / "r.html").read_text(encoding="utf-8")
    assert "Volatility, Sharpe, Sortino: fewer than 30 returns." in page
    assert re.search(r"Probabilistic Sharpe ratio[^.<]*: fewer than 30 returns", page)
    assert re.search(r"Win rate[^.<]*SQN[^.<]*: fewer than 30 trades", page)
