"""The arithmetic of large clusters: events against the closed form, with tiny numbers."""

import importlib.util
import sys
from dataclasses import replace

import pytest

from engine.run_folder import manifest


@pytest.fixture(scope="module")
def scaling():
    with pytest.MonkeyPatch.context() as patch:
        for name in ("OMP_NUM_THREADS", "GOMP_SPINCOUNT", "OMP_WAIT_POLICY", "NUMBA_NUM_THREADS"):
            patch.setenv(name, "1")  # the script sets them: as they were, afterwards
        path = manifest.ROOT / "benchmarks" / "cluster_scaling.py"
        spec = importlib.util.spec_from_file_location("cluster_scaling", path)
        module = importlib.util.module_from_spec(spec)
        patch.setitem(sys.modules, "cluster_scaling", module)
        spec.loader.exec_module(module)
        yield module


@pytest.fixture
def tiny(scaling):
    return scaling.Constants(policies=1000, chunk=10, seconds=1.0, scheduler=0.01, client=0.02, deaths=0, back=5)


@pytest.mark.parametrize("workers", [1, 2, 5, 20, 50, 80])
def test_without_deaths_it_is_the_closed_form(scaling, tiny, workers):
    outcome = scaling.simulated(tiny, workers)
    lower_bound = scaling.closed_form(tiny, workers)
    assert (
        lower_bound
        <= outcome.seconds
        <= lower_bound * 1.02 + 2 * (tiny.seconds + workers * (tiny.scheduler + tiny.client))
    )
    assert (outcome.died, outcome.lost) == (0, 0)


def test_by_hand(scaling, tiny):
    assert tiny.chunks == 100
    assert scaling.closed_form(tiny, 4) == pytest.approx(25.0)
    assert scaling.closed_form(tiny, 80) == pytest.approx(2.0)
    assert scaling.closed_form(replace(tiny, client=0.001), 1000) == pytest.approx(1.0)
    assert scaling.saturation(tiny) == {"scheduler": pytest.approx(100), "client": pytest.approx(50)}
    one = scaling.simulated(replace(tiny, policies=10), 1)
    assert one.seconds == pytest.approx(1.03)


def test_a_long_sweep_goes_on_at_its_pace(scaling, tiny):
    long = replace(tiny, policies=1e8)
    assert scaling.simulated(long, 4).seconds == pytest.approx(scaling.closed_form(long, 4), rel=0.02)


def test_deaths_cost_their_chunk_and_the_time_until_another_worker_is_there(scaling, tiny):
    mortal = replace(tiny, policies=20_000, deaths=864)  # one in a hundred seconds of a worker
    outcome = scaling.simulated(mortal, 4)
    without_deaths = scaling.simulated(replace(mortal, deaths=0), 4)
    assert outcome.died == pytest.approx(20, abs=12)
    assert 5 * outcome.died <= outcome.lost <= 6.01 * outcome.died
    assert outcome.seconds == pytest.approx(without_deaths.seconds + outcome.lost / 4, rel=0.05)


def test_the_table_names_the_bounds(scaling, tiny):
    lines = list(scaling.table(tiny, (1, 10)))
    assert len(lines) == 6
    assert lines[-1] == "the client is busy all the time from 50 workers on"
