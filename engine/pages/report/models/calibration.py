"""Calibration: stated probabilities against observed frequencies."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from core.number_format import format_value
from engine.backtest.account_returns import STRATEGY
from engine.pages.report.section import Section, fill
from engine.pages.svg_charts import GREY, STRATEGY_COLOUR, canvas, percent_axis, styled, svg
from engine.pages.templates import safe
from engine.results.outcome import Outcome
from signals.evaluation.evaluate import Bin

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ORDER = 60


def section(outcome: Outcome) -> Section | None:
    """Reliability table and picture, Brier score and skill; nothing without an evaluation."""
    evaluation = outcome.evaluation
    if evaluation is None:
        return None
    bins = evaluation.reliability
    picture = safe(svg(draw(bins), "Stated probability of a rise against the share of rises")) if bins else ""
    model = evaluation.overall.model
    return fill(
        "calibration.html",
        "Calibration",
        bins=bins,
        picture=picture,
        model=model,
        note=evaluation.confidence_note,
        coverage=evaluation.coverage,
        stated=outcome.config["confidence"].get("coverage"),
        constant_run=outcome.constant_confidence,
        with_constant_confidence=list(_with_constant_confidence(outcome)),
    )


def _with_constant_confidence(outcome: Outcome) -> Iterator[tuple[str, str, str]]:
    """The headline measures with the confidence as it is, and with a constant one."""
    constant = (
        {measure.name: measure for measure in outcome.constant_confidence.measures}
        if outcome.constant_confidence
        else {}
    )
    for measure in outcome.measures[STRATEGY]:
        if measure.name in constant:
            yield (
                measure.name,
                format_value(measure.value, measure.unit),
                format_value(constant[measure.name].value, measure.unit),
            )


@styled
def draw(bins: Sequence[Bin]) -> "Figure":
    """A point a bin, with two standard errors of the share as its bar; the diagonal is what the probabilities claim."""
    from matplotlib.ticker import MaxNLocator, PercentFormatter

    figure, (axis,) = canvas(3.0, width=6.0)
    stated = [bin_.p_up for bin_ in bins]
    observed = [bin_.up_share for bin_ in bins]
    errors = [2.0 * (share * (1.0 - share) / bin_.rows) ** 0.5 for share, bin_ in zip(observed, bins, strict=True)]
    low = min(stated + observed) - 0.03
    high = max(stated + observed) + 0.03
    axis.plot([low, high], [low, high], color=GREY, linestyle="--", linewidth=0.9)
    axis.errorbar(stated, observed, yerr=errors, fmt="o", markersize=4.5, color=STRATEGY_COLOUR, elinewidth=0.9)
    percent_axis(axis)
    figure.subplots_adjust(right=0.95)
    axis.xaxis.set_major_locator(MaxNLocator(6))
    axis.xaxis.set_major_formatter(PercentFormatter(xmax=1.0, decimals=None, symbol=" %"))
    return figure
