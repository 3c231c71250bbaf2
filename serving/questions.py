"""From the body of a request to a question: a market, an account, positions."""

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from pydantic import TypeAdapter, ValidationError

from core.types import COLUMNS, Market, News
from marketdata.news import headline_time
from strategies._held import Held

from .bar_rows import checked_rows
from .json_body import parsed
from .model import Model
from .problems import Fault, Problem, refused, shortened
from .schemas import MOST_SYMBOLS, Headline, Holding, SymbolBody, SymbolRequest, SymbolsRequest

LISTED = 5
"""Faults of a body that are listed."""
ONE: TypeAdapter[SymbolRequest] = TypeAdapter(SymbolRequest)
SEVERAL: TypeAdapter[SymbolsRequest] = TypeAdapter(SymbolsRequest)


@dataclass(frozen=True, eq=False)
class Question:
    """A question that is acceptable.

    Attributes
    ----------
    market : the bars and news.
    account : account value; None: that of the config.
    holding : by symbol, what is held; a state that the request gives is in it.
    stated : the symbols whose state is given.
    is_single : True if one symbol was asked for without a mapping.
    inputs : 32 hex digits over all that was given.
    """

    market: Market
    account: float | None
    holding: Mapping[str, Held]
    stated: frozenset[str]
    is_single: bool
    inputs: str


def read_question(body: bytes, model: Model, now: pd.Timestamp) -> Question:
    """The question in a body.

    Parameters
    ----------
    now : the present, aware.

    Raises
    ------
    Problem
        400: no JSON; 422: not acceptable.
    """
    values = parsed(body)
    if not isinstance(values, dict):
        raise refused(Fault("", "the body is no object", shortened(values), "send {symbol, bars} or {symbols}"))
    if "symbols" in values:
        _require_few(values["symbols"])
        several: SymbolsRequest = validated(SEVERAL, values)
        return _question(several, several.symbols, "symbols.", model, now)
    one: SymbolRequest = validated(ONE, values)
    return _question(one, {one.symbol: one}, "", model, now)


def _require_few(symbols: Any) -> None:
    """Refuse too many symbols before each of them is looked at."""
    if isinstance(symbols, dict) and len(symbols) > MOST_SYMBOLS:
        problem = f"has {len(symbols):,} symbols, at most {MOST_SYMBOLS} are read"
        raise refused(Fault("symbols", problem, remedy="ask for the others in further requests"))


def _question(
    request: SymbolRequest | SymbolsRequest,
    bodies: Mapping[str, SymbolBody],
    where: str,
    model: Model,
    now: pd.Timestamp,
) -> Question:
    _require_symbols(model, bodies, is_single=not where)
    session = model.session
    symbols = model.record.symbols
    bars = {
        symbol: checked_rows(symbol, body.bars, session, f"{where}{symbol}.bars" if where else "bars", now)
        for symbol, body in bodies.items()
    }
    news = None if request.news is None else _news(request.news, list(bodies), model)
    market = Market(bars, symbols, symbols[0], session.market_zone, news=news)
    holding = {symbol: _held(body) for symbol, body in bodies.items()}
    stated = frozenset(symbol for symbol, body in bodies.items() if body.state is not None)
    return Question(market, request.account, holding, stated, not where, _digest(request, market))


def validated(adapter: TypeAdapter[Any], values: Any) -> Any:
    """The values as the adapter's type.

    Raises
    ------
    Problem
        422, with the first faults.
    """
    try:
        return adapter.validate_python(values)
    except ValidationError as error:
        raise _explained(error) from None


def _explained(error: ValidationError) -> Problem:
    errors = error.errors(include_url=False, include_context=False)
    listed = [
        Fault(_location(item["loc"]), _message(item["msg"]), _value(item), _remedy(item["type"]))
        for item in errors[:LISTED]
    ]
    more = [Fault("", f"{len(errors) - LISTED} more faults")] if len(errors) > LISTED else []
    return refused(*listed, *more)


def _message(text: str) -> str:
    return text[:1].lower() + text[1:]


def _value(item: Mapping[str, Any]) -> str:
    return "" if item["type"] == "missing" else shortened(item["input"])


def _remedy(kind: str) -> str:
    return {
        "missing": "add it",
        "extra_forbidden": "leave it out; /docs shows the known keys",
        "float_type": "write a number, without quotation marks",
        "string_type": "write a text, in quotation marks",
    }.get(kind, "/docs shows what a request contains")


def _location(path: Sequence[int | str]) -> str:
    """A place in the body: ``symbols.A.bars[3].close``."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text if len(text) <= 200 else f"{text[:197]}..."


def _require_symbols(model: Model, bodies: Mapping[str, SymbolBody], *, is_single: bool) -> None:
    """Refuse a question without all symbols of the model."""
    symbols = model.record.symbols
    missing = [symbol for symbol in symbols if symbol not in bodies]
    if not missing:
        return
    listed = ", ".join(symbols[:LISTED]) + (f" and {len(symbols) - LISTED} more" if len(symbols) > LISTED else "")
    if is_single and len(symbols) == 1:
        raise refused(
            Fault("symbol", "the model knows no such symbol", shortened(next(iter(bodies))), f"ask for {listed}")
        )
    remedy = f"send {{symbols: {{...}}}} with {listed}: its rule and features may look at all of them"
    raise refused(Fault("symbols", f"{shortened(missing[0])} is missing", remedy=remedy))


def _held(body: SymbolBody) -> Held:
    holding = body.holding or Holding()
    return Held(
        side=holding.side,
        held=holding.held,
        entry_price=_number(holding.entry_price),
        best=_number(holding.best),
        worst=_number(holding.worst),
        waiting=holding.waiting,
        weight=holding.weight,
        state=body.state or {},
        last_side=holding.last_side,
        bars_to_wait=holding.bars_to_wait,
    )


def _number(value: float | None) -> float:
    return math.nan if value is None else value


def _news(headlines: Sequence[Headline], symbols: Sequence[str], model: Model) -> News:
    """The headlines in the order in which they became known."""
    if not headlines:
        return News(pd.DatetimeIndex([], tz="UTC").as_unit("ns"), (), ())
    about = [_subject(headline, number, symbols) for number, headline in enumerate(headlines)]
    known_at = pd.DatetimeIndex(
        [_known_at(headline.time, number, model) for number, headline in enumerate(headlines)]
    ).as_unit("ns")
    order = np.argsort(known_at.asi8, kind="stable").tolist()
    texts = tuple(headlines[row].text for row in order)
    return News(known_at[order], tuple(about[row] for row in order), texts)


def _subject(headline: Headline, number: int, symbols: Sequence[str]) -> str:
    location = f"news[{number}].symbol"
    if headline.symbol is None:
        if len(symbols) == 1:
            return symbols[0]
        raise refused(Fault(location, "is missing", remedy="say which of the symbols the headline is about"))
    if headline.symbol not in symbols:
        raise refused(
            Fault(location, "the request has no such symbol", shortened(headline.symbol), "leave the headline out")
        )
    return headline.symbol


def _known_at(text: str, number: int, model: Model) -> pd.Timestamp:
    location = f"news[{number}].time"
    try:
        return headline_time(text, None, model.session.market_zone, location).as_unit("ns")
    except (ValueError, OverflowError):  # a year that is out of range
        raise refused(Fault(location, "there is no such time", shortened(text), "write 2024-06-28T20:00:00Z")) from None


def _digest(request: SymbolRequest | SymbolsRequest, market: Market) -> str:
    """Identifies what was asked, to the bit."""
    hasher = hashlib.sha256()
    for symbol in sorted(market.bars):
        bars = market.bars[symbol]
        hasher.update(json.dumps([symbol, len(bars)]).encode())
        hasher.update(bars.times.asi8.tobytes())
        for name in COLUMNS:
            hasher.update(getattr(bars, name).tobytes())
    rest = request.model_dump(exclude={"bars": True, "symbols": {"__all__": {"bars"}}})
    hasher.update(json.dumps(rest, sort_keys=True).encode())
    return hasher.hexdigest()[:32]
