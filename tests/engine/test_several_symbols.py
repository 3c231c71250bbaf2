"""Symbols that start late, end early or miss days, and bars within the day: from files to daily returns."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from core.clock import sessions
from core.errors import DataError
from engine.config.run_config import RunConfig
from engine.config.yaml_layers import Layer
from engine.pipeline import check_only, compute
from engine.results.metrics_json import metrics
from engine.sweep.load_config import load, validate

ROOT = Path(__file__).resolve().parents[2]
DAYS = pd.bdate_range("2018-01-01", periods=420)
MISSED = np.random.default_rng(5).random(len(DAYS)) < 0.3
HELD = {"A": DAYS, "LATE": DAYS[300:], "EARLY": DAYS[:330], "HOLES": DAYS[~MISSED]}


def write(folder: Path, name: str, times: pd.DatetimeIndex, form: str = "%Y-%m-%d") -> str:
    """A random walk at these times."""
    rng = np.random.default_rng(len(name) + len(times))
    close = 100 * np.exp(np.cumsum(rng.normal(0, 0.01, len(times))))
    opened = np.append(100, close[:-1]) * np.exp(rng.normal(0, 0.003, len(times)))
    columns = {"Open": opened, "High": np.maximum(opened, close), "Low": np.minimum(opened, close), "Close": close}
    frame = pd.DataFrame({"Date": times.strftime(form), **columns, "Volume": 1000})
    frame.to_csv(folder / f"{name}.csv", index=False)
    return str(folder / f"{name}.csv")


def config(files: dict[str, str], **changes) -> RunConfig:
    values = {
        "data": {"source": {"kind": "csv", "files": files}, "benchmark": "A", "trade": list(files)},
        "features": [{"kind": "sma", "window": 5}, {"kind": "lagged_return", "lags": [0, 1]}],
        "label": {"kind": "forward_return", "horizon": 1},
        "model": {"kind": "random_forest", "trees": 5},
        "walk_forward": {"train": 150, "test": 60},
        "strategy": {"kind": "threshold"},
        "workers": 1,
        **changes,
    }
    return validate(Layer(values, {}), "test")


@pytest.fixture(scope="module")
def outcome(tmp_path_factory):
    folder = tmp_path_factory.mktemp("held")
    return compute(config({name: write(folder, name, times) for name, times in HELD.items()}))


def test_rows_are_absent_where_there_is_no_bar(outcome):
    signals, market = outcome.signals.frame, outcome.market
    for column, symbol in enumerate(signals.symbols):
        absent = ~signals.times.isin(market.bars[symbol].times)
        assert np.isnan(signals.prediction[absent, column]).all()
        assert len(market.bars[symbol]) == len(HELD[symbol])
        told = signals.times[~np.isnan(signals.prediction[:, column])]
        assert len(told) > 20, f"{symbol} is never predicted"


def of_the_market(result, table):
    """The rows of a table of orders that were sent to the market: all but the end of a symbol's position."""
    settled = result.orders["order_id"][result.orders["reason"].str.startswith("delisting")]
    return table[~table["order_id"].isin(settled)]


def test_no_order_and_no_fill_on_a_day_without_a_bar(outcome):
    assert set(outcome.result.orders["symbol"]) == set(HELD)
    for table, column in ((outcome.result.orders, "created_at"), (outcome.result.fills, "time")):
        for symbol, rows in of_the_market(outcome.result, table).groupby("symbol"):
            assert rows[column].isin(outcome.market.bars[symbol].times).all()


def test_every_fill_is_at_the_symbols_own_next_open(outcome):
    placed = outcome.result.orders.set_index("order_id")["created_at"]
    slip = outcome.config["broker"]["slippage"]
    for fill in of_the_market(outcome.result, outcome.result.fills).itertuples():
        bars = outcome.market.bars[fill.symbol]
        row = bars.times.get_loc(placed[fill.order_id]) + 1
        assert bars.times[row] == fill.time
        assert fill.price == pytest.approx(bars.open[row] * (1 + np.sign(fill.size) * slip), rel=1e-12)


def test_the_account_goes_on_while_a_symbol_has_no_bar(outcome):
    assert len(outcome.result.equity) == len(outcome.daily) + 1
    assert np.isfinite(outcome.daily).all(axis=None)
    days = sessions(pd.DatetimeIndex(outcome.result.equity["time"]), outcome.result.zone)
    assert days.equals(DAYS[-len(days) :].as_unit("ns"))


def test_a_position_in_a_symbol_that_ended_is_closed_at_its_last_close_after_five_sessions(outcome):
    held = outcome.result.positions["EARLY"]
    bars = outcome.market.bars["EARLY"]
    ended = held.index[held.index > bars.times[-1]]
    assert len(set(held[ended[:4]])) == 1
    assert held[ended[0]] != 0.0
    assert not held[ended[4:]].any()
    last = outcome.result.fills[outcome.result.fills["symbol"] == "EARLY"].iloc[-1]
    assert (last["time"], last["price"]) == (ended[4], bars.close[-1])
    assert outcome.result.trades.query("symbol == 'EARLY'")["exit_reason"].iloc[-1] == "delisting"
    assert any(note.startswith("EARLY has no bar after") for note in outcome.notes)


def test_a_benchmark_that_begins_after_the_first_decision_is_refused_before_training(tmp_path):
    files = {name: write(tmp_path, name, HELD[name]) for name in ("A", "LATE")}
    late = {"source": {"kind": "csv", "files": files}, "benchmark": "LATE", "trade": ["A"]}
    wrong = config(files, data=late)
    for act in (check_only, compute):
        with pytest.raises(
            DataError, match=r"benchmark LATE has bars from 2019-02-25 to .*, but the run needs it from its"
        ):
            act(wrong)


@pytest.fixture(scope="module")
def intraday():
    return compute(load(ROOT / "configs" / "my_csv.yaml", ["workers=1"]))


def test_intraday_equity_becomes_one_return_a_session(intraday):
    equity = intraday.result.equity
    days = pd.DatetimeIndex(equity["time"]).tz_convert("America/New_York").tz_localize(None).normalize()
    last = pd.Series(equity["equity"].to_numpy(), index=days).groupby(level=0).last()
    assert len(intraday.daily) == len(last) - (days[0] != days[1])
    expected = (last / last.shift(fill_value=10000.0) - 1).loc[intraday.daily.index]
    np.testing.assert_allclose(intraday.daily["strategy"], expected, rtol=0, atol=1e-15)
    assert len(equity) > 6 * len(intraday.daily)


def test_intraday_value_at_risk_is_daily(intraday):
    found = {item.name: item for item in intraday.measures["strategy"]}["value_at_risk_95"]
    assert found.n == len(intraday.daily)
    assert found.value == pytest.approx(np.quantile(intraday.daily["strategy"], 0.05), rel=1e-12)
    assert intraday.periods_per_year == 252


def test_intraday_is_said_in_the_notes(intraday):
    notes = metrics(intraday)["notes"]
    assert any(
        note.startswith("60-minute bars, mostly 7 a session: 250 sessions (days in America/New_York)") for note in notes
    )
    daily = f"daily returns are made of {len(intraday.result.equity)} bars"
    assert any(daily in note and "252 periods a year" in note for note in notes)


@pytest.mark.slow
def test_the_portfolio_learns_pooled_and_says_what_flatters_it():
    chosen = load(ROOT / "configs" / "portfolio.yaml", ["model={kind: lightgbm}", "workers=1"])
    outcome = compute(chosen)
    assert outcome.market.trade == ("AAPL", "GOOG", "IBM", "MSFT")
    assert outcome.market.benchmark == "sp500"
    assert set(outcome.result.fills["symbol"]) == set(outcome.market.trade)
    assert {"buy", "sell"} == set(outcome.result.orders["side"])
    first = outcome.signals.frame.prediction[:, 1]
    listed = outcome.market.bars["GOOG"].times[0]
    assert np.isnan(first[outcome.signals.frame.times < listed]).all()
    text = " ".join(metrics(outcome)["notes"])
    assert "symbols chosen with hindsight" in text
    assert "price index, beside dividend-adjusted prices" in text
