"""Every strategy plug-in is held to the rules of its family; a new file needs no test of its own for this."""

import inspect
import itertools
import math
import sys
from types import SimpleNamespace

import numpy as np
import pytest

from core.plugins import PluginField, kinds, load
from strategies._contract import fault_of, form_of, started
from strategies._view import position_return
from strategies.base import CrossDecision, CrossSectional, CrossView, Decision, Sided, Strategy, View

PACKAGE = "strategies"
SPECS = {kind: load(PACKAGE, kind) for kind in kinds(PACKAGE)}
every_strategy = pytest.mark.parametrize("spec", [pytest.param(spec(), id=kind) for kind, spec in SPECS.items()])
sided = pytest.mark.parametrize(
    "spec", [pytest.param(spec, id=kind) for kind, spec in SPECS.items() if issubclass(spec, Sided)]
)
PREDICTIONS = (-0.5, -0.001, -0.0, 0.0, 0.001, 0.5, math.nan)
BARS_HELD = {-1: (1, 2, 50), 0: (0,), 1: (1, 2, 50)}
SITUATIONS = [
    (prediction, confidence, side, held)
    for prediction, confidence, side in itertools.product(PREDICTIONS, (0.0, 0.5, 1.0), (-1, 0, 1))
    for held in BARS_HELD[side]
]


def cross_sections():
    """(prediction, confidence, side) of five symbols, some of them without an opinion."""
    for seed in range(60):
        rng = np.random.default_rng(seed)
        prediction = np.where(rng.random(5) < 0.2, np.nan, rng.choice([-0.02, -0.01, 0.0, 0.01, 0.02], 5))
        yield prediction, np.where(np.isnan(prediction), np.nan, 0.5), rng.integers(-1, 2, 5)


def views():
    """Views of one symbol: random bars and positions of every side, features in and out of their warm-up."""
    for seed, (prediction, confidence, side, held) in enumerate(SITUATIONS):
        if math.isnan(prediction):
            continue  # such a rule is not asked then
        rng = np.random.default_rng(seed)
        close = 100.0 * float(np.exp(rng.normal(0.0, 0.05)))
        entry = close * float(np.exp(rng.normal(0.0, 0.1))) if side else math.nan
        low, opened, high = np.sort([close * 0.98, close * 1.02, close * 1.01]).tolist()
        yield View(
            prediction,
            confidence,
            *rng.choice([-0.5, 0.0, 0.5, math.nan], 2).tolist(),
            open=opened,
            high=high,
            low=low,
            close=close,
            volume=1e6,
            side=side,
            held=held,
            waiting=0,
            entry_price=entry,
            unrealised=position_return(side, entry, close),
            best=position_return(side, entry, high if side > 0 else low),
            worst=position_return(side, entry, low if side > 0 else high),
            features=(),
        )


def cross_views():
    """Views of five symbols, some of them without an opinion."""
    for seed, (prediction, confidence, side) in enumerate(cross_sections()):
        count = len(side)
        rng = np.random.default_rng(seed)
        close = 100.0 * np.exp(rng.normal(0.0, 0.05, count))
        entry = np.where(side == 0, math.nan, close * 0.99)
        unrealised = side * (close - entry) / entry
        yield CrossView(
            prediction,
            confidence,
            prediction[::-1].copy(),
            confidence[::-1].copy(),
            *(close * factor for factor in (1.0, 1.02, 0.98, 1.01)),
            volume=np.full(count, 1e6),
            side=side,
            held=np.abs(side) * 3,
            waiting=np.zeros(count, dtype=np.int64),
            entry_price=entry,
            unrealised=unrealised,
            best=unrealised + 0.02,
            worst=unrealised - 0.02,
            features=(),
        )


def features_for(spec, seed, shape=None):
    """What the rule reads: numbers of the size of returns, or NaN as in a warm-up."""
    if not spec.reads:
        return ()
    rng = np.random.default_rng(seed)
    values = [rng.normal(0.0, 0.5, shape) if seed % 5 else np.full(shape or (), math.nan) for _ in spec.reads._fields]
    return spec.reads(*(values if shape else map(float, values)))


def decisions(spec, p):
    """Every (prediction, side before, decision) of a rule that is handed a view; its state is handed on."""
    cross = isinstance(spec, CrossSectional)
    state = started(spec.state) if spec.state else None
    if cross and spec.state:
        state = spec.state(*(np.full(5, float(value)) for value in state))
    for seed, bare in enumerate(cross_views() if cross else views()):
        view = bare._replace(features=features_for(spec, seed, (5,) if cross else None))
        answer = spec.rule(view, state, p) if spec.state else spec.rule(view, p)
        decision, state = answer if spec.state else (answer, None)
        assert isinstance(decision, CrossDecision if cross else Decision)
        if cross:
            reasons = np.zeros(5, dtype=int) if decision.reason is None else decision.reason
            rows = zip(view.prediction, view.side, decision.target, reasons, strict=True)
        else:
            rows = [(view.prediction, view.side, decision.target, decision.reason)]
        for prediction, side, target, reason in rows:
            if not math.isnan(prediction):
                yield prediction, side, Decision(float(target), int(reason))


def answers(spec, p=None):
    """Every (prediction, side before, side after) of a rule, one symbol each."""
    p = p or spec
    if form_of(type(spec)).takes_view:
        for prediction, side, decision in decisions(spec, p):
            yield prediction, side, int(np.sign(decision.target))
    elif isinstance(spec, CrossSectional):
        for prediction, confidence, side in cross_sections():
            yield from zip(prediction, side, spec.rule(prediction, confidence, side, p), strict=True)
    else:
        for prediction, confidence, side, held in SITUATIONS:
            yield prediction, side, spec.rule(prediction, confidence, side, held, p)


@every_strategy
def test_its_docstring_is_a_sentence_and_has_an_example(spec):
    docstring = inspect.getdoc(type(spec))
    assert docstring.partition("\n")[0].endswith("."), "the first line of its docstring is no sentence"
    assert "Examples" in docstring, "its docstring has no section Examples"


@every_strategy
def test_it_is_a_strategy(spec):
    assert isinstance(spec, Strategy)


@every_strategy
def test_what_it_dumps_reads_back(spec):
    assert spec.dump()["kind"] == spec.kind
    assert PluginField(PACKAGE).parse(spec.dump()) == spec


@every_strategy
def test_its_rule_is_a_function_of_its_own_file(spec):
    assert inspect.isfunction(spec.rule)
    assert spec.rule.__module__ == type(spec).__module__
    assert vars(sys.modules[spec.rule.__module__])[spec.rule.__name__] is spec.rule
    assert not spec.rule.__closure__


@every_strategy
def test_the_docstring_of_its_rule_has_an_example(spec):
    assert ">>>" in (inspect.getdoc(spec.rule) or ""), "the docstring of its rule has no example"


@every_strategy
def test_it_answers_with_sides_and_without_an_opinion_keeps_the_side(spec):
    for prediction, side, target in answers(spec):
        assert target in (-1, 0, 1)
        assert target == side or not math.isnan(prediction)


@every_strategy
def test_it_is_pure(spec):
    assert [target for *_, target in answers(spec)] == [target for *_, target in answers(spec)]
    if isinstance(spec, CrossSectional) and not form_of(type(spec)).takes_view:
        for situation in cross_sections():
            copies = [values.copy() for values in situation]
            spec.rule(*situation, spec)
            for values, copy in zip(situation, copies, strict=True):
                np.testing.assert_array_equal(values, copy)


@every_strategy
def test_its_declarations_fit_its_rule(spec):
    cross = isinstance(spec, CrossSectional)
    assert fault_of(type(spec), cross=cross) == ""
    if form_of(type(spec)).takes_view:
        for _, _, decision in decisions(spec, spec):
            assert -1.0 <= decision.target <= 1.0
            assert 0 <= decision.reason < max(len(spec.reasons), 1)


@every_strategy
def test_it_reads_nothing_but_numbers(spec):
    properties = (
        name for name, _ in inspect.getmembers(type(spec), is_property) if not name.startswith(("_", "model_"))
    )
    names = {*type(spec).model_fields, *properties}
    numbers = {name: float(getattr(spec, name)) for name in names if isinstance(getattr(spec, name), int | float)}
    from_numbers = [target for *_, target in answers(spec, SimpleNamespace(**numbers))]
    assert from_numbers == [target for *_, target in answers(spec)]


def is_property(member):
    return isinstance(member, property)


@every_strategy
def test_it_trades_at_all(spec):
    assert {target for _, side, target in answers(spec) if not side} > {0}


@every_strategy
def test_the_reason_for_an_exit_is_a_word(spec):
    for prediction, _, side, held in SITUATIONS:
        reason = spec.exit_reason(prediction, side, held)
        assert reason.isidentifier()


@sided
@pytest.mark.parametrize(("allowed", "barred"), [("long", -1), ("short", 1)])
def test_a_barred_side_means_flat(spec, allowed, barred):
    for (prediction, side, target), (*_, both) in zip(answers(spec(side=allowed)), answers(spec()), strict=True):
        # Among too few symbols a cross-sectional rule may have no opinion either.
        if not math.isnan(prediction) and not (issubclass(spec, CrossSectional) and target == side):
            assert target != barred
            assert both in (target, barred)
