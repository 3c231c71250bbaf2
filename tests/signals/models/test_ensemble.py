"""The ensemble: a weighted sum, its form in a config, and what it refuses."""

from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from core.digests import seed_of
from core.errors import ModelError
from core.types import read_only
from signals.models._ensemble_members import Member
from signals.models.base import Samples, TrainedModel
from signals.models.ensemble import Ensemble, FittedEnsemble, WeightedMember, learned_weights
from signals.models.lstm import Lstm
from signals.models.random_forest import RandomForest
from signals.models.xgboost import XGBoost

HALVES = {"random_forest": {"weight": 0.75, "trees": 5}, "xgboost": {"weight": 0.25, "rounds": 5}}


def make_samples():
    rng = np.random.default_rng(0)
    X = rng.uniform(0, 1, (120, 3))
    y = X[:, 0] + rng.normal(0, 0.1, 120)
    return Samples(read_only(X), read_only(y), read_only(np.zeros(120), np.intp))


SAMPLES = make_samples()
TRAIN = np.arange(80)
STOP = np.arange(80, 100)
TEST = np.arange(100, 120)


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
    result = Ensemble.parse({"members": HALVES}).fit(SAMPLES, TRAIN, STOP, 7).predict(SAMPLES, TEST)
    forest = RandomForest(trees=5).fit(SAMPLES, TRAIN, STOP, seed_of(7, "random_forest")).predict(SAMPLES, TEST)
    boosted = XGBoost(rounds=5).fit(SAMPLES, TRAIN, STOP, seed_of(7, "xgboost")).predict(SAMPLES, TEST)
    np.testing.assert_array_equal(result, 0.75 * forest + 0.25 * boosted)


def test_no_opinion_of_one_member_is_no_opinion():
    parts = (WeightedMember("a", 0.5, Fixed((1.0, 2.0))), WeightedMember("b", 0.5, Fixed((np.nan, 4.0))))
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
        ({"lstm": {"hidden": 8}}, "is missing; add it, or take `weights: learned`", ["members", "lstm", "weight"]),
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
    trained = {"lstm", "random_forest", "xgboost", "lightgbm", "ridge", "persistence"}
    assert set(members["properties"]) == trained
    assert members["additionalProperties"] is False
    lstm = members["properties"]["lstm"]
    assert list(lstm["properties"]) == ["weight", *(name for name in Lstm.model_fields if name != "scope")]
    assert lstm["required"] == []
    assert lstm["additionalProperties"] is False
    assert all("description" in about for about in lstm["properties"].values())
    assert lstm["properties"]["hidden"]["default"] == 32


def learned(*kinds):
    return Ensemble.parse({"weights": "learned", "members": {kind: {} for kind in kinds}})


def on_the_simplex(count, steps=60):
    """Every weight vector of a grid whose parts sum to 1."""
    if count == 1:
        yield (1.0,)
        return
    for first in range(steps + 1):
        left = steps - first
        for rest in on_the_simplex(count - 1, left) if left else [(0.0,) * (count - 1)]:
            yield (first / steps, *(left / steps * item for item in rest))


@given(seed=st.integers(0, 999), noise=st.floats(0.1, 3.0))
@settings(max_examples=20)
def test_no_other_weights_on_the_simplex_have_a_smaller_error(seed, noise):
    rng = np.random.default_rng(seed)
    y = rng.normal(0, 0.01, 60)
    columns = np.column_stack([y * rng.uniform(-0.5, 1) + rng.normal(0, 0.01 * noise, 60) for _ in range(3)])
    weights, reason = learned_weights(columns, y)
    assert reason == ""
    assert weights.min() >= 0
    assert weights.sum() == pytest.approx(1, abs=1e-12)
    minimum = np.mean((y - columns @ weights) ** 2)
    assert all(np.mean((y - columns @ np.array(other)) ** 2) >= minimum * (1 - 1e-9) for other in on_the_simplex(3, 20))


def test_a_member_that_knows_gets_all_the_weight_and_noise_gets_none():
    rng = np.random.default_rng(0)
    y = rng.normal(0, 0.01, 200)
    weights, _ = learned_weights(np.column_stack([rng.normal(0, 0.02, 200), y]), y)
    np.testing.assert_allclose(weights, [0, 1], atol=1e-9)


@pytest.mark.parametrize(
    ("columns", "reason"),
    [(np.zeros((5, 2)), "5 rows to learn weights from, fewer than 20"), (np.ones((40, 2)), "predict the same")],
)
def test_weights_are_equal_where_the_rows_cannot_tell(columns, reason):
    weights, explanation = learned_weights(columns, np.linspace(-1, 1, len(columns)))
    np.testing.assert_array_equal(weights, [0.5, 0.5])
    assert reason in explanation


def test_learned_weights_leave_states_of_members_out():
    with pytest.raises(ValidationError, match="weights are learned: remove this one"):
        Ensemble.parse({"weights": "learned", "members": {"ridge": {"weight": 0.5}, "persistence": {}}})
    spec = learned("ridge", "persistence")
    assert spec.dump() == {
        "kind": "ensemble",
        "weights": "learned",
        "members": {"ridge": {"alpha": 0.01}, "persistence": {}},
    }
    assert spec.settles
    assert not Ensemble().settles
    assert "weights" not in Ensemble().dump()


def test_settling_changes_the_weights_alone():
    spec = learned("ridge", "random_forest")
    fitted = spec.fit(SAMPLES, TRAIN, STOP, 3)
    rows = np.arange(80, 120)
    forecast = spec.forecast(fitted, SAMPLES, rows)
    assert forecast.weights == {"random_forest": 0.5, "ridge": 0.5}
    settled = spec.settle(fitted, forecast, SAMPLES.y[rows])
    after = spec.forecast(settled, SAMPLES, rows)
    for name, part in forecast.parts.items():
        np.testing.assert_array_equal(after.parts[name], part)
    expected, _ = learned_weights(np.column_stack([forecast.parts[n] for n in sorted(forecast.parts)]), SAMPLES.y[rows])
    assert list(after.weights.values()) == list(expected)
    assert np.mean((after.prediction - SAMPLES.y[rows]) ** 2) <= np.mean((forecast.prediction - SAMPLES.y[rows]) ** 2)
