"""The table trials.parquet: one row for each trial, in their order, written in parts."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from core.types import Rows
from engine.sweep.space.dimensions import Columns, table_cell
from engine.sweep.space.index_windows import WINDOW, index_windows
from engine.sweep.space.trial_measures import COUNTS
from engine.sweep.trials.plan import Plan
from engine.sweep.trials.trial_scores import Scores, join_scores

from .trial_store import TrialStore


def write(plan: Plan, trial_store: TrialStore, names: tuple[str, ...], path: Path) -> None:
    """Write the table of all trials; its bytes depend on the trials alone.

    Parameters
    ----------
    names : columns of values.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    writer = None
    for part in parts(plan, trial_store, names):
        table = pa.Table.from_pandas(part, preserve_index=False)
        if writer is None:
            writer = pq.ParquetWriter(path, table.schema, compression="zstd")
        writer.write_table(table)
    assert writer is not None  # noqa: S101 - a sweep has a trial
    writer.close()


def parts(plan: Plan, trial_store: TrialStore, names: tuple[str, ...]) -> Iterator[pd.DataFrame]:
    """The rows in the order of the trials."""
    all_scores = join_scores(list(trial_store.all())) if plan.count <= WINDOW else None
    kinds = _kinds(plan)
    for trials in index_windows(plan.count):
        scores = trial_store.between(trials) if all_scores is None else all_scores
        yield _frame(plan, trial_store, trials, scores, names, kinds)


def _frame(
    plan: Plan, trial_store: TrialStore, trials: Rows, scores: Scores, names: tuple[str, ...], kinds: dict[str, Any]
) -> pd.DataFrame:
    columns = _points(plan, trial_store, trials)
    frame: dict[str, Any] = {"trial": trials.astype(np.int64)}
    frame |= {path: pd.Series(cells(values, kinds[path]), dtype=kinds[path]) for path, values in columns.items()}
    frame["status"] = pd.Series(scores.status, dtype="str")
    for name in names:
        values = scores.values[name]
        frame[name] = pd.Series(values).astype("Int64") if name in COUNTS else values
    frame["reason"] = pd.Series(scores.reason, dtype="str")
    return pd.DataFrame(frame)


def _points(plan: Plan, trial_store: TrialStore, trials: Rows) -> Columns:
    if plan.points is not None:
        return plan.points.columns(trials)
    points = [trial_store.point(number) for number in trials.tolist()]
    return {axis.path: [point[axis.path] for point in points] for axis in plan.axes}


def _kinds(plan: Plan) -> dict[str, Any]:
    """The pandas type of each axis's column: integers, numbers, booleans or texts; any column may hold nulls."""
    return {axis.path: _kind([table_cell(value) for value in axis.representatives]) for axis in plan.axes}


def cells(values: list[Any], kind: str) -> list[Any]:
    """The values of an axis as cells of a column of one type; numbers in a column of texts are texts."""
    labels = [table_cell(value) for value in values]
    return [value if value is None or kind != "str" else str(value) for value in labels]


def _kind(labels: list[Any]) -> str:
    values = [value for value in labels if value is not None]
    if not values:
        return "str"
    if all(isinstance(value, bool) for value in values):
        return "boolean"
    if any(isinstance(value, bool) for value in values):
        return "str"
    if all(isinstance(value, int) for value in values):
        return "Int64"
    if all(isinstance(value, int | float) for value in values):
        return "Float64" if len(values) < len(labels) else "float64"
    return "str"
