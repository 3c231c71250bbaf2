"""The heatmaps' cells against pandas' own grouping."""

import numpy as np
import pandas as pd
import pytest

from engine.sweep.pages import charts
from engine.sweep.pages.charts import TrialPoints
from engine.sweep.space.dimensions import Discrete

AXES = (Discrete("a", (1, 2, 5)), Discrete("b", ("x", "y")), Discrete("c", (0.1, 0.2, 0.3, 0.4)))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"kind": "percent", "value": 0.06}, "6 %"),
        ({"kind": "percent", "value": 0.025}, "2.5 %"),
        ({"kind": "atr", "window": 14, "multiple": 3}, "3 x ATR(14)"),
        ({"kind": "other", "value": 2}, "other 2"),
        (None, "none"),
    ],
)
def test_a_stop_is_written_as_a_reader_would(value, text):
    assert charts.text(value) == text


def test_an_axis_of_few_values_has_all_of_them():
    assert [label for _, label in charts.axis_ticks(AXES[2])] == ["0.1", "0.2", "0.3", "0.4"]
    assert len(charts.axis_ticks(Discrete("d", tuple(range(20))))) == 3


def test_no_bar_of_the_ranks_has_both_colours():
    figure = charts.logits(np.array([-2.0, -0.01, 0.0, 0.01, 1.5]), 0.6)
    bars = {}
    for bar in figure.axes[0].patches:
        if bar.get_height():
            bars.setdefault(round(bar.get_x(), 9), []).append(bar.get_facecolor())
    assert all(len(colours) == 1 for colours in bars.values())
    labels = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    assert labels == ["in the lower half, 60.00 %", "in the upper half, 40.00 %"]


def test_a_cell_is_the_median_over_all_else():
    random = np.random.default_rng(4)
    columns = {axis.path: [axis.values[code] for code in random.integers(len(axis), size=60)] for axis in AXES}
    objective = random.normal(size=60)
    objective[::7] = np.nan
    trials = TrialPoints.from_columns(AXES, columns, objective, name="sharpe", sign=1.0, winner=None)
    for first, second in ((0, 1), (0, 2), (1, 2)):
        cells, across, up = charts._cells(trials, first, second)
        names = AXES[first].path, AXES[second].path
        expected = pd.DataFrame({**columns, "objective": objective}).groupby(list(names))["objective"].median()
        assert cells.shape == (len(AXES[second]), len(AXES[first])) == (len(up), len(across))
        for row, above in enumerate(AXES[second].values):
            for column, along in enumerate(AXES[first].values):
                cell = np.ma.filled(cells, np.nan)[row, column]
                np.testing.assert_equal(cell, expected.get((along, above), np.nan))
