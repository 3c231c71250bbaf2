"""The signals' block of a config: defaults, what a rule may not have, and the seeds of folds."""

import pytest
from pydantic import ValidationError

from core.errors import ConfigError
from signals.confidence.calibrated import Calibrated
from signals.confidence.constant import Constant
from signals.labels.forward_return import ForwardReturn
from signals.spec import SignalSpec, WalkForward

TRAINED = {"features": [{"kind": "sma", "window": 5}], "model": {"kind": "random_forest"}}
RULE = {"model": {"kind": "sma_cross"}}
CUT = "2001-01-02T21:00:00+00:00"


def test_a_model_that_trains_is_given_what_the_config_leaves_out():
    spec = SignalSpec.parse(TRAINED)
    assert spec.label == ForwardReturn()
    assert spec.scaler == "minmax"
    assert spec.walk_forward == WalkForward(scheme="expanding", train=1000, test=250)
    assert spec.confidence == Calibrated()


def test_what_the_config_says_is_kept():
    arguments = {
        **TRAINED,
        "scaler": "robust",
        "label": {"horizon": 3},
        "confidence": {"kind": "constant", "value": 0.5},
    }
    training = SignalSpec.parse(arguments).training
    assert (training.scaler, training.label.horizon, training.confidence.value) == ("robust", 3, 0.5)
    assert training.model.kind == "random_forest"


def test_a_rule_has_a_constant_confidence_and_nothing_to_train():
    spec = SignalSpec.parse(RULE)
    assert spec.confidence == Constant(value=1.0)
    assert (spec.features, spec.label, spec.scaler, spec.walk_forward) == ((), None, None, None)
    with pytest.raises(ConfigError, match="sma_cross does not train"):
        _ = spec.training


def test_a_rule_may_have_another_constant():
    assert SignalSpec.parse({**RULE, "confidence": {"kind": "constant", "value": 0.4}}).confidence.value == 0.4


@pytest.mark.parametrize("arguments", [TRAINED, RULE])
def test_what_is_dumped_reads_back(arguments):
    spec = SignalSpec.parse(arguments)
    assert SignalSpec.parse(spec.dump()) == spec


@pytest.mark.parametrize(
    ("arguments", "message", "path"),
    [
        ({"model": {"kind": "lstm"}}, "model lstm trains: add at least one of `features`", "features"),
        ({**RULE, "label": {}}, "model sma_cross does not train: remove `label`", "label"),
        ({**RULE, "scaler": "minmax"}, "model sma_cross does not train: remove `scaler`", "scaler"),
        ({**RULE, "walk_forward": {}}, "model sma_cross does not train: remove `walk_forward`", "walk_forward"),
        ({**RULE, "confidence": {}}, "remove `confidence`, or take kind constant", "confidence"),
    ],
)
def test_what_does_not_fit_the_model_is_refused(arguments, message, path):
    with pytest.raises(ValidationError, match=message) as caught:
        SignalSpec.parse(arguments)
    assert caught.value.errors()[0]["ctx"]["path"] == [path]


@pytest.mark.parametrize("seed", [-1, 1.5, "7"])
def test_a_seed_is_a_whole_number_from_0(seed):
    with pytest.raises(ValidationError):
        SignalSpec.parse({**TRAINED, "seed": seed})


def test_an_unknown_scaler_names_the_known_ones():
    with pytest.raises(ValidationError, match="'minmax', 'standard', 'robust' or 'none'"):
        SignalSpec.parse({**TRAINED, "scaler": "all"})


def seed_with(cut=CUT, **changes):
    return SignalSpec.parse({**TRAINED, **changes}).training.fold_seed(cut)


def test_a_folds_seed_depends_on_what_is_learnt_and_on_where_it_is_cut():
    others = [
        seed_with(seed=1),
        seed_with(features=[{"kind": "sma", "window": 6}]),
        seed_with(label={"horizon": 2}),
        seed_with(model={"kind": "xgboost"}),
        seed_with(walk_forward={"test": 100}),
        seed_with(cut="2001-01-03T21:00:00+00:00"),
    ]
    assert len({seed_with(), *others}) == 7
    assert all(0 <= seed < 2**63 for seed in others)


def test_a_folds_seed_does_not_depend_on_what_is_made_of_the_prediction():
    assert seed_with(confidence={"kind": "constant"}) == seed_with()
