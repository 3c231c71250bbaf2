"""The doctor's page: each finding in a table, and the closes around the worst rows."""

from collections.abc import Iterator, Sequence
from typing import Any

from marketdata.doctor.diagnosis import Entry, SymbolDiagnosis
from marketdata.doctor.finding import Finding, Series

from .svg_charts import BLUE, RED, canvas, styled, svg
from .templates import render, safe

AROUND = 40  # bars on each side of a row
SPOTS = 3  # rows that are drawn of one finding


def doctor_page(diagnoses: Sequence[SymbolDiagnosis], entries: Sequence[Entry]) -> str:
    """The whole page."""
    return render("doctor.html", diagnoses=diagnoses, entries=entries, pictures=list(_pictures(diagnoses)))


def _pictures(diagnoses: Sequence[SymbolDiagnosis]) -> Iterator[dict[str, Any]]:
    for diagnosis in diagnoses:
        series = diagnosis.series
        if series is None:
            continue
        for finding in diagnosis.findings:
            for row in finding.rows[:SPOTS]:
                title = f"{diagnosis.symbol}: {finding.check} on {series.days[row]:%Y-%m-%d}"
                yield {"title": title, "svg": safe(_spot(series, finding, row, title)), "text": finding.problem}


@styled
def _spot(series: Series, finding: Finding, row: int, title: str) -> str:
    """Ranges and closes around a row; the finding's rows are red."""
    first, last = max(0, row - AROUND), min(len(series), row + AROUND + 1)
    figure, (axis,) = canvas(2.4)
    numbers = range(first, last)
    axis.vlines(numbers, series.column("low")[first:last], series.column("high")[first:last], color=BLUE, linewidth=0.8)
    axis.plot(numbers, series.column("close")[first:last], color=BLUE, linewidth=1.0)
    marked = [other for other in finding.rows if first <= other < last]
    axis.plot(marked, series.column("close")[marked], "o", color=RED, markersize=4)
    ticks = [first, row, last - 1]
    axis.set_xticks(ticks, [f"{series.days[tick]:%Y-%m-%d}" for tick in ticks])
    return svg(figure, title)
