"""The run with constant confidence is the run that a config with that constant would give."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from engine.pipeline import compute
from engine.results.constant_confidence import constant_confidence_run
from engine.sweep.load_config import load

WORDS = [
    "data.end=2001-06-30",
    "walk_forward={train: 260, test: 60}",
    "model={kind: ridge}",
    "measures.intervals.reps=0",
]


@pytest.fixture(scope="module")
def run():
    """A small run whose confidence varies."""
    config = load(Path(__file__).resolve().parents[3] / "configs" / "quickstart.yaml", WORDS)
    return config, compute(config)


@pytest.mark.slow
def test_it_equals_a_run_whose_config_says_so(run):
    config, outcome = run
    found = outcome.constant_confidence
    told = outcome.signals.frame.confidence
    assert found.confidence == pytest.approx(np.nanmean(told), rel=1e-12)
    values = {**config.dump(), "confidence": {"kind": "constant", "value": found.confidence}}
    other = compute(type(config).parse(values))
    assert other.constant_confidence is None
    # The mean may differ from its own text in the last digit, and with it every size.
    assert [each.name for each in found.measures] == [each.name for each in other.measures["strategy"]]
    for one, two in zip(found.measures, other.measures["strategy"], strict=True):
        assert one.value == (two.value if two.value is None else pytest.approx(two.value, rel=1e-9))
    own = {each.name: each.value for each in outcome.measures["strategy"]}
    assert own["total_return"] != pytest.approx(found.measures[0].value, rel=1e-6)


@pytest.mark.slow
def test_an_account_that_is_ruined_by_it_has_no_measures(run):
    config, outcome = run
    reckless = type(config).parse({**config.dump(), "risk": {"base": 1.0, "cap": 1.0, "cap_at": "signal"}})
    crash = outcome.market
    bars = crash.bars["nasdaq"]
    jump = np.where(np.arange(len(bars)) > len(bars) - 20, 400.0, 1.0)
    moved = replace(bars, **{name: getattr(bars, name) * jump for name in ("open", "high", "low", "close")})
    signals = outcome.signals
    short = replace(signals.frame, prediction=np.where(np.isnan(signals.frame.prediction), np.nan, -0.01))
    found = constant_confidence_run(
        reckless, replace(crash, bars={"nasdaq": moved}), replace(signals, frame=short), 252.0
    )
    assert found.measures == ()


def test_the_outcome_of_a_rule_has_none(make_outcome):
    assert make_outcome(trains=False).constant_confidence is None
