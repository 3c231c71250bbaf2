"""The ensemble: a weighted sum, its form in a config, and what it refuses."""

from dataclasses import dataclass, field

import numpy as np
import pytest
from pydantic import ValidationError

from core.digests import seed_of
from core.errors import ModelError
from core.types import read_only
from signals.models._base import Samples, TrainedModel
from signals.models._members import Member
from signals.models.ensemble import Ensemble, FittedEnsemble, Part
from signals.models.lstm import Lstm
from signals.models.random_forest import RandomForest
from signals.models.xgboost import XGBoost

HALVES = {"random_forest": {"weight": 0.75, "trees": 5}, "xgboost": {"weight": 0.25, "rounds": 5}}


def make_samples():
    rng = np.random.default_rng(0)
    X = rng.uniform(0, 1, (120, 3))
    y = X[:, 0] + rng.normal(0, 0.1, 120)
    return Samples(read_only(X), read_only(y), read_only(np.zeros(120), np.intp))


SAMPLES, TRAIN, STOP, TEST = make_samples(), np.arange(80), np.arange(80, 100), np.arange(100, 120)


@dataclass(frozen=True)
class Fixed:
    """A fitted model that answers what it was told."""

    answer: tuple[float, ...]
    details: dict[str, object] = field(default_factory=dict)

    def predict(self, samples, rows):
        return np.array(self.answer)


class Failing(TrainedModel):
    """A model that cannot be fitted."""

    def fit(self, samples, train, stop, seed, report=None):
        raise ModelError("too few rows")


def test_the_first_designs_weights_are_the_default():
    weights = {member.kind: member.weight for member in Ensemble().members}
    assert weights == {"lstm": 0.4, "random_forest": 0.2, "xgboost": 0.2, "lightgbm": 0.2}


def test_the_prediction_is_the_weighted_sum_of_members_with_seeds_of_their_own():
    found = Ensemble.parse({"members": HALVES}).fit(SAMPLES, TRAIN, STOP, 7).predict(SAMPLES, TEST)
    forest = RandomForest(trees=5).fit(SAMPLES, TRAIN, STOP, seed_of(7, "random_forest")).predict(SAMPLES, TEST)
    boosted = XGBoost(rounds=5).fit(SAMPLES, TRAIN, STOP, seed_of(7, "xgboost")).predict(SAMPLES, TEST)
    np.testing.assert_array_equal(found, 0.75 * forest + 0.25 * boosted)


def test_no_opinion_of_one_member_is_no_opinion():
    parts = (Part("a", 0.5, Fixed((1.0, 2.0))), Part("b", 0.5, Fixed((np.nan, 4.0))))
    np.testing.assert_array_equal(FittedEnsemble(parts).predict(SAMPLES, TEST[:2]), [np.nan, 3.0])


def test_the_order_of_keys_changes_nothing():
    backwards = dict(reversed(HALVES.items()))
    one, other = (
        Ensemble.parse({"members": members}).fit(SAMPLES, TRAIN, STOP, 7).predict(SAMPLES, TEST)
        for members in (HALVES, backwards)
    )
    assert one.tobytes() == other.tobytes()


def test_the_dump_has_the_form_of_the_config_with_every_default():
    dumped = Ensemble.parse({"members": HALVES}).dump()
    assert dumped["kind"] == "ensemble"
    assert list(dumped["members"]) == ["random_forest", "xgboost"]
    assert dumped["members"]["random_forest"]["weight"] == 0.75
    assert dumped["members"]["random_forest"]["trees"] == 5
    assert dumped["members"]["xgboost"]["max_depth"] == XGBoost().max_depth
    assert "kind" not in dumped["members"]["xgboost"]
    dumped["members"]["xgboost"]["max_depth"] = 5  # what an override `model.members.xgboost.max_depth=5` does
    changed = Ensemble.parse({"members": dumped["members"]})
    assert changed.members[1].model == XGBoost(rounds=5, max_depth=5)


def test_a_members_failure_names_it():
    ensemble = Ensemble.model_construct(members=(Member(1.0, Failing()),))
    with pytest.raises(ModelError, match="too few rows") as caught:
        ensemble.fit(SAMPLES, TRAIN, STOP, 7)
    assert caught.value.__notes__ == [f"member {Failing().kind}"]


def test_members_account_for_themselves():
    ensemble = Ensemble.parse({"members": HALVES})
    accounts = ensemble.accounts(ensemble.fit(SAMPLES, TRAIN, STOP, 7))
    assert list(accounts) == ["random_forest", "xgboost"]
    assert accounts["random_forest"]["trees"] == 5


@pytest.mark.parametrize(
    ("members", "message", "path"),
    [
        (
            {"lstm": {"weight": 0.6}, "xgboost": {"weight": 0.5}},
            r"weights must sum to 1; lstm 0.6 \+ xgboost 0.5 = 1.1",
            ["members"],
        ),
        ({"lstm": {"weight": 1}, "xgboost": {"weight": -0.5}}, "must be above 0 and at most 1", ["xgboost", "weight"]),
        ({"lstm": {"weight": 1}, "xgboost": {"weight": 0}}, "must be above 0 and at most 1", ["xgboost", "weight"]),
        ({"lstm": {"weight": 40}}, "for 40 % write 0.4", ["lstm", "weight"]),
        ({"lstm": {"weight": "1"}}, "valid number", ["lstm", "weight"]),
        ({"lstm": {"hidden": 8}}, "Field required", ["lstm", "weight"]),
        ({"lstm": {"weight": 1, "hiden": 8}}, "Extra inputs are not permitted", ["lstm", "hiden"]),
        ({"lstm": {"weight": 1, "dropout": 1.0}}, "must be at least 0 and below 1", ["lstm", "dropout"]),
        ({"lstm": {"weight": 1, "layers": 1}}, "nothing to drop between layers", ["lstm", "dropout"]),
        ({"lsmt": {"weight": 1}}, "did you mean 'lstm'", ["lsmt"]),
        ({"sma_cross": {"weight": 1}}, "sma_cross does not train; members are models that train: ", ["sma_cross"]),
        ({"ensemble": {"weight": 1}}, "an ensemble is no member of another", ["ensemble"]),
        ({"lstm": 0.4}, "must be a mapping with a `weight`", ["lstm"]),
        ({}, "must name at least one model", None),
        ([], "must name at least one model", None),
    ],
)
def test_members_that_cannot_be_right_are_refused_at_their_place(members, message, path):
    with pytest.raises(ValidationError, match=message) as caught:
        Ensemble.parse({"members": members})
    assert caught.value.errors()[0].get("ctx", {}).get("path") == path


def test_a_misspelt_parameter_knows_the_right_ones():
    with pytest.raises(ValidationError) as caught:
        Ensemble.parse({"members": {"lstm": {"weight": 1, "hiden": 8}}})
    assert caught.value.errors()[0]["ctx"]["known"] == [*Lstm.model_fields, "weight"]


def test_weights_may_miss_one_by_rounding_only():
    tenths = {"lstm": {"weight": 0.1}, "xgboost": {"weight": 0.2}, "random_forest": {"weight": 0.7 + 5e-10}}
    assert Ensemble.parse({"members": tenths})
    tenths["lstm"]["weight"] += 1e-8
    with pytest.raises(ValidationError, match="weights must sum to 1"):
        Ensemble.parse({"members": tenths})


def test_the_schema_shows_every_member_with_its_parameters():
    members = Ensemble.model_json_schema()["properties"]["members"]
    assert set(members["properties"]) == {"lstm", "random_forest", "xgboost", "lightgbm"}
    assert members["additionalProperties"] is False
    lstm = members["properties"]["lstm"]
    assert list(lstm["properties"]) == ["weight", *(name for name in Lstm.model_fields if name != "scope")]
    assert lstm["required"] == ["weight"]
    assert lstm["additionalProperties"] is False
    assert all("description" in about for about in lstm["properties"].values())
    assert lstm["properties"]["hidden"]["default"] == 32
