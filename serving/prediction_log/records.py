"""The records of the prediction log: models, answers, and what became of an answer that was stored."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from core.types import Vector

from .tables import ANSWER, FORECAST

State = Mapping[str, float]
AlarmKind = Literal["prediction", "decision"]


@dataclass(frozen=True)
class ModelRecord:
    """A model that answers.

    Attributes
    ----------
    id : of its bundle; equal for equal content.
    name, config_id : of its config.
    trained_until : ns since 1970 UTC.
    rule : digest of the strategy, whose state another model of the same strategy takes over.
    symbols, features : in the bundle's order.
    """

    id: str
    name: str
    config_id: str
    trained_until: int
    rule: str
    symbols: tuple[str, ...]
    features: tuple[str, ...]


@dataclass(frozen=True)
class LoggedState:
    """The state of a rule after an earlier decision.

    Attributes
    ----------
    as_of : of that decision's bar, ns since 1970 UTC.
    state : the rule's own numbers.
    """

    as_of: int
    state: State


@dataclass(frozen=True, eq=False)
class Answer:
    """An answer to be stored.

    Attributes
    ----------
    symbol : of the bar.
    as_of : close of the last bar, ns since 1970 UTC.
    numbers : by the names of :data:`serving.prediction_log.tables.ANSWER`; None where one is not known.
    account : that the sizes are of, account currency.
    reason : in the strategy's words.
    prices : open, high, low, close and volume of the last bar, by name.
    features : (F,) inputs of the model at the last bar; may be NaN.
    bars : number of bars that were given.
    inputs : identifies everything that was asked.
    warnings : texts.
    request : id of the request.
    received_at : ns since 1970 UTC.
    state : the rule's numbers for the next bar; None for a rule without any.
    state_from : the bar whose state was used, from the log, ns; None: none of the log's.
    """

    symbol: str
    as_of: int
    numbers: Mapping[str, float | None]
    account: float
    reason: str
    prices: Mapping[str, float]
    features: Vector
    bars: int
    inputs: str
    warnings: tuple[str, ...]
    request: str
    received_at: int
    state: State | None = None
    state_from: int | None = None
    uses_logged_state: bool = field(default=False)

    def row(self, model: int, stored_at: int) -> dict[str, object]:
        """The values of its row."""
        return {
            **{name: self.numbers[name] for name in ANSWER},
            **self.prices,
            "model": model,
            "symbol": self.symbol,
            "as_of": self.as_of,
            "account": self.account,
            "reason": self.reason,
            "features": np.asarray(self.features, dtype="<f8").tobytes(),
            "bars": self.bars,
            "inputs": self.inputs,
            "warnings": json.dumps(self.warnings),
            "request": self.request,
            "received_at": self.received_at,
            "stored_at": stored_at,
        }

    @property
    def digest(self) -> str:
        """32 hex digits over the numbers of the answer."""
        text = json.dumps([self.numbers[name] for name in ANSWER])
        return hashlib.sha256(text.encode()).hexdigest()[:32]


@dataclass(frozen=True)
class Difference:
    """An answer that differs from the one that was stored first.

    Attributes
    ----------
    kind : ``prediction`` if the forecast differs, ``decision`` if only side or sizes do.
    same_inputs : the question was the same, to the bit.
    first : the answer that was stored first.
    names : the numbers that differ.
    """

    kind: AlarmKind
    same_inputs: bool
    first: Mapping[str, float | None]
    names: tuple[str, ...]


@dataclass(frozen=True)
class Stored:
    """The outcome of storing an answer.

    Attributes
    ----------
    is_new : False if this model had answered about this bar before.
    difference : of that answer and this one; None if they are equal.
    """

    is_new: bool
    difference: Difference | None = None


def difference(first: Mapping[str, float | None], first_inputs: str, answer: Answer) -> Difference | None:
    """The difference of a stored answer and a later one; None if all numbers are equal, bit for bit."""
    names = tuple(name for name in ANSWER if first[name] != answer.numbers[name])
    if not names:
        return None
    kind: AlarmKind = "prediction" if set(names) & set(FORECAST) else "decision"
    return Difference(kind, first_inputs == answer.inputs, {name: first[name] for name in ANSWER}, names)
