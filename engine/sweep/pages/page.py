"""sweep.html: the verdict first, then what was tried, how it is spread, and how far to believe the best of it."""

import itertools
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from core.number_format import format_4sig, money, percent, title
from engine.backtest.account_returns import STRATEGY
from engine.pages.svg_charts import BLUE, INK, RED, svg
from engine.pages.templates import render, safe
from engine.sweep.judgement.assess import SweepAssessment
from engine.sweep.judgement.confirm import Confirmed
from engine.sweep.judgement.sweep_json import selection_numbers
from engine.sweep.space.dimensions import iter_points
from engine.sweep.space.samplers import method_description

from . import charts
from .charts import Cloud

TOP = 100
PAIRS = 15
"""Heatmaps at most: those of six parameters."""
SHOWN = ("total_return", "cagr", "volatility", "sharpe", "sortino", "max_drawdown", "calmar")


def write_page(found: SweepAssessment, path: Path) -> None:
    """Write the page."""
    path.write_text(html(found), encoding="utf-8")


def html(found: SweepAssessment) -> str:
    """The page, which asks nothing of any server."""
    plan, spec = found.plan, found.plan.spec
    days = plan.span.sessions
    return render(
        "sweep.html",
        found=found,
        spec=spec,
        name=plan.config.name,
        symbols=plan.market.trade,
        first=f"{days[0]:%F}",
        last=f"{days[-1]:%F}",
        method=method_description(spec.method),
        measure=title(spec.objective.measure.name),
        counts=found.board.counts,
        axes=[(axis.path, ", ".join(_values(axis))) for axis in plan.axes],
        winners=[_winner(found, each) for each in found.winners],
        measures=[title(name) for name in SHOWN],
        top=list(_top(found)),
        heads=[axis.path for axis in plan.axes],
        pictures={name: safe(picture) for name, picture in _pictures(found)},
        colours=_colours(found),
        heatmaps=[(head, safe(picture)) for head, picture in _heatmaps(found)],
        selection=None if found.selection is None else selection_numbers(found.selection, found.year),
        four=format_4sig,
        percent=percent,
    )


def _values(axis: Any) -> list[str]:
    told = [charts.text(value) for value in axis.representatives]
    return told if len(told) <= 12 else [*told[:6], "...", *told[-3:]]


def _winner(found: SweepAssessment, each: Confirmed) -> dict[str, Any]:
    metrics = each.metrics or {}
    measures = metrics.get("measures", {}).get(STRATEGY, {})
    intervals = {name: item["interval"] for name, item in measures.items() if item.get("interval")}
    return {
        "trial": each.number,
        "objective": found.board.objective[each.number],
        "value": money(float(found.board.final_value[each.number])),
        "point": [charts.text(value) for value in each.point.values()],
        "folder": f"winners/{each.folder}",
        "measures": [(measures[name]["value"], measures[name]["unit"]) for name in SHOWN if name in measures],
        "sharpe": _span(intervals.get("sharpe")),
        "held_out": each.held_out,
    }


def _span(interval: Any) -> str:
    if not interval or interval["reason"]:
        return "n/a"
    return f"{format_4sig(interval['low'])} to {format_4sig(interval['high'])}"


def _top(found: SweepAssessment) -> Iterator[dict[str, Any]]:
    """The best trials for the table that sorts."""
    board, plan = found.board, found.plan
    points = {each.number: each.point for each in found.winners}
    for number in board.ranked[:TOP].tolist():
        if plan.points is not None:
            point: Mapping[str, Any] = next(iter_points(plan.points.columns(np.array([number]))))
        else:
            point = found.asked.get(number, points.get(number, {}))
        yield {
            "trial": number,
            "objective": board.objective[number],
            "sharpe": board.sharpe[number],
            "value": board.final_value[number],
            "fills": int(board.fills[number]),
            "point": [charts.text(point.get(axis.path)) for axis in plan.axes],
        }


def _cloud(found: SweepAssessment) -> Cloud:
    plan, board = found.plan, found.board
    numbers = plan.summed
    if plan.points is not None:
        columns: Any = plan.points.columns(numbers)
    else:
        columns = {axis.path: [found.asked[number][axis.path] for number in numbers.tolist()] for axis in plan.axes}
    sign = 1.0 if plan.spec.objective.direction == "max" else -1.0
    winner = found.winners[0].point if found.winners else None
    values = np.where(board.status[numbers] == "done", board.objective[numbers], np.nan)
    return Cloud.of(plan.axes, columns, values, (plan.spec.objective.measure.name, sign), winner)


def _pictures(found: SweepAssessment) -> Iterator[tuple[str, str]]:
    cloud = _cloud(found)
    known = cloud.objective[np.isfinite(cloud.objective)]
    if not len(known):
        return
    name = title(cloud.name)
    yield (
        "distribution",
        svg(charts.distribution(known, _marks(found), name), f"Distribution of {name} over all trials"),
    )
    if cloud.name != "sharpe":
        sharpe = found.board.sharpe[found.plan.summed]
        sharpe = sharpe[np.isfinite(sharpe)]
        figure = charts.distribution(sharpe, _sharpe_marks(found), title("sharpe")) if len(sharpe) else None
        if figure is not None:
            yield "sharpe", svg(figure, "Distribution of the Sharpe ratio over all trials")
    yield "parallel", svg(charts.parallel(cloud), f"Parallel coordinates of the trials, to {name}")
    if found.winners:
        alt = "Growth of the best trials, of the walk-forward selection and of the benchmark"
        yield "fan", svg(charts.fan(found.plan.span.sessions, found.sample.returns, list(_curves(found))), alt)
    if found.luck is not None and found.luck.pbo is not None:
        pbo = found.luck.pbo
        yield (
            "logits",
            svg(charts.logits(pbo.logits, pbo.pbo), "Rank of the best trial of one half in the other half"),
        )


def _marks(found: SweepAssessment) -> list[tuple[str, float, str]]:
    if not found.winners:
        return []
    if found.plan.spec.objective.measure.name == "sharpe":
        return _sharpe_marks(found)
    return [("winner", float(found.board.objective[found.winner.number]), BLUE)]


def _sharpe_marks(found: SweepAssessment) -> list[tuple[str, float, str]]:
    if not found.winners or found.luck is None:
        return []
    own = float(found.board.sharpe[found.winner.number])
    marks = [("winner", own, BLUE)] if np.isfinite(own) else []
    return [
        *marks,
        ("expected best without skill", found.luck.threshold * found.luck.per_year**0.5, RED),
        ("", 0.0, INK),
    ][: len(marks) + 1]


def _curves(found: SweepAssessment) -> Iterator[tuple[str, Any]]:
    days = found.plan.span.sessions
    for place, each in enumerate(found.winners[::-1], start=1):
        yield "winner" if place == len(found.winners) else "", each.daily[STRATEGY].reindex(days).to_numpy()
    if found.selection is not None:
        yield "walk-forward selection", found.selection.returns
    spread = float(found.benchmark.std(ddof=1))
    own = float(found.winner.daily[STRATEGY].reindex(days).std(ddof=1))
    if spread > 0:
        yield f"{found.plan.market.benchmark} at the winner's volatility", found.benchmark * own / spread


def _colours(found: SweepAssessment) -> str:
    """What the ends of the heatmaps' colours mean."""
    cloud = _cloud(found)
    if not np.isfinite(cloud.objective).any():
        return ""
    low, high = charts.limits_of(cloud)[:: int(cloud.sign)]
    return f"Colours run from red, {format_4sig(low)}, to blue, {format_4sig(high)}, which is better."


def _heatmaps(found: SweepAssessment) -> Iterator[tuple[str, str]]:
    cloud = _cloud(found)
    if not np.isfinite(cloud.objective).any():
        return
    limits = charts.limits_of(cloud)
    several = [number for number, axis in enumerate(cloud.axes) if len(axis.representatives) > 1]
    for pair in itertools.islice(itertools.combinations(several, 2), PAIRS):
        head = charts.told(cloud, pair)
        yield head, svg(charts.heatmap(cloud, pair, limits), head)
