"""The cash of an account from its fills and its costs alone, and the days that interest is counted by."""

from datetime import UTC
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest
from random_cases import case

from core.types import Bars, Market, SignalFrame
from engine.backtest import compiled
from engine.backtest.bt import engine as bt_engine
from engine.backtest.engine_output import BacktestInput
from engine.backtest.engines import backtest, first_difference
from engine.results.costs_paid import costs
from engine.sweep.load_config import load
from risk.costs import BrokerSpec
from risk.spec import RiskSpec
from signals.generate import generate
from strategies.threshold import Threshold

CONFIGS = Path(__file__).resolve().parents[3] / "configs"
SHIPPED = sorted(path.stem for path in CONFIGS.glob("*.yaml"))
UNTRAINED = ("buy_and_hold", "sma_cross")
"""Their models are rules; those of the others take minutes to train."""
NAN = np.nan
FREE = {"commission": 0.0, "slippage": 0.0}
TAKEN = {"commission", "short_interest", "cash_interest"}
"""Kinds of cost that leave the cash by themselves; slippage and impact are in the prices of the fills."""


def both(market, signals, risk, broker, strategy=Threshold()):  # noqa: B008 (frozen)
    """The result, once both engines gave the same."""
    task = BacktestInput.of(market, signals, strategy, risk, broker, "0123456789ab")
    result = bt_engine.run_task(task, solvent=False)
    assert first_difference(result, compiled.run_task(task, solvent=False)) == ""
    return result


def require_reconciled(result):
    """The cash at every close is the initial cash, less what fills and costs took by then."""
    times = result.equity["time"].to_numpy()
    fills = result.fills
    taken = result.costs[result.costs["kind"].isin(TAKEN)]
    spent = pd.concat(
        [
            pd.Series((fills["size"] * fills["price"]).to_numpy(), fills["time"]),
            pd.Series(taken["amount"].to_numpy(), taken["time"]),
        ]
    ).sort_index()
    until = np.searchsorted(spent.index.to_numpy(), times, side="right")
    expected = result.cash - np.concatenate(([0.0], np.cumsum(spent.to_numpy())))[until]
    assert np.abs(result.equity["cash"].to_numpy() - expected).max() <= 1e-9 * max(result.cash, np.abs(expected).max())
    paid = result.costs[result.costs["kind"] == "short_interest"]["amount"].sum()
    assert result.trades["interest"].sum() == pytest.approx(paid, rel=1e-9, abs=1e-9)


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[] if name in UNTRAINED else [pytest.mark.slow]) for name in SHIPPED]
)
def test_the_cash_of_a_shipped_config_reconciles_at_every_bar(name):
    config = load(CONFIGS / f"{name}.yaml")
    market = config.data.load()
    require_reconciled(backtest(config, market, generate(market, config.signals).frame))


@pytest.mark.slow
@pytest.mark.parametrize("name", SHIPPED)
def test_the_cash_of_a_shipped_config_reconciles_with_other_signals(name):
    config = load(CONFIGS / f"{name}.yaml")
    market = config.data.load()
    times = pd.DatetimeIndex(
        np.unique(np.concatenate([market.bars[symbol].times.asi8 for symbol in market.trade])), tz=UTC
    )
    rng = np.random.default_rng(1)
    prediction = rng.normal(0, 0.01, (len(times), len(market.trade)))
    confidence = rng.uniform(0.3, 1, prediction.shape)
    signals = SignalFrame(
        times, market.trade, prediction, confidence, np.where(np.arange(len(times)) < len(times) - 300, -1, 0)
    )
    require_reconciled(backtest(config, market, signals))


@pytest.mark.slow
@pytest.mark.usefixtures("general")
def test_the_cash_of_random_settings_reconciles_at_every_bar():
    paid = 0
    for seed in range(40):
        market, signals, strategy, risk, broker = case(seed, rules=("threshold",), tight=seed % 2 == 0)
        result = both(market, signals, risk, broker, strategy)
        require_reconciled(result)
        paid += (result.costs["kind"] == "short_interest").sum()
    assert paid > 100


# --- the days of interest

ZONES = (
    "Australia/Sydney",
    "America/New_York",
    "Asia/Kolkata",
    "Pacific/Auckland",
    "Pacific/Honolulu",
    "Europe/Berlin",
    "UTC",
)


def intraday(local, zone, predictions, prices, *, limits=None, **broker):
    """Backtest bars that close at local times, in a market of that zone."""
    times = pd.DatetimeIndex([pd.Timestamp(time, tz=ZoneInfo(zone)) for time in local]).tz_convert(UTC)
    frame = pd.DataFrame(dict.fromkeys(("open", "high", "low", "close"), prices), index=times, dtype=float)
    market = Market({"a": Bars.of("a", frame.assign(volume=1.0))}, ("a",), "a", zone)
    prediction = np.array(predictions, dtype=float)[:, None]
    confidence = np.where(np.isnan(prediction), NAN, 1.0)
    signals = SignalFrame(times, ("a",), prediction, confidence, np.zeros(len(times), dtype=np.int64))
    spec = BrokerSpec.parse(FREE | broker)
    return both(
        market,
        signals,
        RiskSpec.parse({"base": 0.5, "cap": 0.5, "limits": limits or {}}),
        spec,
        Threshold(side="short"),
    )


@pytest.mark.usefixtures("general")
def test_a_short_within_one_day_of_sydney_pays_nothing_across_midnight_of_utc():
    # 10:20 in Sydney's summer is 23:20 UTC of the day before, 11:20 is 00:20
    local = [f"2024-01-08 {at}" for at in ("10:00", "10:20", "11:20", "12:00")]
    result = intraday(local, "Australia/Sydney", [-1, 1, NAN, NAN], [100.0] * 4, short_interest=0.365)
    assert list(result.fills["size"]) == [-50.0, 50.0]
    assert not (result.costs["kind"] == "short_interest").any()


@pytest.mark.usefixtures("general")
@pytest.mark.parametrize("zone", ZONES)
def test_a_night_of_the_sessions_zone_is_one_day_of_interest(zone):
    # 5,000 short from 15:00 to 10:00 of the next day, at 0.1 % a day; then over a weekend, Friday to Monday
    local = ["2024-01-04 14:00", "2024-01-04 15:00", "2024-01-05 10:00", "2024-01-05 15:00", "2024-01-08 10:00"]
    result = intraday(local, zone, [-1, NAN, NAN, NAN, NAN], [100.0] * 5, short_interest=0.365, cash_interest=0.0365)
    paid = result.costs[result.costs["kind"] == "short_interest"]
    days = pd.DatetimeIndex(paid["time"]).tz_convert(ZoneInfo(zone))
    assert [(time.day, time.hour) for time in days] == [(5, 10), (8, 10)]
    assert list(paid["amount"]) == pytest.approx([5.0, 15.0], rel=1e-12)
    earned = -result.costs[result.costs["kind"] == "cash_interest"]["amount"]
    assert list(earned) == pytest.approx([1.0, 3 * (10_000 + 1 - 5) / 10_000], rel=1e-12)


@pytest.mark.usefixtures("general")
@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("month", ["2024-03", "2024-04", "2024-10", "2024-11"])
def test_interest_counts_the_midnights_of_the_zone_across_a_change_of_the_clocks(zone, month):
    rng = np.random.default_rng(len(zone) + int(month[-2:]))
    days = pd.date_range(f"{month}-01", periods=25)
    days = days[(days.day_of_week < 5) & (rng.random(25) > 0.15)]  # weekends, and holidays at random
    local = [f"{day:%F} {hour:02d}:30" for day in days for hour in (0, 4, 9, 15, 23)]
    prices = 100 + np.cumsum(rng.normal(0, 0.5, len(local)))
    predictions = np.where(rng.random(len(local)) < 0.3, rng.choice([-1.0, 1.0], len(local)), NAN)
    result = intraday(local, zone, predictions, prices, short_interest=0.2)
    held = result.positions["a"].to_numpy()
    entry, expected = NAN, []
    for row in range(1, len(local)):
        if held[row - 1] < 0:
            entry = prices[row - 1] if row == 1 or held[row - 2] == 0 else entry  # filled at the open of that bar
            nights = (pd.Timestamp(local[row][:10]) - pd.Timestamp(local[row - 1][:10])).days
            expected += [nights * 0.2 / 365 * -held[row - 1] * entry] if nights else []
    paid = result.costs[result.costs["kind"] == "short_interest"]["amount"]
    assert len(expected) > 2
    assert list(paid) == pytest.approx(expected, rel=1e-12)
    require_reconciled(result)


@pytest.mark.usefixtures("general")
def test_the_drag_of_a_long_short_is_spread_over_its_days():
    # 389 days short at an unchanged price: each day costs 0.1 % of 5,000, and the drag is what cash paid by day
    days = [f"2022-01-0{n} 16:00" for n in (3, 4)] + [
        f"{day:%F} 16:00" for day in pd.bdate_range("2022-01-05", "2023-01-27")
    ]
    result = intraday(days, "America/New_York", [-1] + [NAN] * (len(days) - 1), [100.0] * len(days), short_interest=0.1)
    paid = result.costs[result.costs["kind"] == "short_interest"]
    assert len(paid) == len(days) - 2
    assert paid["amount"].sum() == pytest.approx(388 * 0.1 / 365 * 5000, rel=1e-12)
    cash = result.equity["cash"].to_numpy()
    before = result.equity["equity"].to_numpy()[:-1]
    drag = np.append(0.0, -np.diff(cash)[1:] / before[1:])
    sessions = pd.DatetimeIndex([day[:10] for day in days[1:]])
    assert costs(result, sessions, 252.0).drag["short_interest"] == pytest.approx(252 * drag.mean(), rel=1e-9)


@pytest.mark.usefixtures("general")
def test_the_note_of_a_stop_of_the_account_names_the_day_of_the_session():
    # 10:30 of the 9th in Sydney is still the 8th of UTC
    local = [f"2024-01-{day:02d} {at}" for day in (8, 9, 10) for at in ("10:30", "15:00")]
    limits = {"daily_loss": 0.1, "resume_after": 5}
    result = intraday(local, "Australia/Sydney", [-1, *[NAN] * 5], [100, 100, 140, 140, 140, 140], limits=limits)
    assert [note.partition(":")[:1] for note in result.notes] == [("2024-01-09",)]
    assert result.orders["reason"].iloc[-1].startswith("daily_loss")


@pytest.mark.usefixtures("general")
@pytest.mark.parametrize("zone", ZONES)
def test_the_loss_of_a_day_is_that_of_a_session_of_the_zone(zone):
    # 4 % are lost by 15:00 and 4 % more by 10:00 of the next day: no day loses 5 %, whatever the date is in UTC
    local = [f"2024-01-{day:02d} {at}" for day in (8, 9, 10) for at in ("10:00", "15:00")]
    limits = {"daily_loss": 0.05, "resume_after": 5}
    two_days = intraday(local, zone, [-1, *[NAN] * 5], [100, 100, 100, 108, 116, 116], limits=limits)
    assert len(two_days.fills) == 1
    one_day = intraday(local, zone, [-1, *[NAN] * 5], [100, 100, 108, 116, 116, 116], limits=limits)
    assert list(one_day.trades["exit_reason"]) == ["daily_loss"]
