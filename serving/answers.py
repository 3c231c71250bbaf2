"""From decisions to the answers that are sent and the records that are stored."""

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from core.types import COLUMNS, Bars

from .decisions import Decision, Decisions
from .prediction_log.records import Answer, Difference, LoggedState, ModelRecord, Stored


def number(value: float) -> float | None:
    """A number, or None if it is not known."""
    return float(value) if math.isfinite(value) else None


def records(
    decisions: Decisions,
    bars: Mapping[str, Bars],
    states: Mapping[str, LoggedState | None],
    *,
    has_state: bool,
    inputs: str,
    request: str,
    received_at: int,
) -> list[Answer]:
    """The records of decisions.

    Parameters
    ----------
    bars : that were given, by symbol.
    states : by symbol, the state of the log that the decision began with; symbols whose state was given are missing.
    has_state : True if the rule has numbers of its own.
    inputs : identifies what was asked.
    request : id of the request.
    received_at : ns since 1970 UTC.
    """
    return [
        Answer(
            symbol=row.symbol,
            as_of=row.time.as_unit("ns").value,
            numbers=_numbers(row),
            account=decisions.account,
            reason=row.reason,
            prices={name: float(getattr(bars[row.symbol], name)[-1]) for name in COLUMNS},
            features=np.array(list(row.features.values()), dtype=np.float64),
            bars=len(bars[row.symbol]),
            inputs=inputs,
            warnings=(*row.warnings, *decisions.warnings),
            request=request,
            received_at=received_at,
            state=dict(row.state) if has_state else None,
            state_from=None if (state := states.get(row.symbol)) is None else state.as_of,
            uses_logged_state=row.symbol in states,
        )
        for row in decisions.rows
    ]


def _numbers(row: Decision) -> dict[str, float | None]:
    """The numbers of an answer, by the names of the log's columns."""
    return {
        "prediction": number(row.prediction),
        "interval_low": number(row.low),
        "interval_high": number(row.high),
        "confidence": number(row.confidence),
        "side": row.side,
        "weight": number(row.weight),
        "position_value": number(row.value),
        "size": number(row.units),
        "entry": number(row.entry),
        "stop": number(row.stop),
        "target": number(row.target),
    }


def sent(
    answers: Sequence[Answer],
    stored: Sequence[Stored],
    model: ModelRecord,
    warnings: Mapping[str, Sequence[str]],
    *,
    is_single: bool,
) -> bytes:
    """The body of the response.

    Parameters
    ----------
    warnings : further ones, by symbol.
    is_single : True if one symbol was asked for without a mapping.
    """
    bodies = {
        answer.symbol: _body(answer, outcome.difference, model, warnings.get(answer.symbol, ()))
        for answer, outcome in zip(answers, stored, strict=True)
    }
    content: Any = next(iter(bodies.values())) if is_single else {"symbols": bodies}
    return json.dumps(content, allow_nan=False).encode()


def _body(answer: Answer, difference: Difference | None, model: ModelRecord, more: Sequence[str]) -> dict[str, Any]:
    values = dict(answer.numbers)
    low = values.pop("interval_low")
    high = values.pop("interval_high")
    warnings = [*answer.warnings, *more]
    if difference is not None:
        warnings.append(in_words(answer, difference))
    return {
        "symbol": answer.symbol,
        "as_of": iso(answer.as_of),
        **values,
        "interval": None if low is None or high is None else [low, high],
        "close": answer.prices["close"],
        "account": answer.account,
        "reason": answer.reason,
        "state": None if answer.state is None else {name: float(value) for name, value in answer.state.items()},
        "model": {"id": model.id, "trained_until": iso(model.trained_until)},
        "warnings": warnings,
    }


def in_words(answer: Answer, difference: Difference) -> str:
    """The alarm on an answer that differs from the first one, as a warning."""
    changes = ", ".join(
        f"{name} {_text(difference.first[name])} then, {_text(answer.numbers[name])} now" for name in difference.names
    )
    cause = (
        "the question was the same, to the bit: was the data base of the log restored, or the machine changed?"
        if difference.same_inputs
        else "bars, news, account, holding or state differ from the first question"
    )
    return f"this bar was answered before, and differently: {changes}; {cause}; the log keeps the first answer"


def _text(value: float | None) -> str:
    return "null" if value is None else f"{value:.6g}"


def iso(nanoseconds: int) -> str:
    """A time as ISO text in UTC."""
    return pd.Timestamp(nanoseconds, tz="UTC").isoformat()


def gap_warning(state: LoggedState, bars: Bars) -> str | None:
    """A warning if bars lie between a rule's last state and the last bar; None if none does."""
    missing = int(((bars.times.asi8 > state.as_of) & (bars.times.asi8 < bars.times.asi8[-1])).sum())
    if not missing:
        return None
    return (
        f"the rule's state is of {iso(state.as_of)}, and {missing} bar{'s' * (missing > 1)} after it "
        f"{'were' if missing > 1 else 'was'} never asked about: ask about each bar in turn"
    )
