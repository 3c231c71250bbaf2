"""Two folders of results compared: tables cell by cell, JSON by path, other files by their bytes."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Any, Literal, TypeAlias, get_args

import numpy as np
import numpy.typing as npt
import pandas as pd

from core.digests import file_digest
from core.types import Vector
from engine.run_folder.run_folder import RESULT_FILES

from .tolerances import Tolerances, decisions, is_decision

Result: TypeAlias = Literal["data", "file", "columns", "rows", "cell", "metric", "value", "decision"]
Note: TypeAlias = Literal["config", "folder", "bytes", "version", "machine", "threads", "code", "tolerance"]
Kind: TypeAlias = Result | Note
Plain: TypeAlias = str | int | float | bool | None
Columns: TypeAlias = "Mapping[str, pd.Series[Any]]"
METRICS = "metrics.json"


@dataclass(frozen=True)
class Difference:
    """One thing that was so, and is otherwise now.

    Attributes
    ----------
    kind : what differs; data and results count, the rest are notes that may explain them. ``file``: one is missing or
        cannot be read; ``bytes``: the same content in other bytes; ``folder``: a file was changed after the run.
        Between two processors, ``decision``: a text, a count, a time or a side differs; ``tolerance``: numbers differ
        by no more than two processors may.
    where : which one: a symbol, a library, a file with row and column, a dotted path.
    before, now : the two values; None is null, NaN, or nothing at all. A file's is its digest.
    more : of a cell: how many more cells of the table differ; of a tolerance, how many more values of the file.

    Examples
    --------
    >>> Difference("version", "numpy", "2.4.5", "2.4.6").counts
    False
    """

    kind: Kind
    where: str
    before: Plain
    now: Plain
    more: int = 0

    @property
    def counts(self) -> bool:
        """True if the result or the data differ; else it is a note."""
        return self.kind in get_args(Result)

    def dump(self) -> dict[str, Plain]:
        """Plain values, for JSON."""
        return {**asdict(self), "counts": self.counts}


def differences(
    before: Path, now: Path, files: Sequence[str] = RESULT_FILES, tolerances: Tolerances | None = None
) -> tuple[Difference, ...]:
    """Compare the files of two folders.

    Parameters
    ----------
    before, now : the folders.
    files : the names to compare. Of a ``.parquet`` that differs, the first cell is named (by rows, then columns; NaN
        equals NaN, and a number equals one of the same bits); of a ``.json``, every path; of any other, its digests.
    tolerances : how far numbers may lie apart; what is nearer is one note a file, which names the farthest. None allows
        nothing.

    Returns
    -------
    In the order of ``files``; empty if all are equal. A file that neither folder has is equal.
    """
    return tuple(difference for name in files for difference in _file(name, before / name, now / name, tolerances))


def _file(name: str, before: Path, now: Path, tolerances: Tolerances | None) -> Iterator[Difference]:
    old, new = (file_digest(path) if path.is_file() else None for path in (before, now))
    if old == new:
        return
    if old is None or new is None:
        yield Difference("file", name, old, new)
        return
    try:
        contents = list(_content(name, before, now, tolerances))
    except (OSError, ValueError) as error:  # what pyarrow and json raise of damaged files
        reason = " ".join(str(error).split())
        contents = [Difference("file", f"{name}: one of the two cannot be read ({reason})", old, new)]
    yield from contents or [Difference("bytes", f"{name}: the same content, written otherwise", old, new)]


def _content(name: str, before: Path, now: Path, tolerances: Tolerances | None) -> Iterator[Difference]:
    if name.endswith(".parquet"):
        return _tables(name, before, now, tolerances)
    if name.endswith(".json"):
        return _values(name, before, now, tolerances)
    return iter([Difference("file", name, file_digest(before), file_digest(now))])


# --- JSON


def _values(name: str, before: Path, now: Path, tolerances: Tolerances | None) -> Iterator[Difference]:
    """The paths that differ by more than they may, decisions first; then the note of those that differ by less."""
    kind: Kind = "metric" if Path(name).name == METRICS else "value"
    beyond: dict[Kind, list[Difference]] = {"decision": [], kind: []}
    within = []
    for path, old, new in _paths("", *(json.loads(file.read_text(encoding="utf-8")) for file in (before, now))):
        difference = Difference(kind, f"{name}: {path}", old, new)
        excess = tolerances.excess(path, old, new) if tolerances else np.inf
        if excess <= 1:
            within.append((excess, difference))
        elif tolerances and is_decision(path, old, new):
            beyond["decision"].append(replace(difference, kind="decision"))
        else:
            beyond[kind].append(difference)
    yield from chain(beyond["decision"], beyond[kind], _farthest(within))


def _farthest(within: Sequence[tuple[float, Difference]]) -> Iterator[Difference]:
    """The note of a file whose numbers differ by no more than they may."""
    if within:
        _, difference = max(within, key=lambda pair: pair[0])
        yield replace(difference, kind="tolerance", more=len(within) - 1)


class _Nothing:
    """The value of a key that one of the two does not have."""


NOTHING = _Nothing()


def _paths(path: str, old: Any, new: Any) -> Iterator[tuple[str, Plain, Plain]]:
    """The dotted paths at which two JSON values differ, and what is there."""
    branches = [_branches(value) for value in (old, new)]
    if branches[0] and branches[1] and type(old) is type(new):
        for key in dict.fromkeys([*branches[0], *branches[1]]):
            inner = f"{path}.{key}" if path else key
            yield from _paths(inner, branches[0].get(key, NOTHING), branches[1].get(key, NOTHING))
    elif _text(old) != _text(new):
        yield path or "the whole", _plain(old), _plain(new)


def _branches(value: Any) -> Mapping[str, Any]:
    if isinstance(value, list):
        return {str(index): item for index, item in enumerate(value)}
    return value if isinstance(value, dict) else {}


def _text(value: Any) -> str:
    """Tells 1 from 1.0 and from true, 0.0 from -0.0, and calls NaN equal to NaN."""
    return "" if value is NOTHING else json.dumps(value)


def _plain(value: Any) -> Plain:
    if value is NOTHING:
        return "nothing"
    return json.dumps(value) if isinstance(value, dict | list) else _finite(value)


def _finite(value: Any) -> Plain:
    """A value as JSON can hold it."""
    if isinstance(value, float) and not np.isfinite(value):
        return None if np.isnan(value) else str(value)
    return value if isinstance(value, str | int | float | bool | None) else str(value)


# --- tables


def _tables(name: str, old_path: Path, new_path: Path, tolerances: Tolerances | None) -> Iterator[Difference]:
    import pyarrow.parquet as pq

    old, new = (pq.read_table(path) for path in (old_path, new_path))
    heads = [[f"{field.name} ({field.type})" for field in table.schema] for table in (old, new)]
    if heads[0] != heads[1]:
        yield Difference("columns", f"{name}: columns", ", ".join(heads[0]), ", ".join(heads[1]))
    if len(old) != len(new):
        yield Difference("rows", f"{name}: number of rows", len(old), len(new))
    rows = min(len(old), len(new))
    shared = [field.name for field in old.schema if field in list(new.schema)]
    before, now = ({column: _column(table[column][:rows]) for column in shared} for table in (old, new))
    yield from _cells(name, before, now, tolerances)


def _column(values: Any) -> "pd.Series[Any]":
    """A column; lists and mappings as texts, so that they can be compared."""
    series: pd.Series[Any] = values.to_pandas()
    return pd.Series([repr(value) for value in values.to_pylist()], dtype="str") if series.dtype == object else series


def _cells(name: str, old: Columns, new: Columns, tolerances: Tolerances | None) -> Iterator[Difference]:
    """The first cell that differs by more than it may, by rows, then columns; then the note of those within.

    A decision goes before a number.
    """
    excess = {column: _excess(column, old[column], new[column], tolerances) for column in old}
    wrong = {column: values > 1 for column, values in excess.items()}
    decided = {column: wrong[column] & _decided(column, old[column], new[column]) for column in old if tolerances}
    kind: Kind = "decision" if _count(decided) else "cell"
    if total := _count(wrong):
        yield _difference(kind, name, _first(decided if kind == "decision" else wrong), old, new, total)
    within = {column: np.where(wrong[column], 0.0, values) for column, values in excess.items()}
    if total := _count(within):
        column = max(within, key=lambda column: within[column].max(initial=0.0))
        yield _difference("tolerance", name, (int(within[column].argmax()), column), old, new, total)


def _count(masks: Mapping[str, npt.NDArray[Any]]) -> int:
    return sum(int(np.count_nonzero(mask)) for mask in masks.values())


def _first(masks: Mapping[str, npt.NDArray[Any]]) -> tuple[int, str]:
    """The first marked cell, by rows, then columns; there is one."""
    firsts = [(int(mask.argmax()), index, column) for index, (column, mask) in enumerate(masks.items()) if mask.any()]
    row, _, column = min(firsts)
    return row, column


def _difference(kind: Kind, name: str, cell: tuple[int, str], old: Columns, new: Columns, total: int) -> Difference:
    row, column = cell
    before = _cell(old[column], row)
    now = _cell(new[column], row)
    return Difference(kind, f"{name}: row {row}, column {column}", before, now, total - 1)


def _decided(column: str, old: "pd.Series[Any]", new: "pd.Series[Any]") -> npt.NDArray[np.bool_]:
    """(K,) where a difference of two columns is a decision."""
    if not pd.api.types.is_float_dtype(old.dtype):
        return np.ones(len(old), dtype=np.bool_)
    return decisions(column, *(_floats(values) for values in (old, new)))


def _excess(column: str, old: "pd.Series[Any]", new: "pd.Series[Any]", tolerances: Tolerances | None) -> Vector:
    """(K,) 0 where two columns of one type are equal, above 1 where they differ by more than they may."""
    differs = unlike(old, new)
    if tolerances is None or not differs.any():
        return np.where(differs, np.inf, 0.0)
    if pd.api.types.is_float_dtype(old.dtype):
        return np.where(differs, tolerances.excesses(column, *(_floats(values) for values in (old, new))), 0.0)
    excess = np.zeros(len(old))
    for row in np.flatnonzero(differs):
        excess[row] = tolerances.excess(column, old.iloc[row], new.iloc[row])
    return excess


def _floats(values: "pd.Series[Any]") -> Vector:
    return np.asarray(values.to_numpy(dtype=np.float64, na_value=np.nan), dtype=np.float64)


def _cell(column: "pd.Series[Any]", row: int) -> Plain:
    value = column.iloc[row]
    if pd.isna(value):
        return None
    if isinstance(value, pd.Timestamp):
        return value.isoformat()
    return _finite(value.item() if isinstance(value, np.generic) else value)


def unlike(old: "pd.Series[Any]", new: "pd.Series[Any]") -> npt.NDArray[np.bool_]:
    """(K,) where two columns of one type differ: numbers in any bit, though NaN equals NaN.

    >>> unlike(pd.Series([0.0, float("nan"), 1.0]), pd.Series([-0.0, float("nan"), 1.0])).tolist()
    [True, False, False]
    """
    missing = np.asarray(old.isna() & new.isna(), dtype=np.bool_)
    if isinstance(old.dtype, np.dtype) and old.dtype.kind == "f":
        bits = f"i{old.dtype.itemsize}"
        same = old.to_numpy().view(bits) == new.to_numpy().view(bits)
    else:
        same = np.asarray((old == new).fillna(value=False), dtype=np.bool_)
    return np.asarray(~same & ~missing, dtype=np.bool_)
