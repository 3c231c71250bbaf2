"""The join of predictions and outcomes, against one row after the other."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from core.types import Bars, Market
from serving.monitor.facts import facts_of
from serving.monitor.join import join
from serving.prediction_log.read import LoggedPredictions
from serving.prediction_log.records import ModelRecord
from signals.labels.forward_return import ForwardReturn

ZONE = "America/New_York"
HOURS = ("15:00", "16:00")
SYMBOLS = ("A", "B")


@pytest.fixture(scope="module")
def market():
    """Two bars a session over 40 sessions with a holiday; B has no bar on the fifth."""
    days = pd.bdate_range("2020-06-25", periods=41).drop("2020-07-03")
    times = pd.DatetimeIndex([pd.Timestamp(f"{day:%F} {hour}", tz=ZONE) for day in days for hour in HOURS])
    rng = np.random.default_rng(5)
    bars = {}
    for symbol in SYMBOLS:
        own = times if symbol == "A" else times.delete([8, 9])
        close = 50.0 + rng.random(len(own))
        frame = {"open": close * (1 + 1e-3 * rng.normal(size=len(own))), "close": close}
        volume = np.ones(len(own))
        bars[symbol] = Bars(symbol, own.tz_convert("UTC").as_unit("ns"), frame["open"], close, close, close, volume)
    return Market(bars, SYMBOLS, "A", ZONE)


def logged_at(market, *, skip=(), bars=None):
    """A prediction at every bar but the skipped (symbol, bar) pairs, as of the bars that the service was given."""
    given = bars or market.bars
    rng = np.random.default_rng(9)
    rows = []
    for symbol in SYMBOLS:
        for number, time in enumerate(market.bars[symbol].times):
            if (symbol, number) not in skip:
                row = {"symbol": symbol, "as_of": time, "close": given[symbol].close[number], "side": number % 3 - 1}
                row |= {"stored_at": time + pd.Timedelta(minutes=1), "prediction": rng.normal(), "confidence": 0.5}
                rows.append(row | {"interval_low": -0.002, "interval_high": 0.002})
    table = pd.DataFrame(rows).sort_values("as_of", kind="stable", ignore_index=True)
    features = rng.normal(size=(len(table), 2))
    model = ModelRecord("a" * 64, "joined", "c" * 12, 0, "r" * 64, SYMBOLS, ("one", "two"))
    return LoggedPredictions(model, table, features, np.arange(len(table)))


@pytest.mark.parametrize("horizon", [1, 3])
def test_every_number_one_row_after_the_other(market, horizon):
    logged = logged_at(market)
    joined = join(logged, market, ForwardReturn(horizon=horizon))
    last = {}
    for number, row in enumerate(joined.rows.itertuples()):
        bars = market.bars[row.symbol]
        at = bars.times.get_loc(row.as_of)
        outcome = bars.close[at + horizon] / bars.close[at] - 1 if at + horizon < len(bars) else np.nan
        assert row.outcome == pytest.approx(outcome, nan_ok=True)
        open_ = bars.open[at + 1] if at + 1 < len(bars) else np.nan
        slippage = row.side * (open_ / bars.close[at] - 1) if row.side else np.nan
        assert row.slippage == pytest.approx(slippage, nan_ok=True)
        assert row.delay == pytest.approx(1 / 60)
        last[row.as_of.tz_convert(ZONE).normalize().tz_localize(None), row.symbol] = (number, outcome)
    observed = joined.observations
    assert len(last) == np.isfinite(observed.prediction).sum()
    for (session, symbol), (number, outcome) in last.items():
        cell = observed.sessions.get_loc(session), SYMBOLS.index(symbol)
        assert observed.prediction[cell] == logged.rows["prediction"][number]
        assert observed.features[cell].tolist() == logged.features[number].tolist()
        assert observed.outcome[cell] == pytest.approx(outcome, nan_ok=True)
        covered = np.nan if np.isnan(outcome) else float(-0.002 <= outcome <= 0.002)
        assert observed.covered[cell] == pytest.approx(covered, nan_ok=True)
    assert joined.waiting == 2 * horizon
    assert joined.missing == joined.corrected == ()


def test_rows_in_any_order_and_inputs_of_the_last_rows_alone_give_the_same(market):
    logged = logged_at(market)
    whole = join(logged, market, ForwardReturn()).observations
    days = logged.rows["as_of"].dt.tz_convert(ZONE).dt.date
    rows = np.flatnonzero(~pd.DataFrame({"day": days, "symbol": logged.rows["symbol"]}).duplicated(keep="last"))
    few = replace(logged, features=logged.features[rows], feature_rows=rows)
    order = np.random.default_rng(1).permutation(len(logged.rows))
    mixed = replace(logged, rows=logged.rows.iloc[order].reset_index(drop=True), features=logged.features[order])
    for other in (few, mixed):
        observed = join(other, market, ForwardReturn()).observations
        assert observed.features.tobytes() == whole.features.tobytes()
        assert observed.prediction.tobytes() == whole.prediction.tobytes()


def test_sessions_without_a_prediction_and_bars_that_are_not_in_the_data(market):
    logged = logged_at(market, skip={("A", 20), ("A", 21), ("B", 30)})
    assert join(logged, market, ForwardReturn()).missing == (("2020-07-10", "A"),)
    bars = market.bars["A"]
    short = replace(market, bars={**market.bars, "A": bars.between(bars.times[4], None)})
    facts = facts_of(join(logged, short, ForwardReturn()), short)
    assert "2 predictions at bars that the data do not have: 2020-06-25 A, 2020-06-26 A" in facts


def rolled(market, step):
    bars = {name: replace(part, close=np.roll(part.close, step)) for name, part in market.bars.items()}
    return replace(market, bars=bars)


@pytest.mark.parametrize(("step", "place"), [(1, "before"), (-1, "after")])
def test_a_service_whose_bars_are_one_off_is_a_fact_from_the_first_bar_on(market, step, place):
    logged = logged_at(market, bars=rolled(market, step).bars)
    joined = join(logged, market, ForwardReturn())
    pairs = joined.decided_before if step == 1 else joined.decided_after
    assert len(pairs) == len(market.bars["A"]) // 2 + len(market.bars["B"]) // 2
    edge = 0 if step == 1 else -1  # the bar before the first, and after the last, are not known
    assert {symbol for _, symbol in joined.corrected} == {"A", "B"}
    assert {day for day, _ in joined.corrected} == {f"{joined.observations.sessions[edge]:%F}"}
    [fact] = [fact for fact in facts_of(joined, market) if "decided on the close of the bar" in fact]
    assert f"bar {place} it" in fact


def test_a_corrected_bar_and_a_late_answer_are_facts(market):
    logged = logged_at(market)
    late = logged.rows["stored_at"].where(logged.rows.index != 0, logged.rows["as_of"] + pd.Timedelta(days=3))
    close = market.bars["B"].close.copy()
    close[5] *= 1.0001
    corrected = replace(market, bars={**market.bars, "B": replace(market.bars["B"], close=close)})
    joined = join(replace(logged, rows=logged.rows.assign(stored_at=late)), corrected, ForwardReturn())
    assert joined.decided_before == joined.decided_after == ()
    facts = facts_of(joined, corrected)
    assert "1 bar with another close now than the one decided on: 2020-06-29 B" in facts
    assert "1 prediction stored after the next bar's close: 2020-06-25 A" in facts
