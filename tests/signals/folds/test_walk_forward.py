"""Folds: the properties that keep the future out, and a plain re-telling of the rules to compare with."""

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from core.errors import ConfigError
from signals.folds.walk_forward import folds, require_a_test_window, training_rows
from signals.panel import Panel
from signals.spec import WalkForward

START = pd.Timestamp("2020-01-01 21:00", tz="UTC")


def panel_of(symbols, horizon):
    """A panel from each symbol's calendar, as sorted day numbers; labels reach ``horizon`` of its own bars ahead."""
    times = []
    known_at = []
    number = []
    for code, days in enumerate(symbols):
        stamps = [START + pd.Timedelta(days=int(day)) for day in days]
        times += stamps
        known_at += [*stamps[horizon:], *[pd.NaT] * min(horizon, len(stamps))]
        number += [code] * len(stamps)
    times, known_at = (pd.DatetimeIndex(item, dtype="datetime64[ns, UTC]") for item in (times, known_at))
    y = np.where(known_at.isna(), np.nan, 0.01)
    return Panel(
        symbols=tuple("ABC"[: len(symbols)]),
        names=("x",),
        times=times,
        symbol=np.array(number),
        X=np.zeros((len(times), 1)),
        y=y,
        known_at=known_at,
        unit=np.ones(len(times)),
        last=y,
        spread=y,
        close=y,
    )


def daily(count, horizon=1):
    return panel_of([range(count)], horizon)


calendars = st.lists(st.sets(st.integers(0, 149), min_size=60, max_size=150).map(sorted), min_size=1, max_size=3)
specs = st.builds(
    WalkForward,
    scheme=st.sampled_from(["expanding", "rolling"]),
    train=st.integers(30, 60),
    test=st.integers(1, 40),
    stop=st.sampled_from([0.1, 0.2]),
    calibration=st.sampled_from([0.2, 0.35]),
    embargo=st.integers(0, 4),
)
cases = {"calendars": calendars, "spec": specs, "horizon": st.integers(1, 6)}


def make(calendars, spec, horizon):
    panel = panel_of(calendars, horizon)
    try:
        return panel, folds(panel, spec)
    except ConfigError as error:
        assume("block has no rows" not in str(error) and "usable bars" not in str(error))
        raise


@settings(max_examples=40, deadline=None)
@given(**cases)
def test_every_label_in_use_is_known_at_the_first_test_decision(calendars, spec, horizon):
    panel, all_folds = make(calendars, spec, horizon)
    for fold in all_folds:
        assert fold.cut == panel.times[fold.test].min()
        assert (panel.known_at[training_rows(fold)] <= fold.cut).all()
        assert np.isfinite(panel.y[training_rows(fold)]).all()


@settings(max_examples=40, deadline=None)
@given(**cases)
def test_blocks_are_disjoint_ordered_and_purged_from_their_neighbours(calendars, spec, horizon):
    panel, all_folds = make(calendars, spec, horizon)
    for fold in all_folds:
        blocks = [fold.train, fold.stop, fold.calibration, fold.test]
        assert len(np.unique(np.concatenate(blocks))) == sum(map(len, blocks))
        for block, later in pairwise(blocks):
            assert (np.diff(block) > 0).all()
            assert panel.times[block].max() < panel.times[later].min()
            assert (panel.known_at[block] <= panel.times[later].min()).all()


@settings(max_examples=40, deadline=None)
@given(**cases)
def test_test_windows_tile_everything_after_the_first_cut(calendars, spec, horizon):
    panel, all_folds = make(calendars, spec, horizon)
    assert [fold.number for fold in all_folds] == list(range(len(all_folds)))
    tested = np.concatenate([fold.test for fold in all_folds])
    assert len(np.unique(tested)) == len(tested)
    np.testing.assert_array_equal(np.sort(tested), np.flatnonzero(panel.times >= all_folds[0].cut))
    sizes = [len(panel.times[fold.test].unique()) for fold in all_folds]
    assert sizes[:-1] == [spec.test] * (len(all_folds) - 1)
    assert 1 <= sizes[-1] <= spec.test


@settings(max_examples=15, deadline=None)
@given(**cases)
def test_against_the_rules_told_row_by_row(calendars, spec, horizon):
    panel, all_folds = make(calendars, spec, horizon)
    common = sorted(set(panel.times))
    for fold in all_folds:
        cut = spec.train + fold.number * spec.test
        begin = cut - spec.train if spec.scheme == "rolling" else 0
        calibration = cut - round((cut - begin) * spec.calibration)
        stop = calibration - round((cut - begin) * spec.stop)
        expected = {"train": [], "stop": [], "calibration": []}
        for row in range(len(panel)):
            bar = common.index(panel.times[row])
            known_at = panel.known_at[row]
            for name, first, end, by in (
                ("train", begin, stop, stop),
                ("stop", stop, calibration, calibration),
                ("calibration", calibration, cut, cut - spec.embargo),
            ):
                if first <= bar < end and known_at is not pd.NaT and known_at <= common[by]:
                    expected[name].append(row)
        assert {name: list(getattr(fold, name)) for name in expected} == expected


@settings(max_examples=30, deadline=None)
@given(row=st.integers(1, 60), **cases)
def test_a_shorter_history_gives_the_same_folds_as_far_as_it_goes(row, calendars, spec, horizon):
    panel, all_folds = make(calendars, spec, horizon)
    last = panel.times.max() - pd.Timedelta(days=row)
    assume(len({time for time in panel.times if time <= last}) >= spec.train + spec.test)
    days = [[day for day in item if START + pd.Timedelta(days=int(day)) <= last] for item in calendars]
    short = panel_of(days, horizon)
    row_of = {(code, time): at for at, (code, time) in enumerate(zip(panel.symbol, panel.times, strict=True))}
    full_row = np.array([row_of[key] for key in zip(short.symbol, short.times, strict=True)])
    for fold, full in zip(folds(short, spec), all_folds, strict=False):
        assert fold.cut == full.cut
        for name in ("train", "stop", "calibration"):
            np.testing.assert_array_equal(full_row[getattr(fold, name)], getattr(full, name))
        np.testing.assert_array_equal(full_row[fold.test], [at for at in full.test if panel.times[at] <= last])


def test_the_defaults_by_hand():
    all_folds = folds(daily(1600), WalkForward())
    first = all_folds[0]
    last = all_folds[-1]
    assert [len(item) for item in (first.train, first.stop, first.calibration, first.test)] == [700, 100, 200, 250]
    assert [block[0] for block in (first.train, first.stop, first.calibration, first.test)] == [0, 700, 800, 1000]
    assert [len(fold.test) for fold in all_folds] == [250, 250, 100]
    assert [len(item) for item in (last.train, last.stop, last.calibration)] == [1050, 150, 300]


def test_a_horizon_purges_all_but_one_of_its_bars_from_each_block():
    first = folds(daily(1600, horizon=5), WalkForward())[0]
    # Row 695 is known at bar 700, the stop block's first decision; row 696 is not.
    assert [item[-1] for item in (first.train, first.stop, first.calibration)] == [695, 795, 995]


def test_an_embargo_drops_further_bars_before_the_cut_only():
    first = folds(daily(1600, horizon=5), WalkForward(embargo=7))[0]
    assert [item[-1] for item in (first.train, first.stop, first.calibration)] == [695, 795, 988]


def test_rolling_keeps_the_last_bars_before_the_cut():
    all_folds = folds(daily(1600), WalkForward(scheme="rolling"))
    assert [fold.train[0] for fold in all_folds] == [0, 250, 500]
    assert {len(training_rows(fold)) for fold in all_folds} == {1000}


def test_rows_without_a_known_label_are_tested_but_never_trained_on():
    all_folds = folds(daily(1500, horizon=3), WalkForward())
    np.testing.assert_array_equal(all_folds[-1].test[-3:], [1497, 1498, 1499])
    # A symbol that ends early leaves a tail without labels inside later training windows.
    panel = panel_of([range(1500), range(900)], 3)
    last = folds(panel, WalkForward())[-1]
    assert not set(range(1500 + 897, 1500 + 900)) & set(training_rows(last))


def test_too_short_a_history_says_how_many_bars_there_are():
    with pytest.raises(ConfigError, match=r"train 1000 \+ test 250 is 1250 bars, .* there are 1249 usable bars"):
        require_a_test_window(daily(1249), WalkForward())
    require_a_test_window(daily(1250), WalkForward())
    with pytest.raises(ConfigError, match="there are 1000 usable bars"):
        folds(daily(1000), WalkForward())
    assert [len(fold.test) for fold in folds(daily(1001), WalkForward())] == [1]


@pytest.mark.parametrize(
    ("train", "horizon", "block"), [(4, 1, "stop"), (20, 3, "stop"), (60, 7, "stop"), (20, 25, "train")]
)
def test_an_empty_block_is_named_with_its_cut(train, horizon, block):
    message = f"fold 0, cut at 2020-.*: the {block} block has no rows. Of {train} bars"
    with pytest.raises(ConfigError, match=message):
        folds(daily(200, horizon), WalkForward(train=train, test=50))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"stop": 0.5, "calibration": 0.5}, "leave nothing to train on: their sum must be below 1"),
        ({"train": 10, "embargo": 10}, "embargo 10 must be below train 10"),
        ({"test": 0}, "greater than 0"),
        ({"stop": 10}, "must be above 0 and at most 1; for 10 % write 0.1"),
        ({"scheme": "shuffled"}, "'expanding' or 'rolling'"),
        ({"purge": 5}, "Extra inputs are not permitted"),
    ],
)
def test_wrong_values_cannot_be_built(values, message):
    with pytest.raises(ValidationError, match=message):
        WalkForward.parse(values)
