"""Reading a prediction log: the predictions of a model as tables, in bounded memory."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
from sqlalchemy import ColumnElement, Row, select

from core.errors import StoreError
from core.types import Matrix

from .columns import Columns, Positions, column_of
from .connect import reading
from .log import PredictionLog
from .records import ModelRecord
from .tables import ALARMS, ANSWER, MODELS, PREDICTIONS, PRICES

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
        ``symbol`` is a categorical column.
    features : (K, F) inputs of the model at the bars of ``feature_rows``, in the order of ``model.features``.
    feature_rows : (K,) positions of these rows, ascending: every row, unless only those of whole sessions were asked
        for.
    """

    model: ModelRecord
    rows: pd.DataFrame
    features: Matrix
    feature_rows: Positions


def models_of(log: PredictionLog) -> list[ModelRecord]:
    """Every model that has answered, the first one first.

    Raises
    ------
    StoreError
        The database cannot be read.
    """
    with reading(log.engine) as connection:
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
    zone: str | None = None,
) -> LoggedPredictions:
    """The predictions of a model.

    Parameters
    ----------
    model : id of its bundle.
    symbols : those to read; None: all.
    since, until : first and last bar to read, aware; None leaves that end open.
    columns : of :data:`ALL_COLUMNS`.
    zone : of a market's sessions (see :func:`core.clock.sessions`): the inputs of each symbol's last row of a session
        are read, those of other rows need not be. None: the inputs of every row.

    Raises
    ------
    StoreError
        The database cannot be read, or the log does not know the model.
    """
    record, number = _require_model(log, model)
    read = Columns(columns, len(record.features), zone)
    with reading(log.engine) as connection:
        read.fill(connection, _conditions(number, symbols, since, until))
    return LoggedPredictions(record, read.table(), read.features, read.feature_rows)


def read_alarms(log: PredictionLog, model: str) -> pd.DataFrame:
    """The answers of a model that differed from the first one: symbol, as_of, kind, same_inputs, answer, seen_at.

    ``answer`` is a mapping of numbers; errors as of :func:`read_predictions`.
    """
    _, number = _require_model(log, model)
    names = ("symbol", "as_of", "kind", "same_inputs", "answer", "request", "seen_at")
    columns = [PREDICTIONS.c.symbol, PREDICTIONS.c.as_of, *(ALARMS.c[name] for name in names[2:])]
    query = select(*columns).join(PREDICTIONS).where(PREDICTIONS.c.model == number).order_by(ALARMS.c.number)
    with reading(log.engine) as connection:
        rows = connection.execute(query).all()
    values = zip(*rows, strict=True) if rows else ((),) * len(names)
    frame = pd.DataFrame({name: column_of(name, cells) for name, cells in zip(names, values, strict=True)})
    return frame.assign(answer=[json.loads(text) for text in frame["answer"]], same_inputs=frame["same_inputs"] == 1)


def _require_model(log: PredictionLog, model: str) -> tuple[ModelRecord, int]:
    with reading(log.engine) as connection:
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


def _conditions(
    model: int, symbols: Sequence[str] | None, since: pd.Timestamp | None, until: pd.Timestamp | None
) -> list[ColumnElement[bool]]:
    table = PREDICTIONS.c
    conditions = [table.model == model]
    if symbols is not None:
        conditions.append(table.symbol.in_(symbols))
    if since is not None:
        conditions.append(table.as_of >= since.as_unit("ns").value)
    if until is not None:
        conditions.append(table.as_of <= until.as_unit("ns").value)
    return conditions
