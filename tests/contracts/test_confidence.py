"""Every confidence plug-in is held to the rules of its family; a new file needs no test of its own for this."""

import inspect
import json

import numpy as np
import pandas as pd
import pytest

from core.plugins import kinds, load
from core.types import Bars
from signals.confidence.base import Block, Confidence, Predicted
from signals.models.base import Forecast

PACKAGE = "signals.confidence"
every_confidence = pytest.mark.parametrize(
    "confidence", [pytest.param(load(PACKAGE, kind)(), id=kind) for kind in kinds(PACKAGE)]
)


def predicted_of(seed, count, missing=()):
    rng = np.random.default_rng(seed)
    parts = {name: rng.normal(0, 0.01, count) for name in ("one", "two")}
    prediction = 0.5 * parts["one"] + 0.5 * parts["two"]
    prediction[list(missing)] = np.nan
    forecast = Forecast(prediction, parts, {"one": 0.5, "two": 0.5})
    return Predicted(forecast, rng.uniform(0.005, 0.02, count))


def block_of(count=120, seed=1, up=None):
    rng = np.random.default_rng(seed)
    predicted = predicted_of(seed, count)
    y = 0.5 * predicted.forecast.prediction + rng.normal(0, 0.01, count) if up is None else np.full(count, up)
    times = pd.date_range("2020-01-01 21:00", periods=count, tz="UTC").as_unit("ns")
    return Block(predicted, y, times, times + pd.Timedelta("1D"), 0.53)


PREDICTED = predicted_of(7, 60, missing=(0, 31))


@every_confidence
def test_its_docstring_is_a_sentence_and_has_an_example(confidence: Confidence):
    docstring = inspect.getdoc(type(confidence))
    assert docstring.partition("\n")[0].endswith("."), "the first line of its docstring is no sentence"
    assert "Examples" in docstring, "its docstring has no section Examples"


@every_confidence
def test_what_it_dumps_reads_back(confidence: Confidence):
    values = json.loads(json.dumps(confidence.dump()))
    assert values.pop("kind") == confidence.kind
    assert type(confidence).parse(values) == confidence


@every_confidence
@pytest.mark.parametrize("block", [block_of(), block_of(5), block_of(0), block_of(up=0.01), block_of(up=0.0)])
def test_it_lies_between_0_and_1_exactly_where_there_is_a_prediction(confidence: Confidence, block):
    judged = confidence.fit(block).judge(PREDICTED)
    is_predicted = np.isfinite(PREDICTED.forecast.prediction)
    np.testing.assert_array_equal(np.isfinite(judged.confidence), is_predicted)
    assert ((judged.confidence[is_predicted] >= 0) & (judged.confidence[is_predicted] <= 1)).all()
    assert judged.p_up.shape == judged.half_width.shape == is_predicted.shape
    if np.isfinite(judged.p_up).any():
        np.testing.assert_array_equal(np.isfinite(judged.p_up), is_predicted)
        assert ((judged.p_up[is_predicted] >= 0) & (judged.p_up[is_predicted] <= 1)).all()
        right = np.where(PREDICTED.forecast.prediction > 0, judged.p_up, 1 - judged.p_up)
        np.testing.assert_allclose(judged.confidence[is_predicted], right[is_predicted], atol=1e-15)


@every_confidence
def test_each_prediction_is_judged_by_itself(confidence: Confidence):
    fitted = confidence.fit(block_of())
    full = fitted.judge(PREDICTED).confidence
    for rows in (np.arange(5, 25), np.array([40])):
        np.testing.assert_array_equal(fitted.judge(PREDICTED.take(rows)).confidence, full[rows])


@every_confidence
def test_it_is_deterministic_and_tells_itself_in_json(confidence: Confidence):
    one, two = (confidence.fit(block_of()) for _ in range(2))
    assert one.judge(PREDICTED).confidence.tobytes() == two.judge(PREDICTED).confidence.tobytes()
    assert json.loads(json.dumps(one.dump(), allow_nan=False)) == one.dump()
    assert one.dump()["kind"] == confidence.kind


@every_confidence
@pytest.mark.parametrize("row", [1, 40, 79])
def test_the_spread_is_known_at_each_close(confidence: Confidence, row):
    close = 100 * np.exp(np.cumsum(np.random.default_rng(0).normal(0, 0.02, 80)))
    times = pd.date_range("2020-01-01 21:00", periods=80, tz="UTC").as_unit("ns")
    bars = Bars("A", times, close, close, close, close, close)
    full = confidence.spread(bars)
    assert full.shape == (80,)
    np.testing.assert_array_equal(confidence.spread(bars.between(None, times[row - 1])), full[:row])
    if np.isfinite(full).any():
        assert np.isfinite(full[confidence.warmup :]).all()
