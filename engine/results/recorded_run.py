"""The outcome of a recorded Cerebro run: the same measures, checks and verdict as of a run of a config."""

from dataclasses import replace

import numpy as np

from core.types import read_only
from engine.backtest.recording import Recording, recorded_result
from signals.leaks.check_result import Check
from signals.signals_result import Signals

from .compute_measures import Measure, measure_here
from .outcome import RECORDED, Outcome, assemble
from .run_notes import recorded_notes
from .run_settings import RunParts
from .verdict import NOT_TRIED_RECORDED


def build_recorded(recording: Recording, measure: Measure = measure_here) -> Outcome:
    """Measure a recorded Cerebro run; parameters and errors as for :func:`build`."""
    market = recording.market
    result = recorded_result(recording)
    nothing = read_only(np.full(recording.signals.prediction.shape, np.nan))
    outcome = assemble(
        recording.config,
        RunParts(market, Signals(recording.signals, (), nothing, nothing), None, result),
        measure=measure,
        constant_confidence=lambda _: None,
        notes=lambda days, year: (*result.notes, *recorded_notes(market, result, days, year)),
        in_parts=True,
    )
    checks = (Check("L3", outcome.checks[0].title, "skipped", 0, RECORDED), *outcome.checks[1:])
    return replace(outcome, checks=checks, verdict=replace(outcome.verdict, not_tried=NOT_TRIED_RECORDED))
