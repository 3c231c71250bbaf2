"""The walk-forward in a bundle: arrays there and back, with the share of outcomes in the intervals."""

import numpy as np
import pandas as pd
import pytest

from core.errors import StoreError
from engine.bundle.reference import PREFIX, reference_arrays, restored_reference, with_coverage
from serving.monitor.observations import Observations

SHAPE = (200, 2)


@pytest.fixture
def observed():
    rng = np.random.default_rng(0)
    days = pd.bdate_range("2020-01-01", periods=SHAPE[0]).as_unit("ns")
    cubes = [rng.normal(size=SHAPE) for _ in range(3)]
    return Observations(
        days, ("A", "B"), ("x",), rng.normal(size=(*SHAPE, 1)), *cubes, np.full(SHAPE, 0.5), np.full(SHAPE, np.nan)
    )


def restored(arrays):
    return restored_reference(arrays, ("A", "B"), ("x",))


def test_without_intervals_there_is_no_coverage(observed):
    again = restored(reference_arrays(observed))
    assert not again.has_intervals
    assert again.outcome.tobytes() == observed.outcome.tobytes()
    assert (again.sessions == observed.sessions).all()


@pytest.mark.parametrize("share", [0.5, 0.9, 1.0])
def test_the_share_of_the_intervals_is_kept(observed, share):
    observed.outcome[-1] = np.nan
    first = with_coverage(observed, share)
    assert first.covered.shape == SHAPE
    assert np.isnan(first.covered[-1]).all()
    assert np.nanmean(first.covered) == pytest.approx(share, abs=1 / 398)
    errors = np.abs(observed.outcome - observed.prediction) / observed.sigma
    assert np.nanmax(errors[first.covered == 1]) < np.nanmin(errors[first.covered == 0], initial=np.inf)
    again = restored(reference_arrays(first))
    assert again.covered.tobytes() == first.covered.tobytes()


@pytest.mark.parametrize("damaged", [np.array([1.5]), np.array([np.nan]), np.array([0.9, 0.9]), np.array([1])])
def test_a_damaged_coverage_is_one_line(observed, damaged):
    arrays = {**reference_arrays(observed), f"{PREFIX}coverage": damaged}
    with pytest.raises(StoreError, match="the reference's coverage"):
        restored(arrays)
