"""The outcome of a run and what metrics.json says of it."""

import json
from dataclasses import replace

import numpy as np
import pytest

from core.digests import canonical
from engine.backtest.account_returns import COLUMNS
from engine.config.run_config import RunConfig
from engine.results.fill_checks import execution
from engine.results.metrics_json import metrics
from engine.results.outcome import _verdict, build
from engine.results.return_tests import ReturnTests
from engine.results.verdict import LEAK, NOTHING
from marketdata.news import ILLUSTRATIVE
from risk.costs import BrokerSpec
from risk.measure_set import MeasuresSpec
from risk.periods import period_rate


@pytest.fixture(scope="module")
def outcome(make_outcome):
    return make_outcome()


def test_metrics_are_strict_json_and_name_no_engine_path_or_name(outcome):
    text = canonical(metrics(outcome)).decode()
    assert json.loads(text)["config_id"] == "0123456789ab"
    assert not [word for word in ("backtrader", "walk", "/", "NaN", "Infinity") if f'"{word}"' in text]
    assert "backtrader" not in text


def test_equal_runs_have_equal_metrics_whatever_their_name(make_outcome, outcome):
    assert metrics(make_outcome(name="other")) == metrics(outcome)


def test_every_number_comes_with_formula_unit_period_and_sample(outcome):
    found = metrics(outcome)
    numbers = [item for column in COLUMNS for item in found["measures"][column].values()]
    numbers += [*found["exposure"].values(), *found["costs"].values()]
    assert len(numbers) > 30
    for item in numbers:
        assert item["formula"]
        assert item["unit"]
        assert item["period"]
        assert item["n"] > 0 or item["reason"]
        assert (item["value"] is None) == bool(item["reason"])


def test_headline_and_further_measures_are_told_apart_by_name(outcome):
    found = metrics(outcome)
    assert found["headline"] == [item.name for item in MeasuresSpec().measures]
    further = {item.name for items in outcome.further["strategy"].values() for item in items}
    for column in COLUMNS:
        assert set(found["measures"][column]) == {*found["headline"], *further}


def test_the_strategys_headline_measures_have_intervals(outcome):
    found = metrics(outcome)["measures"]
    strategy = found["strategy"]
    assert {name for name, item in strategy.items() if "interval" in item} == set(metrics(outcome)["headline"])
    assert not [name for column in COLUMNS[1:] for name, item in found[column].items() if "interval" in item]
    for item in (strategy[name] for name in metrics(outcome)["headline"]):
        interval = item["interval"]
        assert set(interval) == {"low", "high", "reason", "level", "reps", "block"}
        assert (interval["low"] is None) == bool(interval["reason"])
    assert strategy["sharpe"]["interval"]["low"] < strategy["sharpe"]["value"] < strategy["sharpe"]["interval"]["high"]


def test_an_account_is_measured_by_its_trades_a_benchmark_is_not(outcome):
    found, closed = metrics(outcome)["measures"], outcome.result.trades.dropna(subset="exited_at")["pnl"]
    assert found["strategy"]["expectancy"]["value"] == pytest.approx(closed.mean(), rel=1e-12)
    assert found["strategy"]["expectancy"]["n"] == len(closed)
    assert found["strategy"]["cost_drag"]["value"] == pytest.approx(outcome.costs.total_drag, rel=1e-12)
    assert found["benchmark"]["expectancy"]["reason"] == "there are no closed trades to measure"
    assert found["benchmark"]["turnover"]["reason"] == "needs the value traded in each session"


def test_total_return_is_what_the_account_gained(outcome):
    equity = outcome.result.equity["equity"]
    total = metrics(outcome)["measures"]["strategy"]["total_return"]["value"]
    assert total == pytest.approx(equity.iloc[-1] / 10_000 - 1, rel=1e-12)


def test_the_benchmark_starts_at_the_first_decision(outcome):
    close = outcome.market.bars["X"].close
    total = metrics(outcome)["measures"]["benchmark"]["total_return"]["value"]
    assert total == pytest.approx(close[-1] / close[20] - 1, rel=1e-12)


def test_the_benchmark_at_exposure_has_the_same_sharpe_and_the_strategys_share(outcome):
    found = metrics(outcome)
    scaled, full = (found["measures"][column] for column in ("benchmark_at_exposure", "benchmark"))
    assert scaled["sharpe"]["value"] == pytest.approx(full["sharpe"]["value"], rel=1e-9)
    share = found["exposure"]["gross_mean"]["value"]
    assert scaled["volatility"]["value"] == pytest.approx(share * full["volatility"]["value"], rel=1e-9)


def test_span_counts_sessions_after_the_first_decision(outcome):
    span = metrics(outcome)["span"]
    assert (span["sessions"], span["bars"], span["folds"]) == (399, 400, 2)
    assert span["first_decision"][:10] < span["first_session"]


def test_a_model_that_does_not_train_has_no_forecasts_and_says_why(make_outcome):
    found = metrics(make_outcome(trains=False))
    assert found["forecasts"] is None
    assert "does not train" in found["forecasts_reason"]


def test_a_run_that_knows_the_future_is_said_to_beat_and_not_to_be_corrected(make_outcome):
    verdict = make_outcome(skill=0.9, base=0.05).verdict
    assert verdict.headline == "beats the baselines; not corrected for selection"
    assert verdict.beats
    assert "do not beat" not in " ".join(verdict.sentences)


def test_noise_shows_no_evidence_of_skill(outcome):
    assert outcome.verdict.headline == "no evidence of skill"


def test_risk_free_rate_and_periods_reach_the_measures(make_outcome):
    spec = MeasuresSpec(risk_free=0.03, periods_per_year=200.0)
    run = make_outcome(measures=spec)
    excess = run.daily["strategy"] - period_rate(0.03, 200.0)
    sharpe = {item.name: item.value for item in run.measures["strategy"]}["sharpe"]
    assert sharpe == pytest.approx(excess.mean() / excess.std() * np.sqrt(200), rel=1e-9)


@pytest.mark.slow
def test_illustrative_news_are_evidence_of_nothing_however_well_they_did(make_outcome):
    good = make_outcome(skill=0.9, bars=600)
    assert good.verdict.beats
    market = replace(good.market, notes=(ILLUSTRATIVE,))
    config = RunConfig.parse(good.config)
    again = build(config=config, market=market, signals=good.signals, evaluation=good.evaluation, result=good.result)
    assert again.verdict.headline == NOTHING
    assert "evidence of nothing" in again.verdict.sentences[0]


def test_a_leak_is_the_verdict(make_outcome):
    good = make_outcome(skill=0.9, bars=600)
    early = good.result.fills.assign(time=good.result.equity["time"].iloc[0])
    result = replace(good.result, fills=early)
    returns = ReturnTests(good.verdict.cash, good.verdict.test, "X", 252.0)
    found = _verdict(returns, good.evaluation, (execution(result, good.market, BrokerSpec()),), ())
    assert found.headline == LEAK
    assert "L10" in found.sentences[0]
