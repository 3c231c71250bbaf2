"""Calls of a rule that is handed views: its inputs put together, its answers checked. Engine and bundles use them."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ._contract import RuleForm, cast_state, form_of, started
from ._sides import on_allowed_side
from ._view import CrossDecision, CrossView, Decision, View
from .base import Sided

SIGNAL = "signal"
"""The word for a decision of a strategy without reasons."""
INTEGERS = ("side", "held", "waiting")
"""Fields of a view that symbols without a new bar have, too."""


@dataclass(frozen=True)
class RuleCalls:
    """The rule of a strategy, whose numbers of its own are passed in and given back.

    Attributes
    ----------
    spec : the strategy.
    """

    spec: Any

    @property
    def form(self) -> RuleForm:
        """The form of the rule: its arguments."""
        return form_of(type(self.spec))

    def start(self) -> Any:
        """The start values of the rule's numbers for one symbol; None for a rule without any."""
        return started(self.spec.state) if self.form.has_state else None

    def start_cross(self, count: int) -> Any:
        """The same for a rule that looks at ``count`` symbols at once: arrays (N,)."""
        if not self.form.has_state:
            return None
        return self.spec.state(*(np.full(count, float(value)) for value in self.spec.state()))

    def ask(self, view: View, state: Any) -> tuple[Decision, Any]:
        """The decision on one symbol, and the numbers for its next bar.

        Raises
        ------
        TypeError, ValueError
            The rule gave something else than its contract says.
        """
        if not self.form.has_state:
            return self.checked(self.spec.rule(view, self.spec)), None
        decision, state = _pair(self.spec.rule(view, state, self.spec))
        return self.checked(decision), cast_state(self.spec.state, state)

    def ask_cross(self, view: CrossView, state: Any) -> tuple[list[Decision], Any]:
        """The decisions on N symbols, each still to be checked, and the numbers for the next bar; errors as above."""
        count = len(view.side)
        if not self.form.has_state:
            return _listed(self.spec.rule(view, self.spec), count), None
        decision, state = _pair(self.spec.rule(view, state, self.spec))
        return _listed(decision, count), self.spec.state(*(_vector(values, count) for values in state))

    def checked(self, decision: Any) -> Decision:
        """A rule's answer for one symbol, once it is found to be one; flat on a side that ``strategy.side`` bars."""
        if not isinstance(decision, Decision):
            raise TypeError(f"it gave {decision!r}, which is no Decision: return Decision(target)")
        target = float(decision.target)
        reason = int(decision.reason)
        if not -1.0 <= target <= 1.0:
            raise ValueError(f"it gave the target {target!r}, which is not from -1 to 1")
        if not 0 <= reason < max(len(self.spec.reasons), 1):
            raise ValueError(f"it gave the reason {reason}, but the strategy has {len(self.spec.reasons)} reasons")
        return Decision(float(_allowed(target, self.spec)), reason)

    def cross_view(self, views: Sequence[View | None], integers: Mapping[str, Sequence[int]]) -> CrossView:
        """The view of N symbols.

        Parameters
        ----------
        views : by symbol; None for one without a new bar, which is NaN.
        integers : by name of :data:`INTEGERS`, those of all symbols.
        """

        def column(values: Sequence[float | None]) -> Any:
            return np.array([math.nan if value is None else value for value in values], dtype=np.float64)

        fields: dict[str, Any] = {name: np.array(values, dtype=np.int64) for name, values in integers.items()}
        for name in CrossView._fields:
            if name not in (*INTEGERS, "features"):
                fields[name] = column([None if view is None else getattr(view, name) for view in views])
        reads = self.spec.reads
        indices = range(len(reads._fields) if reads else 0)
        columns = [column([None if view is None else view.features[index] for view in views]) for index in indices]
        return CrossView(**fields, features=reads(*columns) if reads else ())

    def words(self, decision: Decision) -> str:
        """The strategy's words for a decision."""
        reasons = self.spec.reasons
        return str(reasons[decision.reason]) if reasons else SIGNAL


def side_of(target: float) -> int:
    """The side of a target: 1, -1 or 0."""
    return int(target > 0.0) - int(target < 0.0)


def as_side(target: Any, p: Any) -> int:
    """A rule's answer as 1, -1 or 0, which is 0 on a side that ``strategy.side`` bars; anything else is refused.

    Parameters
    ----------
    p : the strategy.

    Examples
    --------
    >>> from strategies.threshold import Threshold
    >>> as_side(-1.0, Threshold()), as_side(-1.0, Threshold(side="long"))
    (-1, 0)
    """
    if target not in (1, -1, 0):
        raise ValueError(f"it gave {target!r}, which is no side: 1 (long), -1 (short) or 0 (flat)")
    return int(_allowed(target, p))


def _allowed(target: Any, p: Any) -> Any:
    return on_allowed_side(target, p) if isinstance(p, Sided) else target


def _listed(decision: Any, count: int) -> list[Decision]:
    if not isinstance(decision, CrossDecision):
        raise TypeError(f"it gave {decision!r}, which is no CrossDecision: return CrossDecision(targets)")
    reasons = np.zeros(count, dtype=np.int64) if decision.reason is None else decision.reason
    for values in (decision.target, reasons):
        if np.shape(values) != (count,):
            raise ValueError(f"it gave an answer of shape {np.shape(values)}, not one for each of {count} symbols")
    return [Decision(target, reason) for target, reason in zip(decision.target, reasons, strict=True)]


def _vector(values: Any, count: int) -> Any:
    vector = np.array(values, dtype=np.float64)
    if vector.shape != (count,):
        raise ValueError(f"it gave a state of shape {vector.shape}, not one number for each of {count}")
    return vector


def _pair(answer: Any) -> tuple[Any, Any]:
    if type(answer) is not tuple or len(answer) != 2:
        raise TypeError(f"it gave {answer!r}; a rule with a state returns a decision and the state")
    return answer
