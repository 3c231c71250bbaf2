"""Every feature plug-in is held to the rules of its family; a new file needs no test of its own for this."""

import inspect

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.plugins import kinds, load
from core.types import COLUMNS, Bars
from signals.features._base import Feature
from signals.features.sma import Sma

PACKAGE = "signals.features"
BARS = 620
FEATURES = [pytest.param(load(PACKAGE, kind)(), id=kind) for kind in kinds(PACKAGE)]
every_feature = pytest.mark.parametrize("feature", FEATURES)


def make_bars(seed=0, count=BARS):
    """A lognormal walk with a stretch in which nothing moves and ticks that make ties."""
    rng = np.random.default_rng(seed)
    moves = rng.normal(0, 0.02, count)
    moves[40:75] = 0
    close = np.round(100 * np.exp(np.cumsum(moves)), 2)
    opened = np.round(close * np.exp(rng.normal(0, 0.01, count)), 2)
    columns = [
        opened,
        np.maximum(opened, close) * 1.01,
        np.minimum(opened, close) * 0.99,
        close,
        rng.integers(0, 9, count),
    ]
    times = pd.bdate_range("2001-01-02", periods=count, tz="UTC") + pd.Timedelta("21h")
    return Bars.of("A", pd.DataFrame(dict(zip(COLUMNS, columns, strict=True)), index=times).astype(float))


ALL = make_bars()


def with_future(bars, row, columns):
    """The bars with everything from ``row`` on replaced."""
    frame = bars.frame
    for name in COLUMNS:
        frame.loc[frame.index[row:], name] = columns[name]
    return Bars.of(bars.symbol, frame)


def same_bits(left, right):
    return left.shape == right.shape and left.tobytes() == right.tobytes()


@every_feature
def test_defaults_names_and_serialisation(feature: Feature):
    assert (
        load(PACKAGE, feature.kind).parse({key: value for key, value in feature.dump().items() if key != "kind"})
        == feature
    )
    assert len(set(feature.names)) == len(feature.names) > 0
    assert all(field.description for field in type(feature).model_fields.values())


@every_feature
def test_docstring_has_an_example(feature: Feature):
    assert ">>> " in inspect.getdoc(type(feature))


@every_feature
def test_warm_up_is_as_declared_and_everything_after_it_is_finite(feature: Feature):
    values = feature.compute(ALL)
    assert values.shape == (BARS, len(feature.names))
    assert values.dtype == np.float64
    assert np.isfinite(values[feature.warmup :]).all()
    if feature.warmup:
        assert np.isnan(values[feature.warmup - 1]).any()


@every_feature
def test_deterministic_and_input_unchanged(feature: Feature):
    bars, before = make_bars(1), make_bars(1)
    assert same_bits(feature.compute(bars), feature.compute(bars))
    pd.testing.assert_frame_equal(bars.frame, before.frame, check_exact=True)


@every_feature
@pytest.mark.parametrize("count", [0, 1, 2, 3])
def test_a_short_history_gives_rows_all_the_same(feature: Feature, count):
    assert feature.compute(
        make_bars(2).between(None, ALL.times[count - 1] if count else ALL.times[0] - pd.Timedelta(1))
    ).shape == (
        count,
        len(feature.names),
    )


def check_past(feature, found, expected, what):
    """The rows of the past are the same bits; the message names the feature and the first row that is not."""
    assert found.shape == expected.shape
    differs = np.flatnonzero((found.view(np.int64) != expected.view(np.int64)).any(axis=1))
    where = f"row {differs[0]} of {len(found)}" if differs.size else ""
    assert not where, f"feature {feature.kind} looks ahead: {where} changes when {what}"


def check_truncation(feature, row):
    cut = ALL.between(None, ALL.times[row - 1])
    assert len(cut) == row
    past = np.ascontiguousarray(feature.compute(ALL)[:row])
    check_past(feature, np.ascontiguousarray(feature.compute(cut)), past, f"everything from row {row} on is cut off")


def check_later_start(feature, later):
    late = feature.compute(ALL.between(ALL.times[later], None))[feature.warmup :]
    np.testing.assert_allclose(late, feature.compute(ALL)[later + feature.warmup :], rtol=0, atol=1e-6)


@every_feature
@settings(max_examples=25, deadline=None)
@given(row=st.integers(1, BARS))
def test_truncation_changes_no_bit(feature: Feature, row):
    check_truncation(feature, row)


@every_feature
@settings(max_examples=15, deadline=None)
@given(row=st.integers(1, BARS - 1), seed=st.integers(0, 2**32 - 1), how=st.sampled_from(["walk", "mirror", "level"]))
def test_the_future_changes_no_bit_of_the_past(feature: Feature, row, seed, how):
    rng = np.random.default_rng(seed)
    count = BARS - row
    future = {
        "walk": lambda name: 50 * np.exp(np.cumsum(rng.normal(0, 0.05, count))),
        "mirror": lambda name: (
            ALL.close[row - 1] ** 2 / getattr(ALL, name)[row:] if name != "volume" else np.zeros(count)
        ),
        "level": lambda name: 1000 * ALL.close[row:] * np.exp(rng.normal(0, 0.3, count)),
    }[how]
    changed = with_future(ALL, row, {name: future(name) for name in COLUMNS})
    found, past = (np.ascontiguousarray(feature.compute(bars)[:row]) for bars in (changed, ALL))
    check_past(feature, found, past, f"other bars follow from row {row} on")


@every_feature
@pytest.mark.parametrize("later", [1, 50, 200])
def test_after_the_warm_up_it_does_not_matter_where_the_data_begin(feature: Feature, later):
    check_later_start(feature, later)


class Centred(Sma):
    """Looks ahead by half a window."""

    def compute(self, bars):
        close = pd.Series(np.array(bars.close))
        return np.array(close / close.rolling(self.window, center=True).mean() - 1)[:, None]


class Standardised(Sma):
    """Uses the mean and spread of the whole history."""

    def compute(self, bars):
        values = pd.Series(super().compute(bars)[:, 0])
        return np.array((values - values.mean()) / values.std())[:, None]


class LastRowDiffers(Sma):
    """Treats the newest bar in a way of its own."""

    def compute(self, bars):
        values = np.array(super().compute(bars))
        values[-1] = 0
        return values


class RemembersTheStart(Sma):
    """An exponential average that declares the warm-up of a simple one."""

    def compute(self, bars):
        close = pd.Series(np.array(bars.close))
        return np.array(close / close.ewm(span=self.window, adjust=False).mean() - 1)[:, None]


@pytest.mark.parametrize(
    # A centred window of 20 reaches 9 rows ahead; the mean of the whole history reaches back to the end of the warm-up.
    ("leaky", "row"),
    [(Centred(), 291), (Standardised(), 19), (LastRowDiffers(), 299)],
    ids=lambda item: type(item).__name__,
)
def test_the_checks_name_the_feature_that_looks_ahead_and_the_row(leaky, row):
    with pytest.raises(
        AssertionError, match=f"feature .* looks ahead: row {row} of 300 changes when everything from row 300"
    ):
        check_truncation(leaky, 300)


def test_the_checks_flag_a_warm_up_that_is_too_short():
    with pytest.raises(AssertionError):
        check_later_start(RemembersTheStart(), 50)
