"""The heatmaps' cells against pandas' own grouping."""

import numpy as np
import pandas as pd

from engine.sweep.pages import charts
from engine.sweep.pages.charts import TrialPoints
from engine.sweep.space.dimensions import Discrete

AXES = (Discrete("a", (1, 2, 5)), Discrete("b", ("x", "y")), Discrete("c", (0.1, 0.2, 0.3, 0.4)))


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
