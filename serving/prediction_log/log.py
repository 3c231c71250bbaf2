"""The prediction log: answers are stored once for each model, symbol and bar, with the state of their rule."""

import json
from collections.abc import Mapping, Sequence
from functools import cache
from time import time_ns
from typing import Any

from sqlalchemy import Connection, Engine, Table, func, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import RowMapping

from .connect import engine_of, explained, hidden, reading
from .records import Answer, Difference, LoggedState, ModelRecord, Stored, difference
from .tables import ALARMS, ANSWER, INFO, MODELS, PREDICTIONS, RULE_STATES
from .versions import migrate


class StateMovedError(Exception):
    """Another request stored a later state of the rule than the one that this decision began with; decide again."""


class PredictionLog:
    """A log that is open.

    Attributes
    ----------
    engine : of the database.
    where : its URL without a password.
    """

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.where = hidden(engine.url)

    @classmethod
    def open(cls, url: str) -> "PredictionLog":
        """Connect, and bring the tables to the newest version.

        Raises
        ------
        ConfigError
            The URL is none of SQLite or PostgreSQL.
        StoreError
            The database cannot be reached or written, or its tables are not those of a log.
        """
        log = cls(engine_of(url))
        try:
            with explained(log.engine), log.engine.begin() as connection:
                migrate(connection, log.where)
        except BaseException:
            log.close()
            raise
        return log

    def close(self) -> None:
        """Close every connection."""
        self.engine.dispose()

    def check(self) -> None:
        """Write a time, so that a full or read-only disk is noticed.

        Raises
        ------
        StoreError
            The database cannot be reached or written.
        """
        with explained(self.engine), self.engine.begin() as connection:
            connection.execute(update(INFO).values(checked_at=time_ns()))

    def register(self, model: ModelRecord) -> int:
        """The number of a model in the log; errors as of :meth:`check`."""
        with explained(self.engine), self.engine.begin() as connection:
            return _model_number(connection, model)

    def state_before(self, model: int, rule: str, symbol: str, as_of: int) -> LoggedState | None:
        """The state of a rule after its last decision before a bar; errors as of :meth:`check`.

        Of this model where it has one of that bar, else of another model with the same rule.
        """
        with reading(self.engine) as connection:
            return _state_before(connection, model, rule, symbol, as_of)

    def store(self, model: int, rule: str, answers: Sequence[Answer]) -> list[Stored]:
        """Store the answers of one request in one transaction; when it returns, they are durable.

        Raises
        ------
        StateMovedError
            A rule's state that an answer began with is no longer the last one.
        StoreError
            The database cannot be reached or written; nothing is stored.
        """
        with explained(self.engine), self.engine.begin() as connection:
            _lock_states(connection, rule, answers)
            return [_store(connection, model, rule, answer) for answer in answers]


def inserted(connection: Connection, table: Table, values: Mapping[str, Any]) -> int | None:
    """The number of a new row; None if one with its key is there."""
    row = connection.execute(_insertion(connection.dialect.name, table), values).first()
    return None if row is None else int(row[0])


@cache
def _insertion(dialect: str, table: Table) -> Any:
    """The statement that adds a row unless its key is there; to build it takes longer than to execute it."""
    insert: Any = (postgresql if dialect == "postgresql" else sqlite).insert
    return insert(table).on_conflict_do_nothing().returning(next(iter(table.primary_key)))


def _model_number(connection: Connection, model: ModelRecord) -> int:
    values = {
        "id": model.id,
        "name": model.name,
        "config_id": model.config_id,
        "trained_until": model.trained_until,
        "rule": model.rule,
        "symbols": json.dumps(model.symbols),
        "features": json.dumps(model.features),
        "first_used_at": time_ns(),
    }
    number = inserted(connection, MODELS, values)
    if number is None:
        number = connection.execute(select(MODELS.c.number).where(MODELS.c.id == model.id)).scalar_one()
    return int(number)


def _state_before(connection: Connection, model: int, rule: str, symbol: str, as_of: int) -> LoggedState | None:
    states = RULE_STATES.c
    newest_first = (states.as_of.desc(), (states.model == model).desc(), states.model.desc())
    rows = (states.rule == rule, states.symbol == symbol, states.as_of < as_of)
    row = connection.execute(select(states.as_of, states.state).where(*rows).order_by(*newest_first).limit(1)).first()
    return None if row is None else LoggedState(int(row.as_of), json.loads(row.state))


def _lock_states(connection: Connection, rule: str, answers: Sequence[Answer]) -> None:
    """Let other writers of these states wait; in SQLite every writer waits for the one before."""
    for answer in answers:
        if answer.state is not None and connection.dialect.name == "postgresql":
            key = func.hashtextextended(f"{rule} {answer.symbol}", 0)
            connection.execute(select(func.pg_advisory_xact_lock(key)))


def _store(connection: Connection, model: int, rule: str, answer: Answer) -> Stored:
    if answer.uses_logged_state:
        before = _state_before(connection, model, rule, answer.symbol, answer.as_of)
        if (None if before is None else before.as_of) != answer.state_from:
            raise StateMovedError(answer.symbol)
    if inserted(connection, PREDICTIONS, answer.row(model, time_ns())) is None:
        return _compare(connection, model, answer)
    if answer.state is not None:
        state = json.dumps(dict(answer.state))
        values = {"model": model, "symbol": answer.symbol, "as_of": answer.as_of, "rule": rule, "state": state}
        inserted(connection, RULE_STATES, values)
    return Stored(is_new=True)


def _compare(connection: Connection, model: int, answer: Answer) -> Stored:
    """Compare an answer with the one that was stored first, and record an alarm if they differ."""
    key = PREDICTIONS.c
    rows = (key.model == model, key.symbol == answer.symbol, key.as_of == answer.as_of)
    columns = (key.number, key.inputs, *(key[name] for name in ANSWER))
    first = connection.execute(select(*columns).where(*rows)).mappings().one()
    differing = difference({name: first[name] for name in ANSWER}, first["inputs"], answer)
    if differing is not None:
        _record_alarm(connection, first, answer, differing)
    return Stored(is_new=False, difference=differing)


def _record_alarm(connection: Connection, first: RowMapping, answer: Answer, differing: Difference) -> None:
    values = {
        "prediction": first["number"],
        "kind": differing.kind,
        "answer": json.dumps(dict(answer.numbers)),
        "answer_digest": answer.digest,
        "inputs": answer.inputs,
        "same_inputs": int(differing.same_inputs),
        "request": answer.request,
        "seen_at": time_ns(),
    }
    inserted(connection, ALARMS, values)
