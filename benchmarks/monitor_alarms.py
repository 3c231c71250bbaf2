"""False alarms and power of the monitor, measured on streams whose truth is known.

    python benchmarks/monitor_alarms.py [streams | shift]

Each stream has a walk-forward of 900 sessions and 500 served ones. Quiet streams (independent, autoregressive with 0.9,
GARCH, four correlated symbols) give the rate of false alarms beside the one that is stated. Each fault is then planted
into the same streams at session 250. river's ADWIN, PageHinkley and KSWIN at their defaults watch the absolute errors
and every input of the same streams.

With ``shift`` it measures the check of a shift by a session alone, for predictions of more skill than in the streams:
1,000 streams of independent values each, the check at the limit that it has within the panel.
"""

import json
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from river.drift import ADWIN, KSWIN, PageHinkley
from scipy.stats import binom

from serving.monitor.alerts import run_panel
from serving.monitor.calibration import FALSE_ALARM_EVERY, calibrate, onsets
from serving.monitor.observations import Observations
from serving.monitor.statistics import WINDOWS

REFERENCE, LIVE, AT = 900, 500, 250
WITHIN = 120
"""Sessions after a fault within which an alarm counts as its detection."""
INPUTS = 5
KINDS = ("independent", "autoregressive 0.9", "GARCH(1,1)", "four symbols")
EDGE = 0.1
"""Correlation of prediction and outcome."""
SETTLE = 200
DETECTORS = {"ADWIN": ADWIN, "PageHinkley": PageHinkley, "KSWIN": lambda: KSWIN(seed=1)}


def market(kind: str, seed: int) -> Observations:
    """A quiet market: inputs, predictions with a little skill, outcomes."""
    generator = np.random.default_rng(seed)
    symbols = 4 if kind == "four symbols" else 1
    memory = {"independent": 0.0, "autoregressive 0.9": 0.9, "GARCH(1,1)": 0.5, "four symbols": 0.7}[kind]
    sessions = SETTLE + REFERENCE + LIVE
    shocks = _correlated(generator, (sessions, symbols, INPUTS))
    inputs = np.zeros_like(shocks)
    for step in range(1, sessions):
        inputs[step] = memory * inputs[step - 1] + (1 - memory**2) ** 0.5 * shocks[step]
    noise = _correlated(generator, (sessions, symbols))
    prediction = EDGE * 0.01 * inputs[:, :, 0]
    outcome = np.zeros((sessions, symbols))
    sigma = np.zeros((sessions, symbols))
    variance = np.full(symbols, 1e-4)
    forecast = variance.copy()
    for step in range(sessions):
        sigma[step] = np.sqrt(forecast)
        outcome[step] = prediction[step] + np.sqrt(variance) * noise[step]
        if kind == "GARCH(1,1)":
            variance = 2e-6 + 0.1 * outcome[step] ** 2 + 0.88 * variance
        forecast = 0.94 * forecast + 0.06 * outcome[step] ** 2
    rows = slice(SETTLE, None)
    names = tuple(f"input{number}" for number in range(INPUTS))
    shape = outcome[rows].shape
    return Observations(
        pd.bdate_range("2015-01-01", periods=REFERENCE + LIVE),
        tuple("ABCD"[:symbols]),
        names,
        inputs[rows],
        prediction[rows],
        np.full(shape, 0.54),
        outcome[rows],
        sigma[rows],
        _covered(prediction[rows], outcome[rows], sigma[rows]),
    )


def _covered(prediction: np.ndarray, outcome: np.ndarray, sigma: np.ndarray) -> np.ndarray:
    """1 where the outcome lies in an interval of 90 % for normal errors, around the prediction."""
    return (np.abs(outcome - prediction) <= 1.645 * sigma).astype(float)


def _correlated(generator: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Standard normal; half of the variance is common to all symbols."""
    own = generator.normal(size=shape)
    return own if shape[1] == 1 else np.sqrt(0.5) * (own + generator.normal(size=(shape[0], 1, *shape[2:])))


def planted() -> Iterator[tuple[str, Callable[[Observations], Observations]]]:
    """By name, each fault as a change of the served sessions from :data:`AT` on."""
    yield "nothing", lambda live: live
    yield "mean of an input + 0.5 sd", lambda live: _input(live, lambda values: values + 0.5)
    yield "mean of an input + 1 sd", lambda live: _input(live, lambda values: values + 1.0)
    yield "an input stuck", lambda live: _input(live, lambda values: np.repeat(values[:1], len(values), axis=0))
    yield "an input x 100", lambda live: _input(live, lambda values: 100.0 * values)
    yield "volatility x 2", _volatile
    yield "sign of the signal", lambda live: replace(live, prediction=_later(live.prediction, lambda values: -values))
    yield "outcomes a session late", _late
    yield "intervals half as wide", _narrow


def _later(values: np.ndarray, change: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    return np.concatenate([values[:AT], change(values[AT:])])


def _late(live: Observations) -> Observations:
    outcome = _later(live.outcome, lambda values: np.roll(values, 1, 0))
    return replace(live, outcome=outcome, covered=_covered(live.prediction, outcome, live.sigma))


def _narrow(live: Observations) -> Observations:
    narrow = _covered(live.prediction, live.outcome, 0.5 * live.sigma)
    return replace(live, covered=np.concatenate([live.covered[:AT], narrow[AT:]]))


def _input(live: Observations, change: Callable[[np.ndarray], np.ndarray]) -> Observations:
    features = live.features.copy()
    features[:, :, 1] = _later(features[:, :, 1], change)
    return replace(live, features=features)


def _volatile(live: Observations) -> Observations:
    outcome = _later(live.outcome, lambda values: 2.0 * values)
    sigma = live.sigma.copy()
    forecast = live.sigma[AT] ** 2
    for step in range(AT, len(live)):
        sigma[step] = np.sqrt(forecast)
        forecast = 0.94 * forecast + 0.06 * outcome[step] ** 2
    return replace(live, outcome=outcome, sigma=sigma, covered=_covered(live.prediction, outcome, sigma))


def river_alarms(reference: Observations, live: Observations) -> dict[str, list[int]]:
    """By detector, the served sessions at which it alarms on the absolute error or on any input."""
    whole = reference.followed_by(live)
    series = [np.abs(whole.outcome - whole.prediction).mean(axis=1), *whole.features.mean(axis=1).T]
    alarms = {}
    for name, make in DETECTORS.items():
        sessions = set()
        for values in series:
            detector = make()
            for number, value in enumerate(values):
                detector.update(float(value))
                if detector.drift_detected and number >= len(reference):
                    sessions.add(number - len(reference))
        alarms[name] = sorted(sessions)
    return alarms


def detection(sessions: list[int]) -> int | None:
    """Sessions from the fault to the first alarm, if there is one within :data:`WITHIN`."""
    later = [session - AT for session in sessions if AT <= session < AT + WITHIN]
    return later[0] if later else None


def measure(streams: int, path: Path) -> None:
    """Measure, and write what came out after every stream."""
    quiet: dict[str, dict[str, list[int]]] = {kind: defaultdict(list) for kind in KINDS}
    power: dict[str, dict[str, list[int | None]]] = defaultdict(lambda: defaultdict(list))
    for number in range(streams):
        kind = KINDS[number % len(KINDS)]
        whole = market(kind, 10_000 + number)
        reference, live = whole.take(np.arange(REFERENCE)), whole.take(np.arange(REFERENCE, len(whole)))
        calibration = calibrate(reference, seed=number)
        quiet[kind]["monitor"].append(len(onsets(run_panel(reference, live, calibration).worst > 1.0)))
        others = number // len(KINDS) % 20 == 0  # they take most of the time
        for name, alarms in river_alarms(reference, live).items() if others else ():
            quiet[kind][name].append(len(alarms))
        for fault, change in planted():
            changed = change(live)
            alarming = np.flatnonzero(run_panel(reference, changed, calibration).worst > 1.0)
            power[fault]["monitor"].append(detection(alarming.tolist()))
            if others:
                for name, alarms in river_alarms(reference, changed).items():
                    power[fault][name].append(detection(alarms))
        path.write_text(json.dumps({"quiet": quiet, "power": power}))
    show(quiet, power)


SKILLS = (0.1, 0.2, 0.3, 0.5)
LIMIT = 1.17
"""Of the panel on one stream: the limit of a check's score, in units of the distance of median and 99.9 % quantile."""


def shift_power(streams: int = 1_000) -> None:
    """Print the share of streams in which the check of a shift alarms within :data:`WITHIN` sessions."""
    generator = np.random.default_rng(0)
    for skill in SKILLS:
        shifted, same = np.zeros(streams, dtype=bool), np.zeros(streams, dtype=bool)
        prediction, outcome = _pairs(generator, skill, (streams, AT + WITHIN))
        late = np.concatenate([outcome[:, :AT], np.roll(outcome[:, AT:], 1, axis=1)], axis=1)
        for window in WINDOWS:
            null = _shift(*_pairs(generator, skill, (300, 900)), window)
            median = np.median(null)
            threshold = median + LIMIT * (np.quantile(null, 0.999) - median)
            shifted |= (_shift(prediction, late, window)[:, -WITHIN:] > threshold).any(axis=1)
            same |= (_shift(prediction, outcome, window)[:, -WITHIN:] > threshold).any(axis=1)
        print(f"correlation {skill:.1f}  found {shifted.mean():.1%}  without a shift {same.mean():.1%}")


def _pairs(generator: np.random.Generator, skill: float, shape: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Standard normal predictions and outcomes with this correlation."""
    prediction = generator.normal(size=shape)
    return prediction, skill * prediction + (1 - skill**2) ** 0.5 * generator.normal(size=shape)


def _shift(prediction: np.ndarray, outcome: np.ndarray, window: int) -> np.ndarray:
    """The statistic of the check, at each session from the first full window on."""
    prediction, outcome = np.clip(prediction, -3, 3), np.clip(outcome, -3, 3)
    same = prediction[:, 1:] * outcome[:, 1:]
    means = []
    for moved in (prediction[:, :-1] * outcome[:, 1:], prediction[:, 1:] * outcome[:, :-1]):
        total = np.cumsum(moved - same, axis=1)
        means.append((total[:, window:] - total[:, :-window]) / window)
    return np.maximum(*means)


def show(quiet: dict, power: dict) -> None:
    """Print both tables."""
    print(f"quiet streams, {LIVE} sessions each; the monitor states one false alarm in {FALSE_ALARM_EVERY} sessions")
    for kind, counts in quiet.items():
        sessions = LIVE * len(counts["monitor"])
        expected = sessions / FALSE_ALARM_EVERY
        low, high = binom.interval(0.95, sessions, 1 / FALSE_ALARM_EVERY)
        others = ", ".join(f"{name} {sum(counts[name])}" for name in DETECTORS) + f" in {len(counts['ADWIN'])} streams"
        print(
            f"{kind:20} {len(counts['monitor']):4} streams  alarms {sum(counts['monitor']):4}  "
            f"expected {expected:6.1f} ({low:.0f} to {high:.0f})  {others}"
        )
    print(f"faults planted at session {AT}: share found within {WITHIN} sessions, median delay")
    for fault, found in power.items():
        cells = []
        for name, delays in found.items():
            hits = [delay for delay in delays if delay is not None]
            delay = f"{np.median(hits):.0f}" if hits else "-"
            cells.append(f"{name} {len(hits) / len(delays):4.0%} {delay:>3}")
        print(f"{fault:28} " + "  ".join(cells))


if __name__ == "__main__":
    if sys.argv[1:] == ["shift"]:
        shift_power()
    else:
        measure(int(sys.argv[1]) if len(sys.argv) > 1 else 500, Path("monitor_alarms.json"))
