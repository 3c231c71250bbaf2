"""The further measures and the intervals in the report."""

import re

import numpy as np
import pytest

from core.number_format import format_4sig, format_value, money, percent, title
from engine.pages.definitions import definitions
from engine.pages.report import write_report
from engine.pages.report.returns.headline import section as headline_section
from engine.pages.report.returns.measures import section
from risk.measure_set import BY_METHOD, MeasuresSpec
from risk.measures.value_at_risk import value_at_risk

SPEC = MeasuresSpec.parse({"intervals": {"reps": 100}, "var_methods": ["gaussian", "ewma", "historical"]})


@pytest.fixture(scope="module")
def outcome(make_outcome):
    return make_outcome(measures=SPEC)


@pytest.fixture(scope="module")
def found(outcome, tables):
    return tables(section(outcome).html)


def test_every_further_measure_has_a_line_in_its_group(outcome, found):
    heads = [row[0] for row in found[0]]
    groups = {group: items for group, items in outcome.further["strategy"].items() if group != BY_METHOD}
    assert [head for head in heads if head in groups] == list(groups)
    for group, items in groups.items():
        start = heads.index(group)
        assert heads[start + 1 : start + 1 + len(items)] == [title(item.name) for item in items]


def test_values_of_returns_against_numpy(outcome, found):
    rows = {row[0]: row[1:] for row in found[0]}
    daily = outcome.daily
    assert rows["Hit rate"] == [percent((daily[column] > 0).mean()) for column in daily]
    assert rows["Beta"][0] == format_4sig(np.polyfit(daily["benchmark"], daily["strategy"], 1)[0])
    assert rows["Beta"][1:] == ["1.000", format_4sig(outcome.exposure.gross_mean)]


def test_values_of_the_account_against_its_tables(outcome, found):
    rows = {row[0]: row[1:] for row in found[0]}
    closed = outcome.result.trades.dropna(subset="exited_at")["pnl"]
    assert rows["Expectancy"] == [money(closed.mean()), "", ""]
    assert rows["Win rate"] == [percent((closed > 0).mean()), "", ""]
    assert rows["Cost drag"] == [percent(outcome.costs.total_drag), "", ""]
    defined = {item.key: item for item in definitions(outcome)}
    assert defined["expectancy"].sample == f"per trade, n = {len(closed)}"


def test_tails_by_method_against_the_functions(outcome, found):
    for table, column in zip(found[1:3], ("strategy", "benchmark"), strict=True):
        assert table[0] == [outcome.names[column], "VaR 95 %", "ES 95 %", "VaR 99 %", "ES 99 %"]
        assert [row[0] for row in table[1:]] == ["Historical", "Gaussian", "EWMA", "Fractional"]
        returns = outcome.daily[column]
        gaussian = returns.mean() + returns.std() * np.array([-1.6448536269514722, -2.3263478740408408])
        assert table[2][1::2] == [percent(value) for value in gaussian]
        assert table[3][1] == percent(value_at_risk(returns, 0.95, "ewma").value)
        assert table[1][1] == percent(np.quantile(returns, 0.05))
        assert table[4][1::2] == ["", ""]
        worst = np.sort(returns)[:20]  # 5 % of 399 are 19.95
        assert table[4][2] == percent((worst[:19].sum() + 0.95 * worst[19]) / 19.95)


def test_each_method_is_told(found):
    assert [row[0] for row in found[3][1:]] == ["Historical", "Gaussian", "EWMA", "Fractional"]
    assert all(row[2] for row in found[3][1:])


def test_a_measure_asked_for_besides_moves_to_the_headline(make_outcome, tables):
    run = make_outcome(bars=200, measures=MeasuresSpec.parse({**SPEC.dump(), "extra": [{"kind": "omega"}]}))
    first = {row[0] for row in tables(headline_section(run).html)[0]}
    assert "Omega" in first
    assert "Omega" not in {row[0] for row in tables(section(run).html)[0]}


def test_intervals_stand_beside_the_values(outcome, tables):
    rows = tables(headline_section(outcome).html)[0]
    for value, item in zip(rows[1:], outcome.measures["strategy"], strict=True):
        interval = outcome.intervals[item.name]
        assert value[1] == format_value(item.value, item.unit)
        assert value[4] == f"{format_value(interval.low, item.unit)} to {format_value(interval.high, item.unit)}"
    text = re.sub(r"\s+", " ", headline_section(outcome).html)
    assert rows[0][4] == "95\xa0% interval"
    assert "stationary bootstrap, 100 samples" in text
    assert f"mean block length {interval.block:.2g} sessions" in text


def test_without_resamples_nothing_is_said_of_intervals(make_outcome):
    run = make_outcome(bars=200, measures=MeasuresSpec.parse({"intervals": {"reps": 0}, "var_methods": []}))
    assert "interval" not in headline_section(run).html


def test_a_value_without_an_interval_has_a_reason(make_outcome):
    spec = MeasuresSpec.parse({**SPEC.dump(), "extra": [{"kind": "value_at_risk", "method": "ewma"}]})
    text = headline_section(make_outcome(bars=200, measures=spec)).html
    assert "Value at risk 95 % EWMA: no interval, a forecast hangs on the order of the returns" in text


def test_a_run_without_trades_has_reasons_and_no_nan(make_outcome, tmp_path):
    run = make_outcome(bars=200, skill=0.0, base=1e-9, measures=SPEC)
    page = write_report(run, tmp_path / "r.html").read_text(encoding="utf-8")
    assert not re.search(r">[^<]*\b(nan|inf|None)\b", page)
