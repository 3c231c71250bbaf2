"""The page of an evaluation of served predictions: verdict, alerts, what the panel saw over time, scores."""

from pathlib import Path

import numpy as np
import pandas as pd

from core.number_format import count, title
from core.types import Vector
from serving.monitor.channels import ERRORS, error_channels, scale_of
from serving.monitor.measures import FORMULA
from serving.monitor.run import Evaluation
from serving.monitor.terminal import number

from .templates import CHARTS, render, save_page
from .time_charts import Line, Panel, time_chart

WINDOW = 20
SHOWN_ERRORS = {
    "squared_error": "Squared standardised error",
    "miss": "Share of wrong signs",
    "log_sigma": "Log volatility",
}
ADVICE = {
    "ok": "No check is near its limit, and no session is missing.",
    "watch": "No check is beyond its limit; something is worth a look.",
    "retrain": "A check is beyond its limit.",
}


def write_page(evaluation: Evaluation, path: Path) -> None:
    """Write the page.

    Raises
    ------
    StoreError
        The file cannot be written.
    """
    save_page(page(evaluation), path)


def page(evaluation: Evaluation) -> str:
    """The page as text."""
    content = evaluation.dump()
    return render(
        "monitor.html",
        scripts=CHARTS,
        content=content,
        advice=ADVICE[content["verdict"]],
        predictions=count(content["predictions"], "prediction"),
        highest=f"{evaluation.highest:.0%}",
        figures=[_panel(evaluation), *([_errors(evaluation)] if len(evaluation.panel.live) >= WINDOW else [])],
        scores=[
            {
                "name": title(score.name),
                "cells": [number(score.name, value) for value in (score.overall, score.recent, score.reference)],
                "band": "n/a"
                if score.low is None
                else f"{number(score.name, score.low)} to {number(score.name, score.high)}",
                "n": f"{score.n:,}",
                "formula": FORMULA[score.name],
            }
            for score in evaluation.scores
        ],
        checks=_checks(evaluation),
    )


def _checks(evaluation: Evaluation) -> list[dict[str, str]]:
    """Every check at the last session, the nearest to its limit first."""
    panel = evaluation.panel
    thresholds = panel.calibration.thresholds()
    order = np.argsort(-np.nan_to_num(panel.scores[-1], nan=-np.inf), kind="stable")
    return [
        {
            "name": panel.calibration.checks[place].name,
            "statistic": f"{panel.statistics[-1, place]:.4g}",
            "threshold": f"{thresholds[place]:.4g}",
            "score": f"{panel.scores[-1, place]:.0%}",
        }
        for place in order
        if np.isfinite(panel.scores[-1, place])
    ]


def _panel(evaluation: Evaluation) -> str:
    worst = np.where(np.isfinite(evaluation.panel.worst), evaluation.panel.worst, np.nan)
    lines = [
        Line("Highest score of all checks", worst, "blue"),
        Line("Limit", np.ones(len(worst)), "red"),
    ]
    sentence = f"The highest score of all checks at each session; an alert is above 1. Now {evaluation.highest:.2f}."
    panels = [Panel("Highest score of all checks, 1 is the limit", lines, unit="ratio", height=220, zero=True)]
    return time_chart(_sessions(evaluation), panels, sentence)


def _errors(evaluation: Evaluation) -> str:
    """Rolling means of the errors' channels beside the walk-forward's mean."""
    reference = evaluation.reference.observations
    scale = scale_of(reference)
    served = error_channels(evaluation.panel.live, scale)
    recorded = error_channels(reference, scale)
    panels = []
    for name, heading in SHOWN_ERRORS.items():
        column = ERRORS.index(name)
        mean = float(np.nanmean(recorded[:, column]))
        lines = [
            Line(f"Served, mean of {WINDOW} sessions", _rolling(served[:, column]), "blue"),
            Line("Walk-forward, mean", np.full(len(served), mean), "grey"),
        ]
        panels.append(Panel(heading, lines, unit="ratio", height=130))
    sentence = f"Errors of the served predictions, means of {WINDOW} sessions, beside the walk-forward's means."
    return time_chart(_sessions(evaluation), panels, sentence)


def _rolling(values: Vector) -> Vector:
    return pd.Series(values).rolling(WINDOW, min_periods=WINDOW // 2).mean().to_numpy()


def _sessions(evaluation: Evaluation) -> pd.DatetimeIndex:
    return evaluation.panel.live.sessions
