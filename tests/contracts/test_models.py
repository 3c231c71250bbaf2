"""Every model plug-in is held to the rules of its family; a new file needs no test of its own for this."""

import inspect
import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import safetensors.numpy

from core.errors import StoreError
from core.plugins import kinds, load
from core.progress import Progress, no_progress
from core.types import COLUMNS, Bars, read_only
from signals.models.base import Model, RuleModel, Samples, TrainedModel
from signals.stored import Stored

PACKAGE = "signals.models"
SEQUENCE = 5
# Cheaper than the defaults, where those would take seconds.
LSTM = {"hidden": 4, "sequence": SEQUENCE, "epochs": 2}
SMALL = {
    "lstm": LSTM,
    "random_forest": {"trees": 10},
    "ensemble": {"members": {"lstm": {"weight": 0.5, **LSTM}, "random_forest": {"weight": 0.5, "trees": 5}}},
}
# Strong enough for the few rows here.
LEARNING = {
    "lstm": {"hidden": 8, "sequence": 2, "learning_rate": 0.02, "batch": 16, "patience": 10},
    "ensemble": {"members": {"random_forest": {"weight": 0.5, "trees": 20}, "xgboost": {"weight": 0.5}}},
}
SYMBOL_ROWS = (150, 120)


def model_of(kind):
    return load(PACKAGE, kind).parse(SMALL.get(kind, {}))


def of_class(base):
    models = [model_of(kind) for kind in kinds(PACKAGE)]
    return [pytest.param(model, id=model.kind) for model in models if isinstance(model, base)]


every_model = pytest.mark.parametrize("model", of_class(Model))
every_trained = pytest.mark.parametrize("model", of_class(TrainedModel))
every_rule = pytest.mark.parametrize("model", of_class(RuleModel))


def make_samples(seed=0):
    """Two symbols' rows; the label is the first feature plus noise."""
    rng = np.random.default_rng(seed)
    X = rng.uniform(0, 1, (sum(SYMBOL_ROWS), 3))
    y = 0.02 * (X[:, 0] - 0.5) + rng.normal(0, 0.002, len(X))
    first = np.repeat([0, SYMBOL_ROWS[0]], SYMBOL_ROWS)
    return Samples(read_only(X), read_only(y), read_only(first, np.intp), last_of(y, first))


def last_of(y, first):
    """Of labels that are known a row later."""
    last = np.append(np.nan, y[:-1])
    last[first == np.arange(len(y))] = np.nan
    return read_only(last)


SAMPLES = make_samples()
TRAIN, STOP, TEST = (np.r_[low:high, low + 150 : high + 150] for low, high in ((0, 80), (80, 100), (100, 120)))


def changed(samples, rows, *, X=False, y=False):
    """The samples with other features or labels in some rows."""
    features = np.array(samples.X)
    labels = np.array(samples.y)
    if X:
        features[rows] = np.random.default_rng(5).uniform(-9, 9, (len(rows), features.shape[1]))
    if y:
        labels[rows] = np.nan
    return replace(samples, X=read_only(features), y=read_only(labels))


def fitted(model, samples=SAMPLES, seed=7, on_progress=no_progress):
    return model.fit(samples, TRAIN, STOP, seed, on_progress)  # by position: older models name it `report`


def predicted(model, samples=SAMPLES, seed=7, rows=TEST):
    return fitted(model, samples, seed).predict(samples, rows)


def make_bars(count=200, seed=0):
    rng = np.random.default_rng(seed)
    close = 100 * np.exp(np.cumsum(rng.normal(0, 0.02, count)))
    times = pd.bdate_range("2001-01-02", periods=count, tz="UTC") + pd.Timedelta("21h")
    columns = (close, close * 1.01, close * 0.99, close, np.ones(count))
    return Bars.of("A", pd.DataFrame(dict(zip(COLUMNS, columns, strict=True)), index=times))


@every_model
def test_its_docstring_is_a_sentence_and_has_an_example(model):
    docstring = inspect.getdoc(type(model))
    assert docstring.partition("\n")[0].endswith("."), "the first line of its docstring is no sentence"
    assert "Examples" in docstring, "its docstring has no section Examples"


@every_model
def test_it_trains_or_is_a_rule(model):
    assert isinstance(model, TrainedModel | RuleModel)


@every_model
def test_what_it_dumps_reads_back(model):
    parameters = json.loads(json.dumps(model.dump()))
    assert parameters.pop("kind") == model.kind
    assert type(model).parse(parameters) == model


@every_trained
def test_it_learns_a_planted_signal_out_of_sample(model):
    if not model.learns:
        pytest.skip("it learns nothing from features")
    model = type(model).parse(LEARNING.get(model.kind, {}))
    assert np.corrcoef(predicted(model), SAMPLES.y[TEST])[0, 1] > 0.7


@every_trained
def test_equal_seeds_give_equal_bits_whatever_the_global_state(model):
    import torch

    once = predicted(model)
    torch.manual_seed(1)
    state = torch.get_rng_state()
    threads = torch.get_num_threads()
    assert predicted(model).tobytes() == once.tobytes()
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.get_num_threads() == threads


@every_trained
def test_the_seed_matters_where_chance_is_declared(model):
    assert (predicted(model, seed=8).tobytes() != predicted(model, seed=7).tobytes()) == model.uses_seed


@pytest.mark.slow
@every_trained
@pytest.mark.parametrize("seed", [0, 2**63 - 1])
def test_every_seed_is_taken(model, seed):
    assert np.isfinite(predicted(model, seed=seed)).all()


@every_trained
def test_rows_after_the_stop_rows_are_not_looked_at(model):
    after = np.setdiff1d(np.arange(len(SAMPLES.y)), np.r_[0:100, 150:250])
    other = changed(SAMPLES, after, X=True, y=True)
    assert fitted(model, other).predict(SAMPLES, TEST).tobytes() == predicted(model).tobytes()


@every_trained
def test_labels_of_other_rows_are_not_needed_for_fit_or_prediction(model):
    others = np.setdiff1d(np.arange(len(SAMPLES.y)), np.r_[TRAIN, STOP])
    blank = changed(SAMPLES, others, y=True)
    none = changed(SAMPLES, np.arange(len(SAMPLES.y)), y=True)
    assert fitted(model, blank).predict(none, TEST).tobytes() == predicted(model).tobytes()


@every_trained
def test_a_prediction_does_not_depend_on_later_rows_or_on_what_else_is_asked(model):
    done = fitted(model)
    together = done.predict(SAMPLES, TEST)
    for index in (0, 19, 20, 39):
        alone = done.predict(SAMPLES, TEST[index : index + 1])
        later = np.arange(TEST[index] + 1, len(SAMPLES.y))
        other = done.predict(changed(SAMPLES, later, X=True), TEST[index : index + 1])
        assert alone.tobytes() == other.tobytes() == together[index : index + 1].tobytes()


@every_trained
def test_only_a_symbols_first_rows_may_be_without_an_opinion(model):
    rows = np.arange(len(SAMPLES.y))
    prediction = fitted(model).predict(SAMPLES, rows)
    assert prediction.shape == rows.shape
    assert prediction.dtype == np.float64
    assert np.isfinite(prediction[rows - SAMPLES.first >= SEQUENCE - 1]).all()
    for low, high in ((0, 150), (150, 270)):
        unknown = np.isnan(prediction[low:high])
        assert (np.diff(unknown.astype(int)) <= 0).all()


@every_trained
def test_predicting_again_gives_the_same(model):
    done = fitted(model)
    assert done.predict(SAMPLES, TEST).tobytes() == done.predict(SAMPLES, TEST).tobytes()


@every_trained
def test_it_accounts_for_its_fit_in_plain_json_and_reports_progress(model):
    steps = []
    accounts = model.accounts(fitted(model, on_progress=steps.append))
    assert json.loads(json.dumps(accounts, allow_nan=False)) == accounts
    assert all(isinstance(step, Progress) for step in steps)
    last = {step.task: step for step in steps}
    assert set(last) == set(accounts)
    assert all(step.done == step.total for step in last.values())


@every_trained
def test_constant_labels_are_learnt_without_a_fuss(model):
    y = np.full(len(SAMPLES.y), 0.01)
    flat = replace(SAMPLES, y=read_only(y), last=last_of(y, SAMPLES.first))
    np.testing.assert_allclose(predicted(model, flat), 0.01, atol=2e-3)


@every_rule
def test_a_rule_is_silent_in_its_warmup_only(model):
    signal = model.signal(make_bars())
    assert signal.shape == (200,)
    assert np.isnan(signal[: model.warmup]).all()
    assert np.isfinite(signal[model.warmup :]).all()


@every_rule
def test_a_rule_sees_only_the_past(model):
    bars = make_bars()
    full = model.signal(bars)
    for last in (0, model.warmup, model.warmup + 1, 150):
        assert model.signal(bars.between(None, bars.times[last])).tobytes() == full[: last + 1].tobytes()


def read_back(stored):
    """The content after the way through the files of a bundle."""
    arrays = safetensors.numpy.load(safetensors.numpy.save(dict(stored.arrays))) if stored.arrays else {}
    return Stored(json.loads(json.dumps(stored.facts, allow_nan=False)), arrays)


def require_kept(model):
    """Leave out a model that bundles cannot keep."""
    if type(model).store is TrainedModel.store:
        pytest.skip(f"{model.kind} has no `store`: bundles cannot keep it")


def test_every_model_of_the_project_can_be_kept():
    unkept = [kind for kind in kinds(PACKAGE) if load(PACKAGE, kind).__dict__.get("store") is None]
    assert all(issubclass(load(PACKAGE, kind), RuleModel) for kind in unkept)


@every_trained
def test_a_stored_model_predicts_the_same_bits(model):
    require_kept(model)
    samples = make_samples()
    train, stop, rest = np.arange(0, 90), np.arange(90, 110), np.arange(110, sum(SYMBOL_ROWS))
    fitted = model.fit(samples, train, stop, seed=3)
    restored = model.restore(read_back(model.store(fitted)))
    before, after = (model.forecast(each, samples, rest) for each in (fitted, restored))
    np.testing.assert_array_equal(before.prediction, after.prediction)
    assert before.weights == after.weights
    for name, part in before.parts.items():
        np.testing.assert_array_equal(part, after.parts[name])
    assert json.dumps(model.accounts(fitted)) == json.dumps(model.accounts(restored))
    one = rest[-1:]
    np.testing.assert_array_equal(model.forecast(restored, samples, one).prediction, before.prediction[-1:])


@every_trained
def test_a_stored_model_that_lacks_something_is_refused(model):
    require_kept(model)
    stored = model.store(model.fit(make_samples(), np.arange(0, 90), np.arange(90, 110), seed=3))
    for name in stored.facts:
        if name not in ("details", "losses"):
            with pytest.raises(StoreError):
                model.restore(Stored({key: item for key, item in stored.facts.items() if key != name}, stored.arrays))
    for name in stored.arrays:
        with pytest.raises(StoreError):
            model.restore(Stored(stored.facts, {key: item for key, item in stored.arrays.items() if key != name}))
        with pytest.raises(StoreError):
            model.restore(Stored(stored.facts, {**stored.arrays, name: stored.arrays[name].astype("complex128")}))


@every_trained
def test_a_model_that_says_so_predicts_without_the_last_labels(model):
    """``reads_last`` is false only where nothing changes without them."""
    if model.reads_last:
        return
    prediction = fitted(model).predict(SAMPLES, TEST)
    unknown = read_only(np.full(len(SAMPLES.X), np.nan))
    assert fitted(model).predict(replace(SAMPLES, last=unknown), TEST).tobytes() == prediction.tobytes()


def test_an_ensemble_reads_the_last_labels_where_a_member_does():
    ensemble = load(PACKAGE, "ensemble")
    assert not model_of("ensemble").reads_last
    members = {"ridge": {"weight": 0.5}, "persistence": {"weight": 0.5}}
    assert ensemble.parse({"members": members}).reads_last


def test_a_model_with_a_fit_of_its_own_makes_the_promise_itself():
    ridge = load(PACKAGE, "ridge")

    class Own(ridge):
        def fit(self, *args):
            return super().fit(*args)

    class Renamed(ridge):
        pass

    assert Own.reads_last
    assert not Renamed.reads_last
