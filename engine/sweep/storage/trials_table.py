"""trials.parquet: one row a trial, in their order, written a part at a time."""

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


def write(plan: Plan, records: TrialStore, names: tuple[str, ...], path: Path) -> None:
    """Write the table of all trials; bytes depend on nothing but the trials."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    writer = None
    for part in parts(plan, records, names):
        table = pa.Table.from_pandas(part, preserve_index=False)
        if writer is None:
            writer = pq.ParquetWriter(path, table.schema, compression="zstd")
        writer.write_table(table)
    assert writer is not None  # noqa: S101 - a sweep has a trial
    writer.close()


def parts(plan: Plan, records: TrialStore, names: tuple[str, ...]) -> Iterator[pd.DataFrame]:
    """The rows in the order of the trials."""
    whole = join_scores(list(records.all())) if plan.count <= WINDOW else None
    kinds = _kinds(plan)
    for numbers in index_windows(plan.count):
        scores = whole if whole is not None else records.between(numbers)
        yield _frame(plan, records, numbers, scores, names, kinds)


def _frame(
    plan: Plan, records: TrialStore, numbers: Rows, scores: Scores, names: tuple[str, ...], kinds: dict[str, Any]
) -> pd.DataFrame:
    columns = _points(plan, records, numbers)
    frame: dict[str, Any] = {"trial": numbers.astype(np.int64)}
    frame |= {path: pd.Series(cells(values, kinds[path]), dtype=kinds[path]) for path, values in columns.items()}
    frame["status"] = pd.Series(scores.status, dtype="str")
    for name in names:
        values = scores.values[name]
        frame[name] = pd.Series(values).astype("Int64") if name in COUNTS else values
    frame["reason"] = pd.Series(scores.reason, dtype="str")
    return pd.DataFrame(frame)


def _points(plan: Plan, records: TrialStore, numbers: Rows) -> Columns:
    if plan.points is not None:
        return plan.points.columns(numbers)
    points = [records.point(number) for number in numbers.tolist()]
    return {axis.path: [point[axis.path] for point in points] for axis in plan.axes}


def _kinds(plan: Plan) -> dict[str, Any]:
    """What each axis's column holds: whole numbers, numbers, or texts; a column of numbers may have none."""
    return {axis.path: _kind([table_cell(value) for value in axis.representatives]) for axis in plan.axes}


def cells(values: list[Any], kind: str) -> list[Any]:
    """The values of an axis as a column of one kind has them; numbers among texts are texts."""
    made = [table_cell(value) for value in values]
    return [value if value is None or kind != "str" else str(value) for value in made]


def _kind(values: list[Any]) -> str:
    told = [value for value in values if value is not None]
    if told and all(isinstance(value, bool) for value in told):
        return "boolean"
    if told and all(isinstance(value, int) and not isinstance(value, bool) for value in told):
        return "Int64"
    if told and all(isinstance(value, int | float) and not isinstance(value, bool) for value in told):
        return "Float64" if len(told) < len(values) else "float64"
    return "str"
