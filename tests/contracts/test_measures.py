"""Every file in risk/measures is held to the rules of its family; a new one needs no test to be."""

import importlib
import inspect

import numpy as np
import pytest

from core.errors import DataError
from core.plugins import PluginField, kinds, load, summary
from risk.measures.base import Measure, Measured, Sample

FAMILY = "risk.measures"
RETURNS = np.random.default_rng(1).normal(0.001, 0.01, 600)
TRADES = np.random.default_rng(2).normal(1.0, 20.0, 40)
SAMPLES = {
    "two years": RETURNS,
    "none": [],
    "one": [0.01],
    "flat": [0.0] * 600,
    "gains": np.abs(RETURNS),
    "ruin": [*RETURNS, -1.0],
    "huge": [1e300] * 600,
}


def sample(returns):
    returns = np.array(returns, dtype=float)
    other = np.clip(0.5 * returns[::-1] + 0.2 * returns, -1.0, 1e300)
    return Sample(
        returns,
        periods_per_year=252.0,
        benchmark=other,
        exposure=np.abs(returns),
        traded=np.abs(returns),
        costs=0.01 * returns,
        trades=TRADES,
        risk_free=0.02,
    )


@pytest.fixture(params=kinds(FAMILY))
def measure(request):
    return load(FAMILY, request.param)()


def test_it_is_a_measure(measure):
    assert isinstance(measure, Measure)
    assert measure.family == "measures"


def test_the_first_line_of_its_docstring_says_what_it_is(measure):
    assert summary(type(measure)).endswith(".")


def function_of(measure):
    return getattr(importlib.import_module(type(measure).__module__), measure.kind, None)


def test_its_function_has_the_modules_name(measure):
    assert callable(function_of(measure)), f"the module has no function {measure.kind}"


def test_its_functions_docstring_has_an_example(measure):
    assert ">>>" in (inspect.getdoc(function_of(measure)) or ""), f"the docstring of {measure.kind} has no example"


def test_every_parameter_has_a_default(measure):
    for name, field in type(measure).model_fields.items():
        assert not field.is_required(), name


def test_it_is_read_back_as_it_was_written(measure):
    assert measure.dump()["kind"] == measure.kind
    assert PluginField(FAMILY).parse(measure.dump()) == measure


@pytest.mark.parametrize("returns", SAMPLES.values(), ids=SAMPLES)
def test_it_gives_a_finite_value_or_a_reason(measure, returns):
    measured = measure.of(sample(returns))
    assert isinstance(measured, Measured)
    assert bool(measured.reason) == (measured.value is None)
    assert measured.value is None or (type(measured.value) is float and np.isfinite(measured.value))


def test_it_says_how_to_read_the_value(measure):
    measured = measure.of(sample(RETURNS))
    assert measured.name.startswith(measure.kind)
    assert measured.formula
    assert measured.unit in {"fraction", "ratio", "count", "money"}
    assert measured.period in {"per session", "per year", "whole span", "per trade"}
    assert measured.n == (len(TRADES) if measured.period == "per trade" else len(RETURNS))


def test_two_years_of_returns_are_enough(measure):
    assert measure.of(sample(RETURNS)).value is not None


def test_what_it_is_not_told_it_gives_a_reason_for(measure):
    measured = measure.of(Sample(RETURNS, periods_per_year=252.0))
    assert bool(measured.reason) == (measured.value is None)


def test_it_is_deterministic_and_leaves_its_input_alone(measure):
    original = sample(RETURNS)
    before = original.returns.copy(), original.benchmark.copy(), original.exposure.copy()
    assert measure.of(original) == measure.of(original) == measure.of(sample(RETURNS))
    for array, copy in zip((original.returns, original.benchmark, original.exposure), before, strict=True):
        np.testing.assert_array_equal(array, copy)


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -1.5])
def test_returns_that_cannot_be_never_reach_it(measure, wrong):
    with pytest.raises(DataError, match=r"returns (must be finite|cannot be below -1)"):
        measure.of(sample([*RETURNS, wrong]))
