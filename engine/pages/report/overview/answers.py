"""Five questions about a run, each with an answer in words and its figures beside those of the benchmark."""

import math
from collections.abc import Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from core.number_format import count, format_4sig, format_value, money, odds, p_value, percent, title
from engine.backtest.account_returns import AT_EXPOSURE, STRATEGY
from engine.ledger.settings import LIMIT
from engine.results.costs_paid import UNKNOWN
from engine.results.drawdowns import stretches
from engine.results.outcome import Outcome
from engine.results.return_tests import ALPHA
from engine.run_folder import verdict_cache
from risk.measures.base import Measured


@dataclass(frozen=True)
class Tile:
    """A figure of the first screen.

    Attributes
    ----------
    definition : the key of its definition; empty for a figure that needs none.
    comparison : the benchmark's at the same exposure, or another figure to read it by; empty for none.
    note : a further line, as an interval.
    """

    name: str
    definition: str
    value: str
    comparison: str = ""
    note: str = ""


@dataclass(frozen=True)
class Answer:
    """The answer to one question: the first words, the rest of the sentence, and its figures."""

    question: str
    first: str
    rest: str
    tiles: tuple[Tile, ...]


def answers(outcome: Outcome) -> tuple[Answer, ...]:
    """Did it work, is it luck, what did it cost, what could it lose, can I trust it."""
    return (_work(outcome), _chance(outcome), _cost(outcome), _loss(outcome), _trust(outcome))


def find(outcome: Outcome, name: str, column: str = STRATEGY) -> Measured | None:
    """A measure of a column by its name; None where the run has none of that name."""
    groups: Iterable[Iterable[Measured]] = (outcome.measures[column], *outcome.further[column].values())
    return next((item for items in groups for item in items if item.name == name), None)


def _tile(outcome: Outcome, name: str, label: str = "", *, alone: bool = False) -> Iterator[Tile]:
    """A measure beside the benchmark's at the same exposure; nothing where the run has no such measure."""
    item = find(outcome, name)
    other = None if alone else find(outcome, name, AT_EXPOSURE)
    if item is not None:
        comparison = f"benchmark {format_value(other.value, other.unit)}" if other else ""
        yield Tile(label or title(name), name, format_value(item.value, item.unit), comparison)


def _work(outcome: Outcome) -> Answer:
    total = find(outcome, "total_return")
    other = find(outcome, "total_return", AT_EXPOSURE)
    final = float(outcome.result.equity["equity"].iloc[-1])
    first = f"{money(outcome.result.cash)} became {money(final)}."
    rest = ""
    if total and other and total.value is not None and other.value is not None:
        first = (
            "It gained money."
            if total.value > 0
            else "It lost money."
            if total.value < 0
            else "It neither gained nor lost."
        )
        word = "less" if total.value < other.value else "more" if total.value > other.value else "the same"
        than = "as" if word == "the same" else "than"
        rest = (
            f"{money(outcome.result.cash)} became {money(final)}, {word} {than} the benchmark at the same exposure, "
            f"{percent(outcome.exposure.gross_mean)}."
        )
    return Answer(
        "Did it work?", first, rest, (*_tile(outcome, "total_return"), *_tile(outcome, "cagr", "CAGR, a year"))
    )


def _chance(outcome: Outcome) -> Answer:
    test = outcome.verdict.test
    tried = outcome.tried
    rest = f" {tried.count:,} settings were tried on these data." if tried and tried.count > 1 else ""
    if test.p_value is None:
        return Answer("Is it luck?", "Not testable.", f"No test of alpha: {test.reason}.{rest}", _chance_tiles(outcome))
    records = f"{odds(test.p_value).capitalize()} records without skill look as good."
    if test.has_basket:
        records += " Holding the traded symbols is no skill."
    if outcome.verdict.beats and tried and _many_tries(outcome):
        rest += f" Deflated Sharpe ratio: {format_4sig(tried.deflated.value)}; {LIMIT} or more is needed."
    return Answer("Is it luck?", _chance_in_words(outcome, test.p_value), records + rest, _chance_tiles(outcome))


def _chance_in_words(outcome: Outcome, p: float) -> str:
    if outcome.verdict.beats:
        return (
            f"Luck may explain it after {_tries(outcome):,} tries."
            if _many_tries(outcome)
            else "Luck alone rarely looks so good."
        )
    if p >= 0.5:
        return "No edge is shown."
    return "Luck may explain it." if p > ALPHA else "Not settled: other tests fail."


def _tries(outcome: Outcome) -> int:
    return outcome.tried.count if outcome.tried else 1


def _many_tries(outcome: Outcome) -> bool:
    """True where the settings tried on the data may explain the result: a deflated Sharpe ratio below its limit."""
    tried = outcome.tried
    return tried is not None and tried.count > 1 and (tried.deflated.value is None or tried.deflated.value < LIMIT)


def _chance_tiles(outcome: Outcome) -> tuple[Tile, ...]:
    interval = outcome.intervals.get("sharpe")
    spread = ""
    if interval and interval.low is not None:
        spread = f"{100 * interval.level:.10g} %: {format_4sig(interval.low)} to {format_4sig(interval.high)}"
    sharpe = (replace(tile, note=spread) for tile in _tile(outcome, "sharpe"))
    p = outcome.verdict.test.p_value
    comparison = "not tested, which is no failure" if p is None else f"{ALPHA:.2f} or less is needed"
    return (*sharpe, Tile("p-value of alpha", "alpha_p_value", p_value(p), comparison))


def _cost(outcome: Outcome) -> Answer:
    paid = outcome.costs
    kinds = {kind: value for kind, value in paid.money.items() if value > 0 and kind != "cash_interest"}
    largest = max(kinds, key=lambda kind: kinds[kind], default="")
    first = f"{money(paid.total)} in {count(paid.fills, 'fill')}."
    rest = "No cost was paid."
    if math.isnan(paid.total):
        rest = f"Not all of it is known: {UNKNOWN}."
    elif largest:
        part = "Most of it" if 2.0 * kinds[largest] > sum(kinds.values()) else "The largest part"
        share = "All of it" if len(kinds) == 1 else part
        rest = f"{share} is {largest.replace('_', ' ')}. Before costs the account {_before(outcome)}."
    drag = Tile(
        "Cost drag, a year",
        "cost_drag",
        percent(paid.total_drag),
        f"in all {percent(paid.total / outcome.result.cash)} of the cash",
    )
    return Answer("What did it cost?", first, rest, (drag,))


def _before(outcome: Outcome) -> str:
    """The result of the account without what was paid for trading, in words."""
    earned = float(outcome.result.equity["equity"].iloc[-1]) - outcome.result.cash + outcome.costs.total
    return f"{'lost' if earned < 0 else 'earned'} {money(abs(earned))}"


def _loss(outcome: Outcome) -> Answer:
    fall = find(outcome, "max_drawdown")
    first = (
        f"{percent(-fall.value)} below a high, at worst."
        if fall and fall.value is not None
        else "No drawdown is known."
    )
    rest = " ".join((*_durations(outcome), *_drift(outcome)))
    level = 100 * max(outcome.config["measures"]["var_levels"])
    shortfall = f"expected_shortfall_{level:.10g}"
    return Answer(
        "What could it lose?",
        first,
        rest,
        (
            *_tile(outcome, "max_drawdown"),
            *_tile(outcome, shortfall, f"ES {level:.10g} %, one {outcome.calendar.period}"),
        ),
    )


def _durations(outcome: Outcome) -> Iterator[str]:
    """The lengths of the deepest and of the longest drawdown."""
    drawdowns = stretches(outcome.daily[STRATEGY]).to_dict("records")
    if not drawdowns:
        return
    deepest = min(drawdowns, key=lambda drawdown: drawdown["depth"])
    longest = max(drawdowns, key=lambda drawdown: drawdown["sessions"])
    if longest is deepest:
        yield f"That drawdown {_lasted(deepest)}."
    else:
        yield f"That drawdown {_lasted(deepest)}; the longest one {_lasted(longest)}."


def _lasted(drawdown: Mapping[Hashable, Any]) -> str:
    length = f"{drawdown['sessions']:,} {'session' if drawdown['sessions'] == 1 else 'sessions'}"
    return f"has lasted {length} and is not recovered" if pd.isna(drawdown["end"]) else f"lasted {length}"


def _drift(outcome: Outcome) -> Iterator[str]:
    """The largest position at a close, where positions grew beyond the cap."""
    if outcome.cap.closes_above and outcome.cap.largest_close is not None:
        yield f"A position grew to {percent(outcome.cap.largest_close)} of the account."


def _trust(outcome: Outcome) -> Answer:
    first, words = _trust_in_words(list(_faults(outcome)), list(_limits(outcome)), list(_remarks(outcome)))
    trades = count(len(outcome.result.trades), "trade")
    tile = Tile("Length of the record", "", count(len(outcome.daily), "session"), trades)
    return Answer("Can I trust it?", first, f"{words} {_battery(outcome)}".strip(), (tile,))


def _trust_in_words(faults: list[str], limits: list[str], remarks: list[str]) -> tuple[str, str]:
    """The first words of the answer, and the rest of its sentence."""
    if faults or limits:
        text = "; ".join([*faults, *limits, *remarks])
        return "Not as it stands." if faults else "Too little to judge.", f"{text[:1].upper()}{text[1:]}."
    return (
        "No fault was found.",
        f"But read {' and '.join(remarks)}." if remarks else "Fills, inputs and cap are right.",
    )


def _remarks(outcome: Outcome) -> Iterator[str]:
    """The warnings and remarks on the data, counted."""
    for texts, noun in ((outcome.market.warnings, "warning"), (outcome.market.notes, "remark")):
        if texts:
            yield f"{count(len(texts), noun)} on the data"


def _battery(outcome: Outcome) -> str:
    """The result of the leak battery, if it was run."""
    if outcome.is_recording:
        return ""
    audit = verdict_cache.recall(outcome.config_id)
    return f"Leak battery: {audit['verdict']}." if audit else "The leak battery (audit) was not run."


def _faults(outcome: Outcome) -> Iterator[str]:
    """Faults that make the figures wrong, each in a few words."""
    for check in outcome.checks:
        if check.status == "leak":
            yield f"{check.title}: the future was used"
    if outcome.cap.breaches:
        yield f"{count(outcome.cap.breaches, 'breach', 'breaches')} of the cap"


def _limits(outcome: Outcome) -> Iterator[str]:
    """Reasons why there is too little to judge, each in a few words."""
    if len(outcome.daily) < outcome.periods_per_year:
        yield f"only {count(len(outcome.daily), 'session')}, less than a year"
    if not len(outcome.result.trades):
        yield "there was no trade"
