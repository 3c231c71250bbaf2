"""Columns of the table of trials, whatever an axis holds."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from engine.config.sweep_spec import Choices
from engine.sweep.pages.terminal import _heads
from engine.sweep.space.dimensions import dimension, table_cell
from engine.sweep.storage.trials_table import _kind, cells, write
from engine.sweep.trials.plan import plan_sweep
from engine.sweep.trials.trial_scores import unmeasured_scores

AXES = {
    "whole": ([1, 2], "Int64", [1, 2]),
    "whole or none": ([1, None], "Int64", [1, pd.NA]),
    "numbers": ([1, 0.5], "float64", [1.0, 0.5]),
    "numbers or none": ([0.5, None], "Float64", [0.5, pd.NA]),
    "true or false": ([True, False], "boolean", [True, False]),
    "texts": (["a", None], "str", ["a", None]),
    "blocks": ([{"kind": "a", "value": 0.1}, None], "str", ['{"kind": "a", "value": 0.1}', None]),
    "a block or a text": ([{"kind": "a"}, "b"], "str", ['{"kind": "a"}', "b"]),
    "a number or a text": (["sqrt", 0.5, None], "str", ["sqrt", "0.5", None]),
    "a number or a block": ([0.5, {"kind": "a"}], "str", ["0.5", '{"kind": "a"}']),
    "true or a number": ([True, 2], "str", ["True", "2"]),
    "nothing": ([None], "str", [None]),
}


@pytest.mark.parametrize("name", AXES)
def test_a_column_is_of_one_kind(name):
    values, kind, expected = AXES[name]
    axis = dimension("a.x", Choices(choices=tuple(values)))
    assert _kind([table_cell(value) for value in axis.representatives]) == kind
    column = pd.Series(cells(list(axis.values), kind), dtype=kind)
    for found, wanted in zip(column, expected, strict=True):
        assert (pd.isna(found) and pd.isna(wanted)) or found == wanted
    again = pa.Table.from_pandas(pd.DataFrame({"a.x": column})).to_pandas()
    assert str(again["a.x"].dtype) == kind


def test_a_column_keeps_its_kind_where_no_trial_has_a_value(config_of, tmp_path):
    """Trials that failed have no fills: the column is one of whole numbers all the same, in every part."""
    made = plan_sweep(config_of({"space": {"risk.base": [0.01, 0.02], "risk.limits.gross": [None, 0.5]}}))

    class Finished:
        def all(self):
            yield unmeasured_scores(
                np.arange(4), "failed", ["why"] * 4, ("final_value", "sharpe", "fills", "trades", "rejections"), (4, 9)
            )

    names = ("final_value", "sharpe", "fills", "trades", "rejections")
    write(made, Finished(), names, tmp_path / "t.parquet")
    table = pd.read_parquet(tmp_path / "t.parquet")
    assert str(table["fills"].dtype) == "Int64"
    assert table["fills"].isna().all()
    assert str(table["risk.limits.gross"].dtype) == "Float64"
    assert table["reason"].tolist() == ["why"] * 4
    before = (tmp_path / "t.parquet").read_bytes()
    write(made, Finished(), names, tmp_path / "t.parquet")
    assert (tmp_path / "t.parquet").read_bytes() == before


def test_heads_tell_axes_apart():
    assert _heads(["risk.stop.value", "risk.take_profit.value", "risk.base"]) == [
        "stop.value",
        "take_profit.value",
        "base",
    ]
    assert _heads(["features.0.window", "features.1.window"]) == ["0.window", "1.window"]
    assert _heads(["seed", "model.seed"]) == ["seed", "model.seed"]
