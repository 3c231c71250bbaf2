"""Reading a prediction log: the predictions of a model as tables, in bounded memory."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from sqlalchemy import Row, Select, func, select

from core.errors import StoreError
from core.types import Matrix

from .connect import explained
from .log import PredictionLog
from .records import ModelRecord
from .tables import ALARMS, ANSWER, MODELS, PREDICTIONS, PRICES

CHUNK = 20_000
TIMES = ("as_of", "received_at", "stored_at", "seen_at")
INTEGERS = ("side", "bars", "number", "same_inputs")
TEXTS = ("symbol", "reason", "warnings", "request", "inputs")
COLUMNS = ("symbol", "as_of", *ANSWER, "account", *PRICES, "bars", "received_at", "stored_at")
"""Columns that are read unless others are named."""
ALL_COLUMNS = (*COLUMNS, "number", "reason", "warnings", "request", "inputs")


@dataclass(frozen=True, eq=False)
class LoggedPredictions:
    """The predictions of one model.

    Attributes
    ----------
    model : that made them.
    rows : one row for each symbol and bar, by ``as_of`` and then in the order of storing. Times are aware UTC; an
        unknown number is NaN. ``size`` is signed, ``position_value`` money, ``open`` to ``volume`` the last bar.
    features : (K, F) inputs of the model at each row's bar, in the order of ``model.features``.
    """

    model: ModelRecord
    rows: pd.DataFrame
    features: Matrix


def models_of(log: PredictionLog) -> list[ModelRecord]:
    """Every model that has answered, the first one first.

    Raises
    ------
    StoreError
        The database cannot be read.
    """
    with explained(log.engine), log.engine.connect() as connection:
        rows = connection.execute(select(MODELS).order_by(MODELS.c.number)).all()
    return [_model(row) for row in rows]


def read_predictions(
    log: PredictionLog,
    model: str,
    *,
    symbols: Sequence[str] | None = None,
    since: pd.Timestamp | None = None,
    until: pd.Timestamp | None = None,
    columns: Sequence[str] = COLUMNS,
) -> LoggedPredictions:
    """The predictions of a model.

    Parameters
    ----------
    model : id of its bundle.
    symbols : those to read; None: all.
    since, until : first and last bar to read, aware; None leaves that end open.
    columns : of :data:`ALL_COLUMNS`.

    Raises
    ------
    StoreError
        The database cannot be read, or the log does not know the model.
    """
    record, number = _require_model(log, model)
    query = _query(number, symbols, since, until, columns)
    total = _count(log, query)
    cells: dict[str, Any] = {name: np.empty(total, dtype=_dtype(name)) for name in columns}
    inputs = np.empty((total, len(record.features)))
    end = 0
    for chunk in _chunks(log, query.limit(total)):
        *values, features = zip(*chunk, strict=True)
        rows = slice(end, end + len(chunk))
        for name, column in zip(columns, values, strict=True):
            cells[name][rows] = np.array(column, dtype=_dtype(name))
        inputs[rows] = np.frombuffer(b"".join(features), dtype="<f8").reshape(len(chunk), -1)
        end = rows.stop
    table = pd.DataFrame({name: _column(name, cells.pop(name)[:end]) for name in columns})  # each freed at once
    return LoggedPredictions(record, table, inputs[:end])


def read_alarms(log: PredictionLog, model: str) -> pd.DataFrame:
    """The answers of a model that differed from the first one: symbol, as_of, kind, same_inputs, answer, seen_at.

    ``answer`` is a mapping of numbers; errors as of :func:`read_predictions`.
    """
    _, number = _require_model(log, model)
    names = ("symbol", "as_of", "kind", "same_inputs", "answer", "request", "seen_at")
    columns = [PREDICTIONS.c.symbol, PREDICTIONS.c.as_of, *(ALARMS.c[name] for name in names[2:])]
    query = select(*columns).join(PREDICTIONS).where(PREDICTIONS.c.model == number).order_by(ALARMS.c.number)
    with explained(log.engine), log.engine.connect() as connection:
        rows = connection.execute(query).all()
    values = zip(*rows, strict=True) if rows else ((),) * len(names)
    frame = pd.DataFrame({name: _column(name, cells) for name, cells in zip(names, values, strict=True)})
    return frame.assign(answer=[json.loads(text) for text in frame["answer"]], same_inputs=frame["same_inputs"] == 1)


def _require_model(log: PredictionLog, model: str) -> tuple[ModelRecord, int]:
    with explained(log.engine), log.engine.connect() as connection:
        row = connection.execute(select(MODELS).where(MODELS.c.id == model)).first()
    if row is None:
        raise StoreError(f"prediction log {log.where}: has no prediction of the model {model}; serve it with this --db")
    return _model(row), int(row.number)


def _model(row: Row[Any]) -> ModelRecord:
    return ModelRecord(
        row.id,
        row.name,
        row.config_id,
        row.trained_until,
        row.rule,
        tuple(json.loads(row.symbols)),
        tuple(json.loads(row.features)),
    )


def _query(
    model: int,
    symbols: Sequence[str] | None,
    since: pd.Timestamp | None,
    until: pd.Timestamp | None,
    columns: Sequence[str],
) -> Select[Any]:
    table = PREDICTIONS.c
    query = select(*(table[name] for name in (*columns, "features"))).where(table.model == model)
    if symbols is not None:
        query = query.where(table.symbol.in_(symbols))
    if since is not None:
        query = query.where(table.as_of >= since.as_unit("ns").value)
    if until is not None:
        query = query.where(table.as_of <= until.as_unit("ns").value)
    return query.order_by(table.as_of, table.number)


def _chunks(log: PredictionLog, query: Select[Any]) -> Iterator[Sequence[Row[Any]]]:
    """The rows of a query, a bounded number at a time."""
    with explained(log.engine), log.engine.connect() as connection:
        yield from connection.execution_options(yield_per=CHUNK).execute(query).partitions()


def _count(log: PredictionLog, query: Select[Any]) -> int:
    with explained(log.engine), log.engine.connect() as connection:
        return int(connection.execute(select(func.count()).select_from(query.order_by(None).subquery())).scalar_one())


def _dtype(name: str) -> type:
    """The type of a column's cells in memory."""
    if name in TIMES or name in INTEGERS:
        return np.int64
    return object if name in TEXTS else np.float64


def _column(name: str, cells: Any) -> Any:
    if name in TIMES:
        return pd.to_datetime(np.array(cells, dtype=np.int64), unit="ns", utc=True)
    if name in TEXTS or name in ("kind", "answer"):
        return pd.array(list(cells), dtype="str")
    return np.array(cells, dtype=np.int64 if name in INTEGERS else np.float64)
