"""The page sweep.html: the verdict, the winners, the distribution of all trials, and the tests of the winner."""

import itertools
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from core.number_format import format_4sig, format_value, money, p_value, percent, title
from core.types import Rows
from engine.backtest.account_returns import AT_EXPOSURE, BENCHMARK, STRATEGY
from engine.config.sweep_spec import Constraint
from engine.pages.svg_charts import BLUE, RED, svg
from engine.pages.templates import CHARTS, TABLES, render, safe
from engine.sweep.judgement.assess import SweepAssessment
from engine.sweep.judgement.confirm import Confirmed
from engine.sweep.judgement.sweep_json import selection_numbers
from engine.sweep.space.dimensions import Columns, Dimension, iter_points
from engine.sweep.space.samplers import method_description

from . import charts, growth, trial_table
from .charts import TrialPoints

PAIRS = 15
"""Largest number of heatmaps: those of six parameters."""
BEST_MEASURES = ("total_return", "volatility", "sharpe", "max_drawdown")
"""Of each of the best trials; the others are in its report."""
MEASURES = ("total_return", "cagr", "volatility", "sharpe", "sortino", "max_drawdown", "calmar")


def write_page(assessment: SweepAssessment, path: Path) -> None:
    """Write the page to a file."""
    path.write_text(html(assessment), encoding="utf-8")


def html(assessment: SweepAssessment) -> str:
    """The page, which loads nothing from any server."""
    sweep_plan = assessment.plan
    spec = sweep_plan.spec
    sessions = sweep_plan.span.sessions
    trials = _trial_points(assessment)
    numbers = trial_table.shown_trials(assessment.ranking.ranked)
    heatmaps = [(head, safe(picture)) for head, picture in _heatmaps(trials)]
    return render(
        "sweep.html",
        scripts=(*TABLES, *CHARTS, "theme/sweep.js"),
        assessment=assessment,
        tests=assessment.winner_tests,
        spec=spec,
        name=sweep_plan.config.name,
        symbols=sweep_plan.market.trade,
        first=f"{sessions[0]:%F}",
        last=f"{sessions[-1]:%F}",
        method=method_description(spec.method),
        measure=title(spec.objective.measure.name),
        counts=assessment.ranking.counts,
        axes=[(axis.path, ", ".join(_values(axis))) for axis in sweep_plan.axes],
        winners=[_winner(assessment, winner) for winner in assessment.winners],
        measures=[title(name) for name in BEST_MEASURES],
        top=list(_top(assessment, numbers)),
        ranked=len(assessment.ranking.ranked),
        trial_data=_trial_data(assessment, numbers),
        growth=growth.growth(assessment),
        comparison=list(_comparison(assessment)),
        benchmarks=growth.benchmarks(assessment),
        money=_money_and_luck(assessment),
        constraints=[_in_words(constraint) for constraint in spec.constraints],
        heads=[axis.path for axis in sweep_plan.axes],
        pictures={name: safe(picture) for name, picture in _pictures(assessment, trials)},
        colours=_colours(trials),
        heatmaps=heatmaps,
        selection=_selection(assessment),
        four=format_4sig,
        percent=percent,
    )


def _selection(assessment: SweepAssessment) -> dict[str, Any] | None:
    winner_tests = assessment.winner_tests
    if winner_tests is None or winner_tests.selection is None:
        return None
    return selection_numbers(winner_tests.selection, assessment.year)


def _values(axis: Dimension) -> list[str]:
    """The values of an axis; of many, the first and the last ones."""
    texts = [charts.text(value) for value in axis.representatives]
    return texts if len(texts) <= 12 else [*texts[:6], "...", *texts[-3:]]


def _winner(assessment: SweepAssessment, winner: Confirmed) -> dict[str, Any]:
    """The row of a winner in the table of the best trials."""
    metrics = winner.metrics or {}
    measures = metrics.get("measures", {}).get(STRATEGY, {})
    intervals = {name: item["interval"] for name, item in measures.items() if item.get("interval")}
    return {
        "trial": winner.number,
        "objective": assessment.ranking.objective[winner.number],
        "value": money(float(assessment.ranking.final_value[winner.number])),
        "point": [charts.text(value) for value in winner.point.values()],
        "folder": f"winners/{winner.folder}",
        "measures": [(measures[name]["value"], measures[name]["unit"]) for name in BEST_MEASURES if name in measures],
        "sharpe": _interval(intervals.get("sharpe")),
        "held_out": winner.held_out,
    }


def _interval(interval: Any) -> str:
    if not interval or interval["reason"]:
        return "n/a"
    return f"{format_4sig(interval['low'])} to {format_4sig(interval['high'])}"


def _top(assessment: SweepAssessment, numbers: Rows) -> Iterator[dict[str, Any]]:
    """The trials of the table."""
    ranking = assessment.ranking
    for number in numbers.tolist():
        point = _point(assessment, number)
        yield {
            "trial": number,
            "objective": ranking.objective[number],
            "sharpe": ranking.sharpe[number],
            "value": ranking.final_value[number],
            "fills": int(ranking.fills[number]),
            "point": [charts.text(point.get(axis.path)) for axis in assessment.plan.axes],
        }


def _point(assessment: SweepAssessment, trial_number: int) -> Mapping[str, Any]:
    points = assessment.plan.points
    if points is None:
        return assessment.sequential_points[trial_number]
    return next(iter_points(points.columns(np.array([trial_number]))))


def _trial_points(assessment: SweepAssessment) -> TrialPoints:
    """The trials of the charts: those selected before the sweep."""
    sweep_plan = assessment.plan
    ranking = assessment.ranking
    trials = sweep_plan.summed
    objective = sweep_plan.spec.objective
    return TrialPoints.from_columns(
        sweep_plan.axes,
        _columns(assessment),
        np.where(ranking.status[trials] == "done", ranking.objective[trials], np.nan),
        name=objective.measure.name,
        sign=1.0 if objective.direction == "max" else -1.0,
        winner=assessment.winners[0].point if assessment.winners else None,
    )


def _columns(assessment: SweepAssessment) -> Columns:
    sweep_plan = assessment.plan
    if sweep_plan.points is not None:
        return sweep_plan.points.columns(sweep_plan.summed)
    points = [assessment.sequential_points[number] for number in sweep_plan.summed.tolist()]
    return {axis.path: [point[axis.path] for point in points] for axis in sweep_plan.axes}


def _pictures(assessment: SweepAssessment, trials: TrialPoints) -> Iterator[tuple[str, str]]:
    """The charts but the heatmaps, by name."""
    values = trials.finite_objective
    if not len(values):
        return
    name = title(trials.name)
    yield (
        "distribution",
        svg(charts.distribution(values, _marks(assessment), name), f"Distribution of {name} over all trials"),
    )
    if trials.name != "sharpe":
        yield from _sharpe_picture(assessment)
    yield "parallel", svg(charts.parallel(trials), f"Parallel coordinates of the trials, to {name}")
    pbo = assessment.winner_tests.overfitting.pbo if assessment.winner_tests else None
    if pbo is not None:
        yield "logits", svg(charts.logits(pbo.logits, pbo.pbo), "Rank of the best trial of one half in the other half")


def _sharpe_picture(assessment: SweepAssessment) -> Iterator[tuple[str, str]]:
    ratios = assessment.ranking.sharpe[assessment.plan.summed]
    ratios = ratios[np.isfinite(ratios)]
    if len(ratios):
        figure = charts.distribution(ratios, _sharpe_marks(assessment), title("sharpe"))
        yield "sharpe", svg(figure, "Distribution of the Sharpe ratio over all trials")


def _trial_data(assessment: SweepAssessment, numbers: Rows) -> str:
    """The block that the page's script reads; empty without ranked trials."""
    if not len(numbers):
        return ""
    objective = assessment.plan.spec.objective
    block = trial_table.line_block(
        assessment.plan.axes,
        numbers,
        lambda number: _point(assessment, number),
        lambda number: float(assessment.ranking.objective[number]),
        title(objective.measure.name),
    )
    block |= {"sign": 1 if objective.direction == "max" else -1, "command": "run_backtest.py CONFIG"}
    return safe(json.dumps(block, separators=(",", ":")).replace("<", "\\u003c"))


def _comparison(assessment: SweepAssessment) -> Iterator[tuple[str, list[str]]]:
    """The winner's measures beside those of the walk-forward selection and of the benchmark."""
    if not assessment.winners:
        return
    metrics = assessment.winner.metrics or {}
    selection = _selection(assessment)
    columns = [metrics.get("measures", {}).get(STRATEGY, {}), selection["measures"] if selection else {}]
    columns += [metrics.get("measures", {}).get(column, {}) for column in (AT_EXPOSURE, BENCHMARK)]
    for name in MEASURES:
        cells = [
            format_value(column[name]["value"], column[name]["unit"]) if name in column else "" for column in columns
        ]
        if any(cells):
            yield title(name), cells


def _marks(assessment: SweepAssessment) -> list[tuple[str, float, str]]:
    """Text, value and colour of the lines in the distribution of the objective."""
    if not assessment.winners:
        return []
    if assessment.plan.spec.objective.measure.name == "sharpe":
        return _sharpe_marks(assessment)
    return [("winner", float(assessment.ranking.objective[assessment.winner.number]), BLUE)]


def _sharpe_marks(assessment: SweepAssessment) -> list[tuple[str, float, str]]:
    """Text, value and colour of the lines in the distribution of the Sharpe ratio."""
    if assessment.winner_tests is None:
        return []
    overfitting = assessment.winner_tests.overfitting
    threshold = ("expected best without skill", overfitting.threshold * overfitting.per_year**0.5, RED)
    sharpe = float(assessment.ranking.sharpe[assessment.winner.number])
    return [("winner", sharpe, BLUE), threshold] if np.isfinite(sharpe) else [threshold]


def _money_and_luck(assessment: SweepAssessment) -> list[tuple[str, str, str]]:
    """Label, value and explanation of the winner's money, its costs, and the p-value of the best of all trials."""
    metrics = assessment.winner.metrics if assessment.winners else None
    if not metrics or assessment.winner_tests is None:
        return []
    costs = metrics["costs"]["total"]["value"]
    cash = assessment.winner_tests.overfitting.cash
    chance = "n/a" if cash.consistent is None else p_value(cash.consistent)
    return [
        ("Final value", money(metrics["final_equity"]), f"from {money(metrics['cash'])}"),
        ("Costs", money(costs), "in the span, deducted"),
        ("p against cash", chance, "of the best of all trials, corrected for their number"),
    ]


def _in_words(constraint: Constraint) -> str:
    """A constraint with its limit in the measure's unit, as "Max drawdown >= -20.00 %"."""
    measure = constraint.measure
    return f"{title(measure.name)} {constraint.op} {format_value(constraint.value, measure.unit)}"


def _colours(trials: TrialPoints) -> str:
    """A sentence on the ends of the heatmaps' colour range."""
    if not len(trials.finite_objective):
        return ""
    low, high = charts.colour_range(trials)
    worse, better = (low, high) if trials.sign > 0 else (high, low)
    words = f"Colours run from red, {format_4sig(worse)}, to blue, {format_4sig(better)}, which is better"
    return f"{words}: the 2nd and the 98th percentile of single trials. A cell is a median, so the winner may be above."


def _heatmaps(trials: TrialPoints) -> Iterator[tuple[str, str]]:
    """Title and picture of each pair of parameters, the one whose cells differ most first."""
    if not len(trials.finite_objective):
        return
    colour_range = charts.colour_range(trials)
    varied = [index for index, axis in enumerate(trials.axes) if len(axis.representatives) > 1]
    pairs = sorted(itertools.combinations(varied, 2), key=lambda pair: -charts.spread(trials, pair))
    for pair in pairs[:PAIRS]:
        head = charts.heatmap_title(trials, pair)
        yield head, charts.heatmap_svg(charts.heatmap(trials, pair, colour_range), head)
