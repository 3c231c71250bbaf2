"""Random rules from a small grammar, as files: conditions on views and state, targets, reasons, new states."""

import numpy as np

HEAD = '''\
"""A rule that was drawn at random."""

import math
from typing import Any, ClassVar, NamedTuple

from strategies.base import Decision, Strategy, View


class Reads(NamedTuple):
    """Features."""

    slow: float
    fast: float


class State(NamedTuple):
    """Numbers of its own."""

    count: int = 0
    level: float = 0.25
    flag: bool = False


def rule(view: View, state: State, p: Any) -> tuple[Decision, State]:
    """Drawn at random."""
'''

TAIL = '''

class Drawn(Strategy):
    """Drawn at random."""

    rule: ClassVar[Any] = staticmethod(rule)
    reads: ClassVar[Any] = Reads
    state: ClassVar[Any] = State
    reasons: ClassVar[tuple[str, ...]] = ("first", "second", "third")

    wide: float = 0.01
    """A width."""
    bars: int = 3
    """A number of bars."""
'''

RETURNS = (
    "view.prediction",
    "view.previous_prediction",
    "view.features.slow",
    "view.features.fast",
    "view.unrealised",
    "view.best",
    "view.worst",
    "state.level",
    "p.wide",
    "0.0",
    "(view.close / view.open - 1.0)",
    "(view.high / view.low - 1.0)",
    "(view.close - view.entry_price) / view.close",
    "view.confidence * 0.01",
)
COUNTS = ("view.held", "state.count", "p.bars", "2", "view.side", "view.waiting", "int(state.flag)")
TARGETS = ("1", "-1", "0", "0.5", "-0.25", "view.side", "view.side * 0.5", "view.confidence", "view.waiting")


class Grammar:
    """Draws the parts of a rule; ``depth`` bounds how deep expressions are nested."""

    def __init__(self, seed):
        self._rng = np.random.default_rng(seed)

    def pick(self, choices):
        return choices[int(self._rng.integers(len(choices)))]

    def number(self, depth):
        if depth == 0 or self._rng.random() < 0.4:
            return self.pick(RETURNS)
        form = self.pick(("({} + {})", "({} - {})", "({} * {})", "min({}, {})", "max({}, {})"))
        return form.format(self.number(depth - 1), self.number(depth - 1))

    def condition(self, depth):
        kind = self._rng.random()
        if depth and kind < 0.3:
            return f"({self.condition(depth - 1)} {self.pick(('and', 'or'))} {self.condition(depth - 1)})"
        if kind < 0.5:
            return f"{self.pick(COUNTS)} {self.pick(('<', '>=', '==', '!='))} {self.pick(COUNTS)}"
        if kind < 0.6:
            return f"not math.isnan({self.pick(RETURNS)})"
        return f"{self.number(2)} {self.pick(('<', '>'))} {self.number(1)}"

    def new_state(self):
        return self.pick(
            (
                "state._replace(count=state.count + 1)",
                f"State(count=state.count, level={self.number(1)}, flag={self.condition(0)})",
                "State(0)",
                f"state._replace(flag={self.condition(1)}, level=0)",
                "state",
                "State(view.held, abs(view.prediction))",
            )
        )

    def branch(self):
        answer = f"Decision({self.pick(TARGETS)}, {int(self._rng.integers(3))}), {self.new_state()}"
        return f"    if {self.condition(2)}:\n        return {answer}\n"

    def branches(self):
        return "".join(self.branch() for _ in range(int(self._rng.integers(2, 5))))


def random_rule(seed):
    """The source of a strategy's file."""
    grammar = Grammar(seed)
    last = f"    return Decision(view.side if view.side != 0 else {grammar.pick(('1', '-0.5'))}), state\n"
    return f"{HEAD}{grammar.branches()}{last}{TAIL}"
