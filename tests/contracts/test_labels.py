"""Every label plug-in is held to the rules of its family; a new file needs no test of its own for this."""

import inspect
import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.plugins import kinds, load
from core.types import COLUMNS, Bars
from signals.labels.base import Label

PACKAGE = "signals.labels"
COUNT = 160


def variants():
    """Each kind as it is, and over several bars."""
    for kind in kinds(PACKAGE):
        spec = load(PACKAGE, kind)
        yield pytest.param(spec(), id=kind)
        yield pytest.param(spec.parse({"horizon": 4}), id=f"{kind}-4")
        if "form" in spec.model_fields:
            for form in ("log", "volatility"):
                yield pytest.param(spec.parse({"horizon": 3, "form": form}), id=f"{kind}-{form}")


every_label = pytest.mark.parametrize("label", list(variants()))


def bars_of(seed=0, count=COUNT):
    rng = np.random.default_rng(seed)
    close = np.round(100 * np.exp(np.cumsum(rng.normal(0, 0.02, count))), 2)
    opened = np.round(close * np.exp(rng.normal(0, 0.01, count)), 2)
    high = np.maximum(opened, close) * 1.01
    low = np.minimum(opened, close) * 0.99
    times = pd.bdate_range("2001-01-02", periods=count, tz="UTC") + pd.Timedelta("21h")
    columns = dict(zip(COLUMNS, (opened, high, low, close, np.ones(count)), strict=True))
    return Bars.of("A", pd.DataFrame(columns, index=times))


BARS = bars_of()


@every_label
def test_its_docstring_is_a_sentence_and_has_an_example(label: Label):
    docstring = inspect.getdoc(type(label))
    assert docstring.partition("\n")[0].endswith("."), "the first line of its docstring is no sentence"
    assert "Examples" in docstring, "its docstring has no section Examples"


@every_label
def test_what_it_dumps_reads_back(label: Label):
    values = json.loads(json.dumps(label.dump()))
    assert values.pop("kind") == label.kind
    assert type(label).parse(values) == label


@every_label
def test_an_outcome_is_known_at_a_later_bar_within_the_horizon_or_not_at_all(label: Label):
    result = label.compute(BARS)
    assert len(result.value) == len(result.known_at) == len(result.unit) == COUNT
    is_known = np.isfinite(result.value)
    assert not np.isnan(result.value[label.warmup : COUNT - label.horizon - 1]).any()
    assert not is_known[: label.warmup].any()
    assert not is_known[-1]
    assert (result.known_at.isna() == ~is_known).all()
    rows = np.flatnonzero(is_known)
    last = BARS.times.get_indexer(result.known_at[rows])
    assert (last > rows).all()
    assert (last <= rows + label.horizon + 1).all()


@every_label
@settings(max_examples=25, deadline=None)
@given(row=st.integers(1, COUNT))
def test_what_is_known_by_a_cut_is_the_same_without_the_rest(label: Label, row):
    full = label.compute(BARS)
    cut = label.compute(BARS.between(None, BARS.times[row - 1]))
    is_known = full.known_at[:row] <= BARS.times[row - 1]
    np.testing.assert_array_equal(cut.value, np.where(is_known, full.value[:row], np.nan))
    np.testing.assert_array_equal(cut.unit, full.unit[:row])


@every_label
@pytest.mark.parametrize("row", [30, 90, 150])
def test_an_outcome_looks_no_further_than_the_bar_at_which_it_is_known(label: Label, row):
    frame = BARS.frame
    frame.iloc[row:, :4] *= np.linspace(0.5, 3.0, COUNT - row)[:, None]
    full = label.compute(BARS)
    other = label.compute(Bars.of("A", frame))
    settled = np.asarray(full.known_at < BARS.times[row])
    np.testing.assert_array_equal(other.value[settled], full.value[settled])


@every_label
def test_values_become_returns_and_units_keep_the_sign(label: Label):
    result = label.compute(BARS)
    is_known = np.isfinite(result.value)
    assert (result.unit[is_known] > 0).all()
    if label.returns:
        simple = label.as_return(result.value, result.unit)[is_known]
        np.testing.assert_array_equal(np.sign(simple), np.sign(result.value[is_known]))
        assert (simple > -1).all()


@every_label
@pytest.mark.parametrize("count", [0, 1, 2, 25])
def test_a_short_history_gives_rows_all_the_same(label: Label, count):
    assert len(label.compute(bars_of(1, 30).between(None, None if count else BARS.times[0])).value) >= 0
    short = Bars.of("A", BARS.frame.iloc[:count])
    assert len(label.compute(short).value) == count


@every_label
def test_its_units_alone_are_the_same_bits(label: Label):
    assert label.units(BARS).tobytes() == label.compute(BARS).unit.tobytes()
