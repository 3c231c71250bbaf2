"""The trials that a sweep's page shows: the rows of its table, and the lines of its parallel coordinates."""

import json
import shlex
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from core.types import Rows
from engine.sweep.judgement.parameter_stability import positions
from engine.sweep.space.dimensions import Dimension

from . import charts

BEST, OTHERS = 400, 300
"""Trials that are shown: the best, and of the rest every n-th by rank."""


def shown_trials(ranked: Rows) -> Rows:
    """(K,) numbers of trials, the best first.

    >>> len(shown_trials(np.arange(100))), len(shown_trials(np.arange(5000)))
    (100, 700)
    """
    if len(ranked) <= BEST + OTHERS:
        return ranked
    rest = np.unique(np.linspace(BEST, len(ranked) - 1, OTHERS).astype(np.int64))
    return np.concatenate([ranked[:BEST], ranked[rest]])


def overrides(point: Mapping[str, Any]) -> str:
    r"""A trial's settings as words of the command line.

    >>> overrides({"strategy.entry": 0.001, "risk.stop": {"kind": "atr", "multiple": 3}, "risk.cap": None})
    'strategy.entry=0.001 \'risk.stop={"kind": "atr", "multiple": 3}\' risk.cap=null'
    """
    return " ".join(shlex.quote(f"{path}={_word(value)}") for path, value in point.items())


def _word(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def line_block(
    axes: Sequence[Dimension],
    numbers: Rows,
    point: Callable[[int], Mapping[str, Any]],
    objective: Callable[[int], float],
    name: str,
) -> dict[str, Any]:
    """Parallel coordinates for the page's script: heights from 0 to 1 on each axis, the objective's last."""
    points = [point(number) for number in numbers.tolist()]
    columns = {axis.path: [values[axis.path] for values in points] for axis in axes}
    values = np.array([objective(number) for number in numbers.tolist()])
    low = float(values.min())
    high = float(values.max())
    heights = np.column_stack([positions(axes, columns), (values - low) / ((high - low) or 1.0)])
    ends = [[0.0, charts.four(low)], [1.0, charts.four(high)]]
    return {
        "trials": numbers.tolist(),
        "best": max(1, len(numbers) // 10),
        "heights": np.round(heights, 3).tolist(),
        "axes": [{"name": axis.path, "ticks": charts.axis_ticks(axis)} for axis in axes]
        + [{"name": name, "ticks": ends}],
        "overrides": [overrides(values) for values in points],
    }
