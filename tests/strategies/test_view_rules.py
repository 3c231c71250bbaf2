"""Rules that are handed a view, on bars worked by hand: what they see, what they remember, what they say."""

import math
from typing import Any, ClassVar, NamedTuple

import numpy as np
import pandas as pd
import pytest

from core.errors import ConfigError, PluginError
from core.types import Bars, Market, SignalFrame
from engine.backtest.bt import engine
from engine.results.order_audit import ROUNDING
from risk.costs import BrokerSpec
from risk.spec import RiskSpec
from signals.features.lagged_return import LaggedReturn
from signals.features.sma import Sma
from strategies._contract import fault_of, form_of
from strategies._view import position_return
from strategies.base import CrossDecision, CrossSectional, Decision, Strategy, View
from strategies.threshold import Threshold

NAN = math.nan
SMA = (Sma(window=2),)
FREE = BrokerSpec(cash=100_000.0, commission=0.0, slippage=0.0)
SEEN: list[Any] = []
"""What the rules of this file were handed, in order."""


class Reads(NamedTuple):
    sma: float


class State(NamedTuple):
    count: int = 0
    level: float = 0.5
    up: bool = False


def told(view, state, p):
    """Ask for what the prediction says, and remember how often it was asked."""
    SEEN.append((view, state))
    return Decision(view.prediction, int(view.confidence < 1.0)), State(state.count + 1, view.close, 1)


class Told(Strategy):
    """As told."""

    rule: ClassVar[Any] = staticmethod(told)
    reads: ClassVar[Any] = Reads
    state: ClassVar[Any] = State
    reasons: ClassVar[tuple[str, ...]] = ("sure", "less sure")


def market_of(**frames):
    bars = {name: Bars.of(name, frame) for name, frame in frames.items()}
    return Market(bars, tuple(bars), next(iter(bars)), "UTC")


def frame_of(rows):
    times = pd.bdate_range("2024-01-01", periods=len(rows), tz="UTC") + pd.Timedelta("21h")
    return pd.DataFrame(rows, columns=["open", "high", "low", "close"], index=times, dtype=float).assign(volume=7.0)


def backtest(rows, told_at, strategy, confidence=1.0, features=SMA, broker=FREE, **risk):
    SEEN.clear()
    market = market_of(x=frame_of(rows))
    prediction = np.asarray(told_at, dtype=float)[:, None]
    trust = np.where(np.isnan(prediction), NAN, np.asarray(confidence, dtype=float).reshape(-1, 1))
    signals = SignalFrame(market.times, ("x",), prediction, trust, np.zeros(len(rows), int))
    risk = RiskSpec.parse({"base": 0.1, "cap": 0.1, **risk})
    return engine.run(market, signals, strategy, risk, broker, "0" * 12, features=features)


ROWS = [
    (100.0, 101.0, 99.0, 100.0),
    (100.0, 104.0, 98.0, 102.0),
    (103.0, 110.0, 101.0, 108.0),
    (108.0, 109.0, 95.0, 96.0),
    (96.0, 97.0, 94.0, 95.0),
]


def test_the_view_of_a_position_by_hand():
    backtest(ROWS, [1, 1, 1, 1, 0], Told())
    views = [view for view, _ in SEEN]
    assert [view.side for view in views] == [0, 1, 1, 1, 1]
    assert [view.held for view in views] == [0, 1, 2, 3, 4]
    assert [view[4:9] for view in views] == [(*row, 7.0) for row in ROWS]
    flat, first, second, third, _ = views
    assert all(math.isnan(getattr(flat, name)) for name in ("entry_price", "unrealised", "best", "worst"))
    assert [first.entry_price, third.entry_price] == [100.0, 100.0]
    assert [first.unrealised, second.unrealised, third.unrealised] == pytest.approx([0.02, 0.08, -0.04])
    # The entry filled at the open of bar 1, so that the whole bar counts: 104 and 98, then 110 and 98, then 110 and 95.
    assert [first.best, second.best, third.best] == pytest.approx([0.04, 0.10, 0.10])
    assert [first.worst, second.worst, third.worst] == pytest.approx([-0.02, -0.02, -0.05])


def test_the_view_of_a_short_is_its_mirror():
    backtest(ROWS, [-1, -1, -1, -1, 0], Told())
    third = SEEN[3][0]
    assert (third.side, third.held) == (-1, 3)
    assert [third.unrealised, third.best, third.worst] == pytest.approx([0.04, 0.05, -0.10])


LIMIT = {"kind": "limit", "offset": {"kind": "percent", "value": 0.02}, "bars": 3}


def test_a_rule_sees_the_entry_that_waits_and_its_bar_counts_by_its_close():
    flat = (100.0, 100.0, 100.0, 100.0)
    rows = [flat, flat, flat, flat, (100.0, 103.0, 97.0, 99.0), (99.0, 101.0, 98.0, 100.0), flat]
    result = backtest(rows, [1] * 7, Told(entry_order=LIMIT))
    views = [view for view, _ in SEEN]
    # Sent at bar 0 and expired at bar 3, sent there again, and filled at 98 in bar 4.
    assert [view.waiting for view in views] == [0, 1, 1, 0, 0, 0, 0]
    assert [view.side for view in views] == [0, 0, 0, 0, 1, 1, 1]
    assert result.fills["price"].tolist() == [98.0]
    assert [views[4].best, views[4].worst] == pytest.approx([99 / 98 - 1] * 2)
    assert [views[5].best, views[5].worst] == pytest.approx([101 / 98 - 1, 98 / 98 - 1])


def test_what_was_before_is_that_of_the_bar_before():
    backtest(ROWS, [1, NAN, -1, 0.5, 0], Told(), confidence=[1.0, 1.0, 0.25, 0.5, 1.0])
    before = [(view.previous_prediction, view.previous_confidence) for view, _ in SEEN]
    np.testing.assert_array_equal(before, [(NAN, NAN), (NAN, NAN), (-1.0, 0.25), (0.5, 0.5)])


def test_features_are_unscaled_and_nan_in_their_warm_up():
    backtest(ROWS, [0] * 5, Told())
    closes = np.array([row[3] for row in ROWS])
    expected = np.concatenate([[NAN], closes[1:] / ((closes[1:] + closes[:-1]) / 2) - 1.0])
    np.testing.assert_allclose([view.features.sma for view, _ in SEEN], expected, rtol=1e-12)


def test_a_rule_is_not_asked_without_a_prediction_and_its_state_waits():
    backtest(ROWS, [0, NAN, NAN, 0, 0], Told())
    assert [state for _, state in SEEN] == [State(), State(1, 100.0, True), State(2, 96.0, True)]
    assert [type(value) for value in SEEN[1][1]] == [int, float, bool]


def test_each_symbol_has_its_state():
    SEEN.clear()
    other = [tuple(2 * price for price in row) for row in ROWS]
    market = market_of(x=frame_of(ROWS), y=frame_of(other).iloc[2:])
    told_at = np.zeros((5, 2))
    told_at[:2, 1] = NAN
    signals = SignalFrame(market.times, ("x", "y"), told_at, np.where(np.isnan(told_at), NAN, 1.0), np.zeros(5, int))
    engine.run(market, signals, Told(), RiskSpec(), FREE, "0" * 12, features=(Sma(window=2),))
    levels = [state.level for view, state in SEEN if view.close in (216.0, 192.0, 190.0)]
    assert levels == [0.5, 216.0, 192.0]


# --- what a rule says


FLAT = [(100.0, 100.0, 100.0, 100.0)] * 8


def test_a_target_is_a_part_of_the_rule_s_size():
    result = backtest(FLAT, [0.5, 0.5, 1, 1, 0.25, -0.75, 0, 0], Told())
    # The rule's size is 10 % of 100,000 at 100: 100 units; each target is in place from the next bar on.
    assert result.positions["x"].tolist() == pytest.approx([0, 50, 50, 100, 100, 25, -75, 0])


def test_a_target_that_stays_is_left_alone_whatever_the_account_does():
    rows = [(100.0 + bar, 100.0 + bar, 100.0 + bar, 100.0 + bar) for bar in range(8)]
    result = backtest(rows, [0.5] * 8, Told())
    assert len(result.fills) == 1
    resized = backtest(rows, [0.5] * 8, Told(), resize={"band": 0.01})
    assert len(resized.fills) > 3
    assert set(resized.orders["decision"]) == {"sure", "resize"}


def test_a_changed_target_moves_to_the_size_of_the_day():
    rows = [(100.0, 100.0, 100.0, 100.0)] * 2 + [(200.0, 200.0, 200.0, 200.0)] * 3
    result = backtest(rows, [0.5, 0.5, 1.0, 1.0, 1.0], Told())
    # 50 units at 100 became 10,000 of 105,000; the whole size at 200 is 10,500 / 200 = 52.5 units.
    assert result.positions["x"].tolist() == pytest.approx([0, 50, 50, 52.5, 52.5])


@pytest.mark.parametrize("seed", range(6))
def test_scaling_in_never_passes_the_cap_at_any_fill(seed):
    rng = np.random.default_rng(seed)
    close = 100.0 * np.exp(np.cumsum(rng.normal(0.0, 0.04, 150)))
    opened = close * np.exp(rng.normal(0.0, 0.03, 150))
    rows = np.column_stack([opened, np.maximum(opened, close) * 1.01, np.minimum(opened, close) * 0.99, close])
    steps = rng.choice([-1.0, -0.5, 0.25, 0.5, 0.75, 1.0], 150)
    strategy = Told(entry_order={"kind": "stop", "offset": {"kind": "percent", "value": 0.01}}) if seed % 2 else Told()
    result = backtest(rows, steps, strategy, broker=BrokerSpec(cash=100_000.0, slippage=0.002), cap=0.1, base=0.1)
    fills = result.fills.merge(result.orders[["order_id", "share_at_fill"]], on="order_id")
    opening = fills[fills["size"] * fills["position_after"] > 0]
    added = opening[opening["position_after"].abs() > opening["size"].abs() * 1.001]
    assert len(added) > 10
    assert (opening["share_at_fill"] <= 0.1 * (1 + ROUNDING)).all()
    assert (opening["share_at_fill"] > 0.0999).any()


def test_in_mode_stop_a_part_of_the_size_loses_a_part_at_the_stop():
    stop = {"kind": "percent", "value": 0.05}
    halves = [backtest(FLAT, [part] * 8, Told(), mode="stop", stop=stop, base=0.01, cap=1.0) for part in (1.0, 0.5)]
    whole, half = (result.fills["size"].iloc[0] for result in halves)
    assert (whole, half) == (pytest.approx(1_000.0 / 5.0), pytest.approx(500.0 / 5.0))


def test_reasons_land_in_orders_and_trades():
    result = backtest(FLAT, [1, 1, 0.5, 0, -1, 0, 0, 0], Told(), confidence=[1, 1, 0.9, 1, 0.9, 0.9, 1, 1])
    assert result.orders["decision"].tolist() == ["sure", "less sure", "sure", "less sure", "less sure"]
    assert result.trades["entry_reason"].tolist() == ["sure", "less sure"]
    assert result.trades["exit_reason"].tolist() == ["sure", "less sure"]


def test_old_rules_have_words_of_their_own_and_brackets_none():
    SEEN.clear()
    result = backtest(
        FLAT, [1, 1, 0, 0, 0, 0, 0, 0], Threshold(entry=0.5, exit=0.5), stop={"kind": "percent", "value": 0.05}
    )
    assert result.orders["decision"].tolist() == ["signal", "", "signal"]
    assert result.trades["entry_reason"].tolist() == ["signal"]


@pytest.mark.parametrize("target", [1.5, -1.01, NAN])
def test_what_is_no_target_is_one_line(target):
    with pytest.raises(PluginError, match=r"its rule failed on x at the bar of 2024-01-01 .*from -1 to 1"):
        backtest(FLAT, [0] * 8, replaced(lambda view, state, p: (Decision(target), state)))


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        (lambda view, state, p: (1, state), "it gave 1, which is no Decision"),
        (lambda view, state, p: Decision(1), "a rule with a state returns a decision and the state"),
        (lambda view, state, p: (Decision(1, 2), state), "the reason 2, but the strategy has 2 reasons"),
        (lambda view, state, p: (Decision(view.close[1]), state), "'float' object is not subscriptable"),
        (lambda view, state, p: (Decision(view.tomorrow), state), "no attribute 'tomorrow'"),
    ],
)
def test_a_rule_that_breaks_its_contract_is_one_line(rule, message):
    with pytest.raises(PluginError, match=message):
        backtest(FLAT, [0] * 8, replaced(rule))


def replaced(given):
    """The strategy of this file with another rule."""

    class Other(Told):
        """As told by another."""

        rule: ClassVar[Any] = staticmethod(given)

    return Other()


def test_reentry_asks_the_rule_as_if_it_were_flat_and_keeps_its_state():
    def once(view, state, p):
        SEEN.append((view.side, state.count))
        return Decision(1 if view.side == 0 or view.held < 2 else 0), state._replace(count=state.count + 1)

    class Once(Told):
        """In for two bars."""

        rule: ClassVar[Any] = staticmethod(once)

    result = backtest(FLAT, [0] * 8, Once(reenter="new_signal"))
    assert len(result.trades) == 1
    counts = [count for _, count in SEEN]
    assert SEEN[:4] == [(0, 0), (0, 1), (1, 1), (0, 2)]  # the second question of a bar sees the state that is kept
    assert max(counts) == 8


# --- rules of all symbols


def ranked(view, p):
    """The whole size in the best, half of it in the second, by a feature."""
    order = np.argsort(-view.features.sma)
    target = np.zeros(len(order))
    target[order[0]] = 1.0
    target[order[1]] = 0.5
    SEEN.append(view)
    return CrossDecision(np.where(np.isnan(view.prediction), 0.0, target))


class Ranked(CrossSectional):
    """By a feature."""

    rule: ClassVar[Any] = staticmethod(ranked)
    reads: ClassVar[Any] = Reads


def test_a_cross_sectional_rule_sees_all_symbols_side_by_side():
    SEEN.clear()
    walks = {name: np.cumsum(np.random.default_rng(seed).normal(0, 1, 30)) + 100.0 for seed, name in enumerate("abc")}
    frames = {name: frame_of([(price, price, price, price) for price in walk]) for name, walk in walks.items()}
    frames["c"] = frames["c"].drop(frames["c"].index[10])
    market = market_of(**frames)
    told_at = np.full((30, 3), 0.01)
    told_at[10, 2] = told_at[20, 0] = NAN
    signals = SignalFrame(market.times, tuple("abc"), told_at, np.where(np.isnan(told_at), NAN, 1.0), np.zeros(30, int))
    risk = RiskSpec.parse({"base": 0.1, "cap": 0.1})
    result = engine.run(market, signals, Ranked(), risk, FREE, "0" * 12, features=(Sma(window=5),))
    assert [len(view.close) for view in SEEN] == [3] * 30
    assert np.isnan(SEEN[10].close[2])
    assert np.isnan(SEEN[10].features.sma[2])
    assert np.isnan(SEEN[20].prediction[0])
    assert SEEN[20].close[0] == frames["a"]["close"].iloc[20]
    held = result.positions.to_numpy()
    assert SEEN[12].side.tolist() == np.sign(held[12]).astype(int).tolist()
    share = held[15] * np.array([frames[name]["close"].iloc[15 if name != "c" else 14] for name in "abc"])
    assert sorted(np.round(share / 10_000.0, 1).tolist()) == [0.0, 0.5, 1.0]


# --- what is refused on load


class NoStart(NamedTuple):
    count: int


class Worded(NamedTuple):
    name: str = "x"


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ({"rule": lambda view, p: Decision(0)}, "takes no state, but the strategy declares one"),
        ({"state": None}, "takes a state, so the strategy has to declare it"),
        ({"state": NoStart}, "has the state count without a start value"),
        ({"state": Worded}, "has the state name, a str"),
        ({"reads": ("sma",)}, "is no NamedTuple"),
        ({"reasons": ("",)}, "has the reason ''"),
        ({"rule": lambda view: Decision(0)}, r"takes \(view\), but it is called with \(prediction, confidence, side"),
        ({"rule": lambda prediction, confidence, side, held, p: 0}, "takes no view, so reads = "),
    ],
)
def test_a_faulty_declaration_is_named(names, message):
    plain = {name: staticmethod(value) if name == "rule" else value for name, value in names.items()}
    faulty = type("Faulty", (Told,), {"__doc__": "Faulty.", "__module__": __name__, **plain})
    with pytest.raises(AssertionError, match=message):
        raise AssertionError(fault_of(faulty, cross=False))


def test_the_form_of_a_rule():
    assert form_of(Told) == (True, True)
    assert form_of(Ranked) == (True, False)
    assert form_of(Threshold) == (False, False)
    assert fault_of(Told, cross=False) == fault_of(Threshold, cross=False) == fault_of(Ranked, cross=True) == ""


def test_a_feature_that_is_not_there_is_named_with_those_that_are():
    with pytest.raises(
        ConfigError, match=r"reads the feature 'sma', which the config has not; its features: none; add"
    ):
        backtest(FLAT, [0] * 8, Told(), features=())
    with pytest.raises(ConfigError, match="'sma', which is more than one feature: sma_2, sma_3; name one of them"):
        backtest(FLAT, [0] * 8, Told(), features=(Sma(window=2), Sma(window=3)))
    with pytest.raises(
        ConfigError, match=r"'x', which the config has not; its features: return_lag_0.*\{sma: \.\.\.\}"
    ):
        backtest(FLAT, [0] * 8, Told(features={"sma": "x"}), features=(LaggedReturn(lags=(0,)),))


def test_returns_of_positions_by_hand():
    assert position_return(1, 50.0, 55.0) == 0.1
    assert position_return(-1, 50.0, 55.0) == -0.1
    assert math.isnan(position_return(0, NAN, 55.0))
    assert View._fields[-1] == "features"
