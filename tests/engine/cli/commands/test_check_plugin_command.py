"""check-plugin: files of plug-ins that keep the contract, that break it, and that are none."""

import subprocess
import sys
from pathlib import Path

import pytest

from core.errors import PluginError
from core.plugins import load
from engine.cli.plugins import locate_plugin
from engine.cli.plugins.locate_plugin import located

ROOT = Path(__file__).resolve().parents[4]
MEASURE = '''"""The worst session."""

from typing import ClassVar

import numpy.typing as npt

from risk.returns import checked_returns

from .base import Estimate, Measure, Sample, Unit, defined, too_few


def lowest(returns: npt.ArrayLike) -> Estimate:
    """The lowest return."""
    values = checked_returns(returns)
    return defined(float(values.min())){LAST}


class Lowest(Measure):
    """The lowest return, as a fraction"""

    unit: ClassVar[Unit] = "fraction"
    period: ClassVar[str] = "per session"
    factor: float = 1.0

    @property
    def formula(self) -> str:
        """The lowest."""
        return "the lowest return"

    def estimate(self, sample: Sample) -> Estimate:
        """The lowest."""
        return lowest(sample.returns)
'''
PEEK = '''"""The next return."""

import numpy as np

from core.types import Bars, Matrix

from .base import BarFeature


class Peek(BarFeature):
    """The return to the next close.

    Examples
    --------
    >>> Peek().names
    ('peek',)
    """

    @property
    def warmup(self) -> int:
        """None."""
        return 0

    @property
    def names(self) -> tuple[str, ...]:
        """``peek``."""
        return ("peek",)

    def compute(self, bars: Bars) -> Matrix:
        """(T, 1) fractions."""
        return (np.append(bars.close[1:], bars.close[-1:]) / bars.close - 1)[:, None]
'''


def check(path):
    command = [sys.executable, "run_backtest.py", "check-plugin", str(path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout.splitlines(), done.stderr


def lines_of(lines):
    """The lines of the contract and those of house style."""
    style = next(number for number, line in enumerate(lines) if line.startswith("house style"))
    return lines[2:style], lines[style + 1 : -1]


@pytest.mark.slow
def test_a_measure_that_keeps_the_contract_and_breaks_house_style(tmp_path):
    file = tmp_path / "lowest.py"
    file.write_text(MEASURE.replace("{LAST}", " if len(values) else too_few(values, 1)"), encoding="utf-8")
    code, lines, errors = check(file)
    contract, style = lines_of(lines)
    assert (code, errors) == (0, "")
    assert lines[0] == f"{file}: lowest, family measures"
    assert lines[-1] == "the contract holds"
    assert len(contract) > 8
    assert all(line.startswith("  ok ") for line in contract)
    failed = [line for line in style if line.startswith("  FAILED")]
    assert any("field factor has no docstring below it" in line for line in failed)
    assert any("is no sentence: 'The lowest return, as a fraction'" in line for line in failed)
    assert any("the docstring of lowest has no example" in line for line in failed)


@pytest.mark.slow
def test_a_measure_that_fails_without_returns(tmp_path):
    file = tmp_path / "lowest.py"
    file.write_text(MEASURE.replace("{LAST}", "").replace(", too_few", ""), encoding="utf-8")
    code, lines, _ = check(file)
    failed = [line for line in lines_of(lines)[0] if line.startswith("  FAILED")]
    assert code == 2
    assert "  FAILED  it gives a finite value or a reason: ValueError: zero-size array" in failed[0]
    assert lines[-1].endswith("of the contract broken")


@pytest.mark.slow
def test_a_feature_that_looks_ahead_is_named_with_the_row(tmp_path):
    file = tmp_path / "peek.py"
    file.write_text(PEEK, encoding="utf-8")
    code, lines, _ = check(file)
    contract, style = lines_of(lines)
    assert code == 2
    assert any("feature peek looks ahead: row 0 of 1 changes when everything" in line for line in contract)
    assert all(line.startswith("  ok ") for line in style)


@pytest.mark.slow
def test_a_plug_in_of_the_project_holds():
    code, lines, _ = check("strategies/threshold.py")
    assert (code, lines[-1]) == (0, "the contract holds")


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("gone.py", None, "there is no such Python file"),
        ("broken.py", "from .base import BarFeature\nclass X(:\n", r"broken.py:2: .*; mend that line"),
        ("foreign.py", "import os\n", "its imports are those of no family; put it into its family's folder"),
        ("sma.py", PEEK, "signals/features has a plug-in 'sma' already, which is no file of your own; rename the file"),
        ("_own.py", PEEK, "is a module of its family, no plug-in"),
        (
            "two.py",
            f"{PEEK}\nclass Other(Peek):\n    '''Another.'''\n",
            "must hold exactly one plug-in; it holds Peek, Other",
        ),
        ("Peek.py", PEEK, "lower-case letters"),
        ("raises.py", f"{PEEK}\nraise KeyError('x')\n", "raises.py:.*KeyError"),
    ],
)
def test_what_is_no_plug_in_is_one_line(tmp_path, name, text, message):
    file = tmp_path / name
    if text is not None:
        file.write_text(text, encoding="utf-8")
    with pytest.raises(PluginError, match=message) as caught, located(file):
        pass
    assert "\n" not in caught.value.line


def test_a_file_from_elsewhere_leaves_nothing_behind(tmp_path):
    import signals.features

    file = tmp_path / "peek.py"
    file.write_text(PEEK, encoding="utf-8")
    before = list(signals.features.__path__)
    with located(file) as plugin:
        assert (plugin.kind, plugin.family, plugin.package) == ("peek", "features", "signals.features")
        assert len(signals.features.__path__) == len(before) + 1
    assert list(signals.features.__path__) == before


def test_a_copy_of_a_file_of_ones_own_is_checked_in_its_place(tmp_path, monkeypatch):
    import signals.features

    folder = Path(signals.features.__path__[0])
    own = folder / "peek.py"
    monkeypatch.setattr(locate_plugin, "not_committed", lambda _: [own])
    monkeypatch.setattr(locate_plugin, "kinds", lambda _: ("peek",))
    file = tmp_path / "peek.py"
    file.write_text(PEEK, encoding="utf-8")
    for names in (("peek",), ("peek", "other")):
        file.write_text(PEEK.replace('return ("peek",)', f"return {names}"), encoding="utf-8")
        with located(file):
            assert load("signals.features", "peek")().names == names
    assert "signals.features.peek" not in sys.modules


RULE = '''"""A rule for tests."""

from typing import Any, ClassVar, NamedTuple

from strategies.base import Decision, Sided, View


class State(NamedTuple):
    """Numbers."""

    bars: int = 0


def decide(view: View, state: State, p: Any) -> Any:
    """Long where a rise is predicted, short where a fall is."""
    {BODY}


class Broken(Sided):
    """A rule for tests."""

    rule: ClassVar[Any] = staticmethod(decide)
    state: ClassVar[Any] = State
    far: float = 1.5
    """A number."""
'''
GOOD = "return Decision(1 if view.prediction > 0 else -1), State(state.bars + 1)"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("body", "messages"),
    [
        (
            "return Decision(0)",
            (
                "a rule with a state returns a decision and the state; asked with prediction=-0.5, ",
                "as in 'it answers with",
            ),
        ),
        # It does not look at the side: what is judged is what is traded.
        (GOOD, ()),
        (
            GOOD.replace("1 if", "2.0 if"),
            (
                "it gave the target 2.0, which is not from -1 to 1; asked with prediction=",
                "parameters: side=both, far=1.5",
            ),
        ),
        (
            "if p.side == 'long':\n        return Decision(0), state\n    " + GOOD,
            ("the rule reads p.side, which is no number", "p.allow_long and p.allow_short, 1.0 or 0.0"),
        ),
    ],
)
def test_a_broken_rule_is_shown_with_what_it_was_asked(tmp_path, body, messages):
    file = tmp_path / "broken.py"
    file.write_text(RULE.replace("{BODY}", body), encoding="utf-8")
    code, lines, _ = check(file)
    failed = [line for line in lines_of(lines)[0] if line.startswith("  FAILED")]
    assert code == (2 if messages else 0)
    assert bool(failed) == bool(messages)
    text = "\n".join(failed)
    for message in messages:
        assert message in text
    assert ": assert " not in text
