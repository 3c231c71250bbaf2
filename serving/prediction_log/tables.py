"""The tables of the prediction log, the same in SQLite and PostgreSQL.

Times are integers, nanoseconds since 1970 UTC: both databases keep them exactly, and pandas reads them without parsing.
An unknown number is NULL.
"""

from sqlalchemy import (
    BigInteger,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    String,
    Table,
    Text,
    UniqueConstraint,
)

KEY = BigInteger().with_variant(Integer, "sqlite")
"""SQLite numbers rows by itself only in a column of this type."""

METADATA = MetaData()

INFO = Table(
    "log_info",
    METADATA,
    Column("version", Integer, nullable=False),
    Column("checked_at", BigInteger, nullable=False),
)
"""One row: the version of the tables, and the last time at which a write was tried."""

MODELS = Table(
    "models",
    METADATA,
    Column("number", KEY, primary_key=True),
    Column("id", String(64), nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("config_id", String(64), nullable=False),
    Column("trained_until", BigInteger, nullable=False),
    Column("rule", String(64), nullable=False),
    Column("symbols", Text, nullable=False),
    Column("features", Text, nullable=False),
    Column("first_used_at", BigInteger, nullable=False),
)
"""Every bundle that has answered; symbols and features are JSON lists, in the bundle's order."""

ANSWER = (
    *("prediction", "interval_low", "interval_high", "confidence"),
    *("side", "weight", "position_value", "size", "entry", "stop", "target"),
)
"""The columns that make an answer; two answers are equal if these are."""
FORECAST = ANSWER[:4]
PRICES = ("open", "high", "low", "close", "volume")

PREDICTIONS = Table(
    "predictions",
    METADATA,
    Column("number", KEY, primary_key=True),
    Column("model", ForeignKey("models.number"), nullable=False),
    Column("symbol", String(256), nullable=False),
    Column("as_of", BigInteger, nullable=False),
    *(Column(name, Double) for name in FORECAST),
    Column("side", SmallInteger, nullable=False),
    *(Column(name, Double) for name in ANSWER[5:]),
    Column("account", Double, nullable=False),
    Column("reason", Text, nullable=False),
    *(Column(name, Double, nullable=False) for name in PRICES),
    Column("features", LargeBinary, nullable=False),
    Column("bars", Integer, nullable=False),
    Column("inputs", String(32), nullable=False),
    Column("warnings", Text, nullable=False),
    Column("request", String(64), nullable=False),
    Column("received_at", BigInteger, nullable=False),
    Column("stored_at", BigInteger, nullable=False),
    UniqueConstraint("model", "symbol", "as_of", name="one_answer"),
    Index("predictions_received_at", "received_at"),
)
"""One row for each model, symbol and bar.

``features`` are the inputs of the model at its last bar: little-endian float64, in the order of ``models.features``.
``inputs`` identifies what was asked: bars, news, account, holding, state. ``open`` to ``volume`` are the last bar.
"""

ALARMS = Table(
    "alarms",
    METADATA,
    Column("number", KEY, primary_key=True),
    Column("prediction", ForeignKey("predictions.number", ondelete="CASCADE"), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("answer", Text, nullable=False),
    Column("answer_digest", String(32), nullable=False),
    Column("inputs", String(32), nullable=False),
    Column("same_inputs", SmallInteger, nullable=False),
    Column("request", String(64), nullable=False),
    Column("seen_at", BigInteger, nullable=False),
    UniqueConstraint("prediction", "answer_digest", name="one_alarm"),
)
"""Answers that differ from the one that was stored first; ``answer`` is a JSON mapping of :data:`ANSWER`."""

RULE_STATES = Table(
    "rule_states",
    METADATA,
    Column("model", ForeignKey("models.number"), primary_key=True),
    Column("symbol", String(256), primary_key=True),
    Column("as_of", BigInteger, primary_key=True),
    Column("rule", String(64), nullable=False),
    Column("state", Text, nullable=False),
    Index("rule_states_of_rule", "rule", "symbol", "as_of"),
)
"""The numbers of a rule after each decision, a JSON mapping, for its next one; another model of the rule takes over."""
