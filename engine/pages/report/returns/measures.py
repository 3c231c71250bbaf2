"""The further measures: by group, and value at risk and expected shortfall by every method."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TypeAlias

from core.number_format import title
from engine.backtest.account_returns import BENCHMARK, COLUMNS, STRATEGY
from engine.pages.measure_warnings import flagged
from engine.pages.report.section import Section, fill
from engine.results.outcome import Outcome
from risk.measure_set import BY_METHOD, OF_ACCOUNTS, MeasuresSpec
from risk.measures._var_methods import LAWS
from risk.measures.base import Measured
from risk.measures.expected_shortfall import ExpectedShortfall
from risk.measures.value_at_risk import ValueAtRisk

ORDER = 25
HISTORICAL, FRACTIONAL = "historical", "fractional"

Columns: TypeAlias = Mapping[str, Sequence[Measured | None]]


def section(outcome: Outcome) -> Section:
    """A table with a part a group, and one of the tails with a line a method."""
    spec = MeasuresSpec.parse(outcome.config["measures"])
    names = outcome.names
    groups = [_group(outcome, group) for group in outcome.further[STRATEGY] if group != BY_METHOD]
    tails = {column: outcome.further[column].get(BY_METHOD, ()) for column in (STRATEGY, BENCHMARK)}
    return fill(
        "measures.html",
        "Further measures",
        names=list(names.values()),
        period=outcome.calendar.period,
        groups=[(group, list(zip(*columns.values(), strict=True))) for group, columns in groups],
        remarks=[text for _, columns in groups for text in flagged(_present(columns), names)],
        heads=[f"{name} {100 * level:.10g} %" for level in spec.var_levels for name in ("VaR", "ES")],
        tails=[(names[column], _tails(outcome, column, spec)) for column in tails],
        methods=[_method(method, spec.var_levels[0]) for method in _methods(spec)],
        tail_remarks=flagged(tails, names),
    )


def _group(outcome: Outcome, group: str) -> tuple[str, Columns]:
    """The measures of a group by column; None where a benchmark has nothing to say, as of trades."""
    measures = {column: outcome.further[column][group] for column in COLUMNS}
    silent = COLUMNS[1:] if group in OF_ACCOUNTS else ()
    return group, {column: [None] * len(items) if column in silent else items for column, items in measures.items()}


def _present(columns: Columns) -> dict[str, tuple[Measured, ...]]:
    return {column: tuple(item for item in items if item) for column, items in columns.items()}


def _tails(outcome: Outcome, column: str, spec: MeasuresSpec) -> list[tuple[str, list[Measured | None]]]:
    """A line a method: value at risk and expected shortfall at each level; None where a method has none of its own."""
    items = [*outcome.measures[column], *outcome.further[column].get(BY_METHOD, ())]
    by_name = {item.name: item for item in items}
    return [
        (title(method), [by_name.get(name) for name in _names(method, spec.var_levels)]) for method in _methods(spec)
    ]


def _methods(spec: MeasuresSpec) -> list[str]:
    return [*dict.fromkeys((HISTORICAL, *spec.var_methods)), FRACTIONAL]


def _names(method: str, levels: Iterable[float]) -> Iterator[str]:
    """The measures' names; the fractional method has no value at risk, so that no measure is called that."""
    suffix = "" if method == HISTORICAL else f"_{method}"
    for level in levels:
        for kind in (ValueAtRisk, ExpectedShortfall):
            yield kind(level=level).name + suffix


def _method(method: str, level: float) -> tuple[str, str, str]:
    """A method's name and its two formulas."""
    law = LAWS[method]
    share = ValueAtRisk(level=level).share_text
    return title(method), "" if method == FRACTIONAL else law.var.format(share=share), law.shortfall.format(share=share)
