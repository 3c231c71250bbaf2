"""Any Cerebro run, recorded: against backtrader's own figures, our own engine, and cases worked by hand."""

import backtrader as bt
import numpy as np
import pandas as pd
import pytest

from core.errors import ConfigError, StoreError
from core.types import Bars, Market, SignalFrame
from engine import RunRecorder, load_run
from engine.backtest.bt import engine as bt_engine
from engine.backtest.bt.feed import SignalFeed
from engine.reproduce.recorded_run import RecordedRun
from engine.run_folder.run_folder import RESULT_FILES
from engine.sweep.load_config import load
from risk.bt_adapter import RiskAudit, RiskBroker, RiskRuleSizer, RuleCommission
from risk.costs import BrokerSpec
from risk.spec import RiskSpec
from strategies._backtrader import SignalStrategy
from strategies.threshold import Threshold

QUICK = {"intervals": {"reps": 0}, "exam": {"methods": []}, "var_methods": ["historical"]}


def walk(seed=1, bars=300, start="2020-01-01"):
    """Bars of a random walk on weekdays."""
    draw = np.random.default_rng(seed)
    close = 100 * np.exp(np.cumsum(draw.normal(0, 0.02, bars)))
    opened = close * np.exp(draw.normal(0, 0.01, bars))
    high = np.maximum(opened, close) * (1 + draw.uniform(0, 0.01, bars))
    low = np.minimum(opened, close) * (1 - draw.uniform(0, 0.01, bars))
    index = pd.bdate_range(start, periods=bars)
    return pd.DataFrame({"open": opened, "high": high, "low": low, "close": close, "volume": 1000.0}, index=index)


def steps(prices):
    """Bars without a range, in which a fill has one possible price."""
    flat = {name: np.array(prices, dtype=float) for name in ("open", "high", "low", "close")}
    return pd.DataFrame({**flat, "volume": 100.0}, index=pd.bdate_range("2020-01-01", periods=len(prices)))


class Scripted(bt.Strategy):
    """Orders by bar: ``{bar: function of the strategy}``."""

    params = (("script", {}),)

    def next(self):
        self.p.script.get(len(self), lambda _: None)(self)


class Cross(bt.Strategy):
    """A moving-average cross, always in the market."""

    params = (("fast", 5), ("slow", 20))
    exectype = bt.Order.Market

    def __init__(self):
        averages = (bt.ind.SMA(data.close, period=n) for data in self.datas for n in (self.p.fast, self.p.slow))
        pairs = list(averages)
        self.crosses = [bt.ind.CrossOver(pairs[2 * n], pairs[2 * n + 1]) for n in range(len(self.datas))]

    def next(self):
        for data, cross in zip(self.datas, self.crosses, strict=True):
            if cross[0]:
                size = abs(self.getposition(data).size) or 10
                (self.buy if cross[0] > 0 else self.sell)(data=data, size=size, exectype=self.exectype)


class CrossAtClose(Cross):
    """The same at the next close."""

    exectype = bt.Order.Close


def cerebro_of(*frames, strategy=Scripted, broker=None, **params):
    cerebro = bt.Cerebro(stdstats=False)
    for number, frame in enumerate(frames):
        cerebro.adddata(bt.feeds.PandasData(dataname=frame), name="AB"[number])
    cerebro.addstrategy(strategy, **params)
    if broker is not None:
        cerebro.broker = broker
    return cerebro


def recorded(cerebro, **settings):
    cerebro.addanalyzer(RunRecorder, _name="run", **{"measures": QUICK, "tearsheet": False, **settings})
    return cerebro.run()[0].analyzers.run


def test_daily_returns_are_those_of_backtraders_own_analyzer():
    cerebro = cerebro_of(walk(1), walk(2, start="2020-01-03"), strategy=Cross)
    cerebro.broker.setcommission(commission=0.001)
    cerebro.addanalyzer(bt.analyzers.TimeReturn, timeframe=bt.TimeFrame.Days, _name="days")
    run = recorded(cerebro)
    theirs = pd.Series(run.strategy.analyzers.days.get_analysis())
    assert len(run.result.trades) > 10
    assert list(run.result.returns.index) == list(pd.DatetimeIndex(theirs.index[1:]))
    np.testing.assert_array_equal(run.result.returns, theirs.iloc[1:])
    assert run.result.equity["equity"].iloc[-1] == cerebro.broker.getvalue()
    assert run.result.positions["A"].iloc[-1] == run.strategy.getposition(run.strategy.datas[0]).size


def test_money_paid_in_is_no_return():
    def paid(strategy):
        strategy.broker.add_cash(5000.0)

    cerebro = cerebro_of(walk(3), script={2: lambda s: s.buy(size=50), 100: paid, 150: lambda s: s.close()})
    cerebro.addanalyzer(bt.analyzers.TimeReturn, timeframe=bt.TimeFrame.Days, fund=True, _name="days")
    run = recorded(cerebro)
    theirs = pd.Series(run.strategy.analyzers.days.get_analysis())
    np.testing.assert_allclose(run.result.returns, theirs.iloc[1:], atol=1e-14)
    inside = run.result.equity["return"].to_numpy()[1:]
    np.testing.assert_allclose(inside, theirs.iloc[1:], atol=1e-14)
    assert any("time-weighted" in note for note in run.result.notes)
    gained = run.result.trades["pnl"].sum()
    assert gained == pytest.approx(cerebro.broker.getvalue() - 15_000)


@pytest.mark.parametrize("order", [None, {"kind": "close"}])
def test_a_recorded_signal_strategy_has_the_tables_of_the_engine(order):
    frame = walk(4)
    closes = frame.index.tz_localize("UTC")
    bars = Bars.of("A", frame.set_axis(closes))
    draw = np.random.default_rng(4)
    prediction, confidence = draw.normal(0, 0.02, (len(frame), 1)), draw.uniform(0.2, 1, (len(frame), 1))
    signals = SignalFrame(closes, ("A",), prediction, confidence, np.zeros(len(frame), dtype=np.int64))
    market = Market({"A": bars}, ("A",), "A", "UTC")
    risk, costs = RiskSpec(stop={"kind": "percent", "value": 0.03}), BrokerSpec()
    rule = Threshold.parse({"entry": 0.01, "entry_order": order})
    engine = bt_engine.run(market, signals, rule, risk, costs, "0" * 12)

    cerebro = bt.Cerebro(stdstats=False)
    fed = frame.assign(prediction=prediction[:, 0], confidence=confidence[:, 0])
    cerebro.adddata(SignalFeed(dataname=fed), name="A")
    cerebro.addstrategy(SignalStrategy, spec=rule, risk=risk)
    cerebro.broker = RiskBroker(cash=costs.cash, cap=risk.cap, limits=risk.limits)
    cerebro.broker.addcommissioninfo(RuleCommission.of(costs))
    cerebro.broker.set_slippage_perc(costs.slippage, slip_out=True)
    cerebro.addsizer(RiskRuleSizer, base=risk.base, cap=risk.cap)
    result = recorded(cerebro, benchmark="A").result
    for name in ("orders", "fills", "trades", "costs", "stops", "equity"):
        pd.testing.assert_frame_equal(getattr(result, name), getattr(engine, name), check_exact=True)
    assert list(result.signals["prediction"]) == list(prediction[:, 0])
    assert result.metrics["cap"]["breaches"] == 0
    assert result.config["risk"]["cap"] == risk.cap


class Shares(RunRecorder):
    """Keeps what it computes where a RiskBroker knows better."""

    def stop(self):
        self.computed = dict(self._shares_at_fills.by_order)
        self.exact = {ref: note.share_at_fill for (ref, _), note in self._broker.notes.items()}
        super().stop()


@pytest.mark.parametrize("strategy", [Cross, CrossAtClose])
def test_the_share_at_a_fill_is_what_a_risk_broker_knows(strategy):
    cerebro = cerebro_of(walk(5), walk(6), strategy=strategy, broker=RiskBroker(cash=10_000.0))
    cerebro.broker.setcommission(commission=0.002)
    cerebro.broker.set_slippage_perc(0.001, slip_out=True)
    cerebro.addanalyzer(Shares, _name="run", measures=QUICK)
    run = cerebro.run()[0].analyzers.run
    assert len(run.exact) > 10
    assert run.computed.keys() == run.exact.keys()
    for ref, share in run.exact.items():
        assert run.computed[ref] == pytest.approx(share, rel=1e-9)


def test_shares_and_sizes_without_a_cap_by_hand():
    cerebro = cerebro_of(steps([100, 100, 110, 120, 120]), script={1: lambda s: s.buy(size=40)})
    run = recorded(cerebro)
    assert run.result.orders["share_at_fill"].tolist() == [0.4]
    cap = run.result.metrics["cap"]
    assert (cap["breaches"], cap["largest"]) == (None, 0.4)
    assert cap["largest_close"] == pytest.approx(40 * 120 / 10_800)
    [trade] = run.result.trades.to_dict("records")
    assert (trade["pnl"], trade["exit_reason"]) == (800.0, "open")


def test_a_future_counts_by_its_multiplier():
    cerebro = cerebro_of(steps([100, 100, 110, 120]), script={1: lambda s: s.sell(size=2), 2: lambda s: s.close()})
    cerebro.broker.setcommission(commission=1.5, margin=1000.0, mult=5.0)
    run = recorded(cerebro)
    [trade] = run.result.trades.to_dict("records")
    assert trade["pnl"] == pytest.approx(-2 * 5 * 10 - 4 * 1.5)
    assert trade["pnl_fraction"] == pytest.approx(trade["pnl"] / (2 * 100 * 5))
    assert run.result.equity["equity"].iloc[-1] == pytest.approx(10_000 + trade["pnl"])
    assert run.result.orders["share_at_fill"].tolist() == pytest.approx([1000 / 10_000, 0.0])


def test_a_limit_exit_is_called_a_limit_and_a_brackets_target_a_profit_taken():
    prices = [100, 100, 100, 120, 100, 100, 120, 120]
    script = {
        1: lambda s: s.buy(size=1),
        2: lambda s: s.sell(size=1, exectype=bt.Order.Limit, price=115.0),
        4: lambda s: s.buy_bracket(size=1, exectype=bt.Order.Market, limitprice=115.0, stopprice=50.0),
    }
    reasons = recorded(cerebro_of(steps(prices), script=script)).result.trades["exit_reason"]
    assert reasons.tolist() == ["limit", "take_profit"]


def test_a_fill_at_the_close_that_decided_is_a_leak():
    cerebro = cerebro_of(walk(7), strategy=Cross)
    cerebro.broker.set_coc(True)
    run = recorded(cerebro)
    assert run.get_analysis()["verdict"].startswith("the future was used")
    [check] = [check for check in run.result.metrics["leak_checks"] if check["number"] == "L10"]
    assert (check["status"], "no later than it was decided" in check["detail"]) == ("leak", True)


def test_orders_filled_in_parts_are_no_leak():
    cerebro = cerebro_of(walk(8), script={5: lambda s: s.buy(size=250)})
    cerebro.broker.set_cash(100_000.0)
    cerebro.broker.set_filler(bt.fillers.FixedBarPerc(perc=10))
    run = recorded(cerebro)
    assert len(run.result.fills) == 3
    assert run.result.metrics["leak_checks"][1]["status"] == "clean"


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    cerebro = cerebro_of(walk(9), strategy=Cross)
    return recorded(cerebro, out=tmp_path_factory.mktemp("runs"), name="cross", benchmark="A", tearsheet=True)


@pytest.mark.slow
def test_the_folder_has_the_pages_and_is_read_back(saved):
    assert {path.name for path in saved.folder.iterdir()} >= {"report.html", "tearsheet.html", *RESULT_FILES}
    assert saved.folder.name == f"cross-{saved.result.config_id}"
    again = load_run(saved.folder)
    for name in ("equity", "orders", "fills", "trades", "costs", "stops", "signals", "daily", "positions"):
        pd.testing.assert_frame_equal(getattr(again, name), getattr(saved.result, name), check_freq=False)
    assert again.metrics == saved.result.metrics
    assert "class Cross(bt.Strategy)" in again.plugins["test_recorder.py"]
    assert again.config["cerebro"]["strategy"]["parameters"] == {"fast": 5, "slow": 20}
    assert [series.name for series in again.to_quantstats()] == ["Strategy", "Benchmark"]


@pytest.mark.slow
def test_the_report_says_what_it_cannot_know(saved):
    page = (saved.folder / "report.html").read_text()
    assert "No cap was set" in page
    assert "it cannot run a script" in page
    assert "The recorded script" in page


def test_without_a_tearsheet_the_report_says_why(tmp_path):
    run = recorded(cerebro_of(walk(9), strategy=Cross), out=tmp_path)
    assert not (run.folder / "tearsheet.html").exists()
    assert "No tear-sheet: RunRecorder was given tearsheet=False" in (run.folder / "report.html").read_text()


@pytest.mark.slow
def test_a_recording_is_no_config(saved):
    with pytest.raises(ConfigError, match=r"config\.yaml: describes a recorded Cerebro run"):
        load(saved.folder / "config.yaml")
    with pytest.raises(ConfigError, match="run the script again"):
        RecordedRun.read(saved.folder)
    (saved.folder.parent / "copy").mkdir()
    with pytest.raises(StoreError, match="is no run folder"):
        load_run(saved.folder.parent / "copy")


def test_the_id_is_of_strategy_data_and_broker():
    def id_of(frame=None, cash=10_000.0, name="cerebro", **params):
        cerebro = cerebro_of(walk(9) if frame is None else frame, strategy=Cross, **params)
        cerebro.broker.set_cash(cash)
        return recorded(cerebro, name=name).result.config_id

    plain = id_of()
    assert id_of(name="other") == plain
    assert len({plain, id_of(fast=6), id_of(cash=9_000.0), id_of(walk(10))}) == 4


def test_a_resampled_feed_that_is_not_traded_is_not_in_the_account():
    cerebro = cerebro_of(walk(11), script={30: lambda s: s.buy(size=5)})
    cerebro.resampledata(cerebro.datas[0], timeframe=bt.TimeFrame.Weeks)
    run = recorded(cerebro)
    assert run.result.metrics["symbols"] == ["A"]
    assert list(run.result.config["cerebro"]["feeds"]) == ["A", "data1"]
    assert run.result.config["cerebro"]["feeds"]["data1"]["bars"] == walk(11).resample("W").ngroups
    assert run.result.equity["time"].is_monotonic_increasing


def test_bars_within_the_day_are_in_the_sessions_of_their_zone():
    frame = walk(12, bars=140).set_axis(pd.date_range("2020-03-02 14:00", periods=140, freq="h"))
    cerebro = bt.Cerebro(stdstats=False)
    cerebro.adddata(bt.feeds.PandasData(dataname=frame, timeframe=bt.TimeFrame.Minutes, compression=60))
    cerebro.addstrategy(Scripted, script={3: lambda s: s.buy(size=5)})
    run = recorded(cerebro, zone="America/New_York", utc=True)
    assert run.result.equity["time"].iloc[0] == pd.Timestamp("2020-03-02 14:00", tz="UTC")
    assert run.result.zone == "America/New_York"
    assert list(run.result.returns.index[:2]) == [pd.Timestamp("2020-03-02"), pd.Timestamp("2020-03-03")]
    assert run.result.metrics["symbols"] == ["data0"]


class Twice(Scripted):
    """Another strategy beside the first."""


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"benchmark": "SPY"}, "benchmark='SPY' is no feed; feeds: A"),
        ({"name": "a b"}, "RunRecorder: name='a b'"),
        ({"cap": 5}, "RunRecorder: risk.cap=5"),
        ({"measures": {"var_level": 0.9}}, "RunRecorder: measures.var_level=0.9"),
        ({"zone": "Mars"}, "zone='Mars'"),
    ],
)
def test_what_cannot_be_is_one_line(settings, message):
    with pytest.raises(ConfigError, match=message.replace("(", r"\(")) as caught:
        recorded(cerebro_of(walk(1, bars=40)), **settings)
    assert "\n" not in str(caught.value)


def test_several_strategies_have_no_account_of_their_own():
    cerebro = cerebro_of(walk(1, bars=40))
    cerebro.addstrategy(Twice)
    with pytest.raises(ConfigError, match="this Cerebro runs several"):
        recorded(cerebro)


def test_an_account_that_lost_more_than_it_had_is_refused():
    cerebro = cerebro_of(steps([100, 100, 300, 300]), script={1: lambda s: s.sell(size=99)})
    with pytest.raises(ConfigError, match="trade smaller sizes"):
        recorded(cerebro)


def test_a_run_without_orders_says_so():
    run = recorded(cerebro_of(walk(1, bars=60)))
    assert "nothing was traded: no order was asked" in run.result.notes
    assert run.result.signals.empty


def test_other_analyzers_do_not_change():
    cerebro = cerebro_of(walk(5), strategy=Cross)
    cerebro.addanalyzer(RiskAudit, _name="audit")
    run = recorded(cerebro)
    theirs = run.strategy.analyzers.audit.get_analysis()["orders"]
    columns = ["created_at", "symbol", "kind", "side", "asked", "filled", "price", "commission", "status", "reason"]
    assert [[row[name] for name in columns] for row in theirs] == run.result.orders[columns].to_numpy().tolist()
    assert np.isnan([row["share_at_fill"] for row in theirs]).all()
