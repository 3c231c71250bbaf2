"""Every model that trains finds what was planted, out of sample, and finds nothing where nothing is."""

import numpy as np
import pytest

from core.plugins import kinds, load
from core.types import Labels, read_only
from signals.generate import generate
from signals.labels.forward_return import ForwardReturn
from signals.models.base import TrainedModel
from signals.spec import SignalSpec

PACKAGE = "signals.models"
TRAINED = [
    kind for kind in kinds(PACKAGE) if issubclass(load(PACKAGE, kind), TrainedModel) and load(PACKAGE, kind).learns
]
# Enough for few rows, and quick.
SMALL = {
    "lstm": {"hidden": 8, "sequence": 3, "epochs": 12, "batch": 32, "chunk": 16, "learning_rate": 0.01},
    "random_forest": {"trees": 20},
    "xgboost": {"rounds": 60},
    "lightgbm": {"rounds": 60},
}
SMALL["ensemble"] = {"members": {kind: {"weight": 0.25, **arguments} for kind, arguments in SMALL.items()}}
SMALL["ridge"] = {}
PLANTED = 0.5  # the AR(1) coefficient, and so the best possible correlation of a forecast with the next return
SHUFFLES = 16


def out_of_sample(market, kind, seed):
    """Predictions, the returns that followed them, and the returns before them, out of sample."""
    spec = SignalSpec.parse(
        {
            "seed": seed,
            "features": [{"kind": "lagged_return", "lags": [0, 1]}],
            "model": {"kind": kind, **SMALL.get(kind, {})},
            "walk_forward": {"train": 450, "test": 200},
            "confidence": {"kind": "constant"},
        }
    )
    prediction = generate(market, spec).frame.prediction[:, 0]
    close = market.bars["A"].close
    moves = close[1:] / close[:-1] - 1
    is_known = ~np.isnan(prediction[1:-1])
    return prediction[1:-1][is_known], moves[1:][is_known], moves[:-1][is_known]


SLOW = {"lstm": pytest.mark.slow}
"""Models whose dozens of fits take half a minute."""


def correlation(one, other):
    return float(np.corrcoef(one, other)[0, 1])


@pytest.mark.parametrize("kind", TRAINED)
def test_a_planted_signal_is_found_and_its_sign_with_it(make_market, kind):
    for sign in (1, -1):
        market = make_market(bars=860, coefficient=sign * PLANTED, seed=3)
        prediction, after, before = out_of_sample(market, kind, seed=1)
        assert len(prediction) == 407
        assert correlation(prediction, after) > 0.6 * PLANTED
        assert sign * correlation(prediction, before) > 0.7


@pytest.mark.slow
@pytest.mark.parametrize(
    "kind", [pytest.param(kind, marks=SLOW.get(kind, ())) for kind in TRAINED if kind != "ensemble"]
)
def test_shuffled_labels_teach_nothing(make_market, monkeypatch, kind):
    """A model of shuffled labels has no direction: over many shuffles the skill is 0 within four standard errors."""
    market = make_market(bars=860, coefficient=PLANTED, seed=3)
    honest = ForwardReturn.compute

    def shuffled(spec, bars):
        labels = honest(spec, bars)
        rng = np.random.default_rng(draw)
        value = np.array(labels.value)
        is_known = np.flatnonzero(~np.isnan(value))
        value[is_known] = value[rng.permutation(is_known)]
        return Labels(labels.symbol, labels.times, read_only(value), labels.known_at, labels.unit)

    monkeypatch.setattr(ForwardReturn, "compute", shuffled)
    skill = []
    for draw in range(SHUFFLES):
        prediction, after, _ = out_of_sample(market, kind, seed=draw)
        skill.append(correlation(prediction, after))
    assert abs(np.mean(skill)) < 4 * np.std(skill, ddof=1) / np.sqrt(SHUFFLES)
    assert abs(np.mean(skill)) < 0.3 * PLANTED
