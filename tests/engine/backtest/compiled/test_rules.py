"""A user's one-file strategy: it trades on both engines as it stands, or one line says why the compiled one cannot."""

import json
import sys

import pytest

import strategies
from core import plugins
from engine.cli.main import main

HEAD = '''\
"""A strategy of mine."""

import math
from typing import Any, ClassVar

import numpy as np

from .base import CrossRule, CrossSectional, Rule, Strategy

'''

PATIENT = '''
def sure(value: float, trust: float, p: Any) -> bool:
    """Whether an opinion is worth a position."""
    return value * trust / p.scale > p.least


def target_side(prediction: float, confidence: float, side: int, held: int, p: Any) -> int:
    """Long or short for some bars, by an opinion that is sure."""
    if math.isnan(prediction):
        return side
    if side != 0 and held < p.bars:
        return side
    if sure(abs(prediction), confidence, p):
        return 1 if prediction > 0.0 else -1
    return 0


class Patient(Strategy):
    """Hold what was begun for some bars."""

    rule: ClassVar[Rule] = staticmethod(target_side)

    least: float = 0.002
    """The least opinion."""
    scale: float = 1.0
    """What opinions are measured by."""
    bars: int = 7
    """How long to hold."""
'''

MIDDLE = '''
def deviation(value: float, middle: float) -> float:
    """How far a value is above the middle."""
    return value - middle


def target_sides(prediction: Any, confidence: Any, side: Any, p: Any) -> Any:
    """Long above the mean of all opinions, short below."""
    total, known = 0.0, 0
    for value in prediction:
        if not math.isnan(value):
            total += value
            known += 1
    target = np.zeros_like(side)
    for number in range(len(side)):
        if known < 2 or math.isnan(prediction[number]):
            target[number] = side[number]
        elif deviation(prediction[number], total / known) > p.width:
            target[number] = 1
        elif deviation(prediction[number], total / known) < -p.width:
            target[number] = -1
    return target


class Middle(CrossSectional):
    """Against the mean."""

    rule: ClassVar[CrossRule] = staticmethod(target_sides)

    width: float = 0.01
    """How far from the mean."""
'''

SCALAR = '''
{helper}

def target_side(prediction: float, confidence: float, side: int, held: int, p: Any) -> int:
    """By the sign of the prediction."""
    {body}


class Mine(Strategy):
    """By the sign of the prediction."""

    rule: ClassVar[Rule] = staticmethod(target_side)
'''

DATA = [
    "data.source={kind: stocks, symbols: [AAPL, GOOG, IBM]}",
    "data.benchmark={source: {kind: sample, symbols: [sp500]}}",
    "data.start=2004-03-01",
    "data.end=2005-06-30",
]
QUIET = ["--quiet", "report.tearsheet=false", "measures.intervals.reps=0", "model={kind: sma_cross, fast: 5, slow: 20}"]
SIZES = "risk={base: 0.2, cap: 0.2}"


@pytest.fixture
def write_strategy(tmp_path, monkeypatch):
    """Write a file beside the strategies that come with the project; its path."""
    folder = tmp_path / "mine"
    folder.mkdir()
    monkeypatch.setattr(strategies, "__path__", [*strategies.__path__, str(folder)])

    written = []

    def write(kind, code):
        path = folder / f"{kind}.py"
        path.write_text(HEAD + code, encoding="utf-8")
        written.append(kind)
        return path

    yield write
    plugins.load.cache_clear()
    for kind in written:
        sys.modules.pop(f"strategies.{kind}", None)
        vars(strategies).pop(kind, None)


def run(out, kind, *words):
    return main(["configs/sma_cross.yaml", "--out", str(out), *QUIET, *DATA, f"strategy={{kind: {kind}}}", *words])


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "code"), [("patient", PATIENT), ("middle", MIDDLE)])
def test_a_pure_rule_with_a_helper_and_parameters_runs_on_both(kind, code, write_strategy, tmp_path, capsys):
    write_strategy(kind, code)
    assert run(tmp_path / "runs", kind, "--engine", "both", SIZES) == 0
    assert capsys.readouterr() == ("", "")
    [folder] = (tmp_path / "runs").iterdir()
    metrics = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
    assert metrics["orders"]["asked"] > 20
    assert f"kind: {kind}" in (folder / "config.yaml").read_text(encoding="utf-8")


GUARDED = """\
try:
        return 1 if 1.0 / prediction > 0.0 else 0
    except ZeroDivisionError:
        return 0"""
SQUASHED = '''
def squashed(value: float) -> float:
    """Between -1 and 1."""
    return math.tanh(value)

'''
REFUSED = {
    # kind: what stands before the rule, its body, a part of the line that is named, what is said of it
    "power": ("", "return 1 if prediction**2 > 0.0001 else 0", "prediction**2", "it uses **, whose last digit"),
    "guarded": ("", GUARDED, "try:", "it uses try"),
    "exponent": ("", "return 1 if math.exp(prediction) > 1.0 else 0", "math.exp", "it uses math.exp, whose last digit"),
    "helped": (SQUASHED, "return 1 if squashed(prediction) > 0.0 else 0", "math.tanh", "it uses math.tanh"),
    "listed": ("SIDES = {True: 1, False: 0}\n", "return SIDES[prediction > 0.0]", "return SIDES", "'SIDES', a dict"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_a_rule_that_cannot_be_compiled_is_one_line_and_leaves_nothing(kind, write_strategy, tmp_path, capsys):
    helper, body, fragment, message = REFUSED[kind]
    path = write_strategy(kind, SCALAR.format(helper=helper, body=body))
    number = 1 + next(row for row, line in enumerate(path.read_text().splitlines()) if fragment in line)
    for words in (["--engine", "compiled"], ["--engine", "both"], ["engine=compiled", "--check"]):
        assert run(tmp_path / "runs", kind, *words) == 2
        out, error = capsys.readouterr()
        assert out == ""
        [line] = error.splitlines()
        assert line.startswith(f"error: {path}:{number}: the rule ")
        assert message in line
        assert line.endswith("; engine: backtrader runs it")
    assert not (tmp_path / "runs").exists() or list((tmp_path / "runs").iterdir()) == []


@pytest.mark.slow
def test_what_was_refused_runs_by_backtrader(write_strategy, tmp_path, capsys):
    write_strategy("guarded", SCALAR.format(helper="", body=GUARDED))
    assert run(tmp_path / "runs", "guarded", "--engine", "backtrader") == 0
    assert capsys.readouterr() == ("", "")
    assert len(list((tmp_path / "runs").iterdir())) == 1


@pytest.mark.slow
def test_a_rule_that_fails_in_the_middle_leaves_no_run_folder(write_strategy, tmp_path, capsys):
    write_strategy("patient", PATIENT)
    for engine in ("backtrader", "compiled"):
        words = ("--engine", engine, SIZES, "strategy={kind: patient, scale: 0.0}")
        assert run(tmp_path / "runs", "patient", *words) == 2
        out, error = capsys.readouterr()
        assert out == ""
        [line] = error.splitlines()
        assert line.startswith("error: strategy patient: its rule failed on AAPL at the bar of 2004-")
        assert "ZeroDivisionError: " in line
    assert list((tmp_path / "runs").iterdir()) == []


def test_a_parameter_that_is_no_number_is_named(write_strategy, tmp_path, capsys):
    code = SCALAR.format(helper="", body='return 1 if p.way == "up" else 0')
    write_strategy("worded", code + '\n    way: str = "up"\n    """Which way."""\n')
    assert run(tmp_path / "runs", "worded", "--engine", "compiled") == 2
    [line] = capsys.readouterr().err.splitlines()
    assert line == (
        "error: strategy worded: its rule reads p.way, a str and no number, so it cannot be compiled; "
        "engine: backtrader runs it"
    )
