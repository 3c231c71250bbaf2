"""Old names of the contracts of models and confidence plug-ins; docs/deprecation.md lists them."""

from typing import ClassVar

import numpy as np
import pandas as pd
import pytest

from signals.confidence.base import Block, Predicted
from signals.models.base import Forecast, TrainedModel
from signals.models.random_forest import RandomForest
from signals.models.ridge import Ridge


def test_a_models_chance_is_read_as_uses_seed():
    with pytest.warns(
        DeprecationWarning, match="TestModel.chance is deprecated since 0.2: use TestModel.uses_seed"
    ) as caught:

        class TestModel(RandomForest):
            chance: ClassVar[bool] = False

    assert caught[0].filename == __file__
    assert TestModel.uses_seed is False
    assert TestModel().uses_seed is False
    assert RandomForest.uses_seed is True


def test_chance_of_a_model_with_the_new_name_can_be_read():
    with pytest.warns(DeprecationWarning, match="Ridge.chance is deprecated since 0.2: use Ridge.uses_seed"):
        assert Ridge.chance is False
    with pytest.warns(DeprecationWarning, match="use TrainedModel.uses_seed"):
        assert TrainedModel.chance is True


def test_told_gives_the_rows_with_a_prediction():
    times = pd.date_range("2020-01-01", periods=3, tz="UTC")
    predicted = Predicted(Forecast(np.array([0.1, np.nan, 0.3])), np.ones(3))
    block = Block(predicted, np.array([1.0, 2.0, 3.0]), times, times, up_share=0.5)
    with pytest.warns(
        DeprecationWarning, match=r"Block\.told is deprecated since 0\.2: use Block\.with_prediction"
    ) as caught:
        old = block.told()
    assert caught[0].filename == __file__
    assert old.y.tolist() == block.with_prediction().y.tolist() == [1.0, 3.0]
