"""``strategy.side`` bars a side of any rule, whether or not the rule looks at it: alike on both engines."""

from dataclasses import replace
from typing import Annotated, Any, ClassVar, NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import Field
from random_cases import case

from engine.backtest.bt import engine as bt_engine
from engine.backtest.compiled import engine as compiled
from engine.backtest.compiled.batch import batch
from engine.backtest.engine_output import BacktestInput
from engine.backtest.engines import first_difference
from risk.costs import BrokerSpec
from risk.spec import RiskSpec
from strategies.base import CrossDecision, CrossSectional, CrossView, Decision, Sided, View

Part = Annotated[float, Field(ge=-1, le=1)]
NAMES = ("down_short", "down_flat", "down_long", "up_short", "up_flat", "up_long")


class Table(Sided):
    """Six answers: by the sign of the prediction, and by the side now. Every such rule is one of these."""

    down_short: Part = -1
    """Of a fall, while short."""
    down_flat: Part = -1
    """Of a fall, while flat."""
    down_long: Part = -1
    """Of a fall, while long."""
    up_short: Part = 1
    """Of a rise, while short."""
    up_flat: Part = 1
    """Of a rise, while flat."""
    up_long: Part = 1
    """Of a rise, while long."""


def answer(prediction: float, side: int, p: Any) -> float:
    """The answer of the table."""
    if prediction < 0.0:
        return p.down_short if side < 0 else (p.down_flat if side == 0 else p.down_long)
    return p.up_short if side < 0 else (p.up_flat if side == 0 else p.up_long)


def of_numbers(prediction: float, confidence: float, side: int, held: int, p: Any) -> int:
    """A side, asked for each symbol."""
    target = answer(prediction, side, p)
    return int(target > 0.0) - int(target < 0.0)


def of_a_view(view: View, p: Any) -> Decision:
    """A target, asked for each symbol."""
    return Decision(answer(view.prediction, view.side, p))


class State(NamedTuple):
    """Bars with an opinion."""

    bars: int = 0


def of_a_state(view: View, state: State, p: Any) -> tuple[Decision, State]:
    """A target, but for every third bar, which is flat."""
    part = 0.0 if state.bars % 3 == 2 else 1.0
    return Decision(part * answer(view.prediction, view.side, p)), State(state.bars + 1)


def of_all_numbers(prediction: Any, confidence: Any, side: Any, p: Any) -> Any:
    """Sides of all symbols."""
    target = side.copy()
    for symbol in range(len(side)):
        part = answer(prediction[symbol], side[symbol], p)
        target[symbol] = int(part > 0.0) - int(part < 0.0)
    return target


def of_all_views(view: CrossView, p: Any) -> CrossDecision:
    """Targets of all symbols."""
    target = np.zeros(len(view.side))
    for symbol in range(len(target)):
        target[symbol] = answer(view.prediction[symbol], view.side[symbol], p)
    return CrossDecision(target)


class Scalar(Table):
    """Sides of one symbol."""

    rule: ClassVar[Any] = staticmethod(of_numbers)


class Viewed(Table):
    """Targets of one symbol."""

    rule: ClassVar[Any] = staticmethod(of_a_view)


class Stateful(Table):
    """Targets of one symbol, with a memory."""

    rule: ClassVar[Any] = staticmethod(of_a_state)
    state: ClassVar[Any] = State


class Cross(Table, CrossSectional):
    """Sides of all symbols."""

    rule: ClassVar[Any] = staticmethod(of_all_numbers)


class CrossViewed(Table, CrossSectional):
    """Targets of all symbols."""

    rule: ClassVar[Any] = staticmethod(of_all_views)


def task(strategy, seed):
    """A random market under a plain risk rule, for kernels that compile in seconds; of several symbols for a cross."""
    market, signals, *_ = case(seed, tight=False)
    if not isinstance(strategy, CrossSectional):
        market = replace(market, trade=market.trade[:1])
        columns = {name: getattr(signals, name)[:, :1] for name in ("prediction", "confidence")}
        signals = replace(signals, symbols=market.trade, **columns)
    risk = RiskSpec.parse({"base": 0.3, "cap": 0.5})
    return BacktestInput.of(market, signals, strategy, risk, BrokerSpec(), "0123456789ab")


def barred(strategy):
    """The same rule with its answers on the barred side written as flat, and no side barred."""
    sign = {"long": -1, "short": 1}[strategy.side]
    answers = {name: getattr(strategy, name) for name in NAMES}
    flat = {name: 0.0 if part * sign > 0.0 else part for name, part in answers.items()}
    return strategy.model_copy(update={**flat, "side": "both"})


def drawn_strategy(spec, numbers, bars_reentry):
    """One strategy of a drawn table."""
    keys = {"reenter": "new_signal"} if bars_reentry else {}
    return spec.parse({**dict(zip(NAMES, numbers, strict=True)), **keys})


tables = st.lists(st.sampled_from([-1.0, -0.5, 0.0, 0.25, 1.0]), min_size=6, max_size=6)
drawn = given(tables, st.sampled_from(["long", "short"]), st.integers(0, 30), st.booleans())


@pytest.fixture
def one_kernel(monkeypatch):
    """One kernel for all random markets of a rule."""

    def features_of(*args, **kinds):
        return exact(*args, **kinds)._replace(
            gaps=True, delisting=True, daily=False, symbols=0, sides=True, reenter=True
        )

    exact = compiled.features_of
    monkeypatch.setattr(compiled, "features_of", features_of)


def held_sides(result):
    return set(np.sign(result.fills["position_after"]))


@pytest.mark.slow
@pytest.mark.parametrize("spec", [Scalar, Viewed, Stateful, Cross, CrossViewed])
def test_a_barred_side_is_flat_on_backtrader(spec):
    seen = set()

    @settings(max_examples=25)
    @drawn
    def check(numbers, side, seed, bars_reentry):
        strategy = drawn_strategy(spec, numbers, bars_reentry).model_copy(update={"side": side})
        result = bt_engine.run_task(task(strategy, seed), solvent=False)
        assert {"long": -1, "short": 1}[side] not in held_sides(result)
        by_itself = bt_engine.run_task(task(barred(strategy), seed), solvent=False)
        assert first_difference(result, by_itself) == ""
        seen.update(held_sides(result))

    check()
    assert seen == {-1, 0, 1}


@pytest.mark.slow
@pytest.mark.parametrize("spec", [Scalar, Viewed, Stateful, Cross, CrossViewed])
def test_both_engines_bar_alike(one_kernel, spec):
    @settings(max_examples=40)
    @drawn
    def check(numbers, side, seed, bars_reentry):
        strategy = drawn_strategy(spec, numbers, bars_reentry).model_copy(update={"side": side})
        one = bt_engine.run_task(task(strategy, seed), solvent=False)
        assert first_difference(one, compiled.run_task(task(strategy, seed), solvent=False)) == ""

    check()


@pytest.mark.slow
@pytest.mark.parametrize("spec", [Scalar, Viewed])
def test_a_sweep_over_the_side_is_each_setting_s_run(spec):
    base = task(spec(), 8)
    settings = {"strategy.side": ["both", "long", "short"] * 3, "risk.base": [0.2] * 3 + [0.3] * 3 + [0.4] * 3}
    table = batch(base, settings).table
    for _, values in table.iterrows():
        strategy = base.strategy.model_copy(update={"side": values["strategy.side"]})
        risk = base.risk.model_copy(update={"base": values["risk.base"]})
        result = bt_engine.run_task(replace(base, strategy=strategy, risk=risk), solvent=False)
        assert values["final_value"] == result.equity["equity"].iloc[-1]
    assert table["final_value"].nunique() == 9
