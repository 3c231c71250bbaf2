"""Every strategy plug-in is held to the rules of its family; a new file needs no test of its own for this."""

import inspect
import itertools
import math
import sys
from contextlib import contextmanager
from types import SimpleNamespace
from typing import NamedTuple

import numpy as np
import pytest

from core.plugins import PluginField, kinds, load
from strategies._contract import fault_of, form_of
from strategies._rule_calls import RuleCalls, as_side
from strategies._view import position_return
from strategies.base import CrossSectional, CrossView, Sided, Strategy, View

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


class Answer(NamedTuple):
    """A rule's answer for one symbol: what it was asked, and what came of it, within ``strategy.side``."""

    prediction: float
    side: int
    target: float
    reason: int
    inputs: str

    @property
    def side_after(self):
        return int(np.sign(self.target))


class Numbers(SimpleNamespace):
    """The parameters as the compiled engine hands them over: numbers alone."""

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        known = ", ".join(sorted(vars(self)))
        raise AssertionError(
            f"the rule reads p.{name}, which is no number; it may read the strategy's parameters and properties that "
            f"are numbers: {known} (of the key side: p.allow_long and p.allow_short, 1.0 or 0.0)"
        )


def text_of(values):
    """Named values in one line, four digits each."""
    shown = [(name, value) for name, value in values.items() if not isinstance(value, dict)]
    return ", ".join(f"{name}={number_text(value)}" for name, value in shown)


def number_text(value):
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return f"({text_of(value._asdict())})"
    if isinstance(value, np.ndarray):
        return f"[{' '.join(number_text(item) for item in value.tolist())}]"
    return f"{value:.4g}" if isinstance(value, float) else f"{value}"


def inputs_of(spec, values):
    """What a rule was called with, and its parameters, for messages."""
    shared = (*Strategy.model_fields, "kind")
    parameters = text_of({name: value for name, value in spec.dump().items() if name not in shared})
    return f"asked with {text_of(values)}; parameters: {parameters or 'none'}"


@contextmanager
def described(spec, values):
    """An error of a rule as a failure that shows what it was asked."""
    try:
        yield
    except AssertionError as error:
        raise AssertionError(f"{error}; {inputs_of(spec, values)}") from error
    except Exception as error:
        raise AssertionError(f"{type(error).__name__}: {error}; {inputs_of(spec, values)}") from error


def calls_of(spec, p):
    """The calls of a rule of a view as both engines make them; with other parameters than its own if some are given."""
    if p is None:
        return RuleCalls(spec)
    rule = type(spec).rule
    with_numbers = (lambda view, state, _: rule(view, state, p)) if spec.state else (lambda view, _: rule(view, p))
    names = ("view", "state", "p") if spec.state else ("view", "p")
    with_numbers.__signature__ = inspect.Signature(
        [inspect.Parameter(name, inspect.Parameter.POSITIONAL_OR_KEYWORD) for name in names]
    )
    declared = {name: getattr(spec, name) for name in ("reads", "state", "reasons")}
    return RuleCalls(type("Numeric", (), {**declared, "rule": staticmethod(with_numbers)})())


def answers_to_views(spec, p):
    """Every answer of a rule that is handed a view; its state is handed on."""
    cross = isinstance(spec, CrossSectional)
    calls = calls_of(spec, p)
    state = calls.start_cross(5) if cross else calls.start()
    for seed, bare in enumerate(cross_views() if cross else views()):
        view = bare._replace(features=features_for(spec, seed, (5,) if cross else None))
        values = {**view._asdict(), **({"state": state} if spec.state else {})}
        with described(spec, values):
            if cross:
                listed, state = calls.ask_cross(view, state)
                decided = [
                    (prediction, side, calls.checked(decision))
                    for prediction, side, decision in zip(view.prediction, view.side, listed, strict=True)
                    if not math.isnan(prediction)
                ]
            else:
                decision, state = calls.ask(view, state)
                decided = [(view.prediction, view.side, decision)]
        inputs = inputs_of(spec, values)
        for prediction, side, decision in decided:
            yield Answer(prediction, side, decision.target, decision.reason, inputs)


def answers(spec, p=None):
    """Every answer of a rule, one symbol each, within the sides that the strategy allows."""
    if form_of(type(spec)).takes_view:
        yield from answers_to_views(spec, p)
    elif isinstance(spec, CrossSectional):
        for prediction, confidence, side in cross_sections():
            values = {"prediction": prediction, "confidence": confidence, "side": side}
            inputs = inputs_of(spec, values)
            with described(spec, values):
                given = spec.rule(prediction, confidence, side, p or spec)
                sides = [as_side(target, spec) for target in given]
            for symbol, target in enumerate(sides):
                yield Answer(prediction[symbol], side[symbol], target, 0, inputs)
    else:
        for prediction, confidence, side, held in SITUATIONS:
            values = {"prediction": prediction, "confidence": confidence, "side": side, "held": held}
            with described(spec, values):
                target = as_side(spec.rule(prediction, confidence, side, held, p or spec), spec)
            yield Answer(prediction, side, target, 0, inputs_of(spec, values))


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
    for answer in answers(spec):
        kept = answer.side_after == answer.side or not math.isnan(answer.prediction)
        assert kept, f"it gave {answer.side_after} without a prediction; expected the side now; {answer.inputs}"


@every_strategy
def test_it_is_pure(spec):
    for once, again in zip(answers(spec), answers(spec), strict=True):
        same = (once.target, once.reason) == (again.target, again.reason)
        assert same, f"it gave {once.target:g}, and {again.target:g} when it was asked again; {once.inputs}"
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
    list(answers(spec))  # targets and reasons are checked as in a run


@every_strategy
def test_it_reads_nothing_but_numbers(spec):
    properties = (
        name for name, _ in inspect.getmembers(type(spec), is_property) if not name.startswith(("_", "model_"))
    )
    names = {*type(spec).model_fields, *properties}
    numbers = {name: float(getattr(spec, name)) for name in names if isinstance(getattr(spec, name), int | float)}
    for one, other in zip(answers(spec, Numbers(**numbers)), answers(spec), strict=True):
        given = f"it gave {one.target:g} with its parameters as plain numbers, and {other.target:g} with the strategy"
        assert one.target == other.target, f"{given}; {one.inputs}"


def is_property(member):
    return isinstance(member, property)


@every_strategy
def test_it_trades_at_all(spec):
    assert {answer.side_after for answer in answers(spec) if not answer.side} - {0}, "it never enters from flat"


@every_strategy
def test_the_reason_for_an_exit_is_a_word(spec):
    for prediction, _, side, held in SITUATIONS:
        reason = spec.exit_reason(prediction, side, held)
        assert reason.isidentifier()


@sided
@pytest.mark.parametrize(("allowed", "barred"), [("long", -1), ("short", 1)])
def test_a_barred_side_means_flat(spec, allowed, barred):
    for one, both in zip(answers(spec(side=allowed)), answers(spec()), strict=True):
        if math.isnan(one.prediction):
            continue
        given = f"with side: {allowed} it gave {one.target:g}, and {both.target:g} with side: both"
        assert one.side_after != barred, f"{given}; expected 0; {one.inputs}"
        # A rule with numbers of its own may remember what it was allowed.
        same = spec.state or both.side_after in (one.side_after, barred)
        assert same, f"{given}; expected the same, or 0 for the barred side; {one.inputs}"
