"""The view of a rule, from backtrader's feeds and positions, and the numbers that a rule keeps from bar to bar."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from core.errors import ConfigError
from core.types import Matrix
from strategies._contract import RuleForm, cast_state, form_of, started
from strategies._view import CrossDecision, CrossView, Decision, View, position_return

NOTHING = (math.nan, math.nan)


@dataclass
class FeedMemory:
    """The numbers of one feed that are remembered from bar to bar.

    Attributes
    ----------
    state : the numbers of a rule that looks at one symbol; None for none.
    before : prediction and confidence of the bar before.
    highest, lowest : prices since the position's entry; NaN without one.
    weight : the part of the rule's size at the last decision.
    is_filled_in_bar : True if the entry was filled in this bar by a limit or a stop of its own.
    """

    state: Any = None
    before: tuple[float, float] = NOTHING
    highest: float = math.nan
    lowest: float = math.nan
    weight: float = 0.0
    is_filled_in_bar: bool = False


@dataclass
class RuleMemory:
    """Builds the views of a strategy's rule, and asks it.

    Parameters
    ----------
    spec : the strategy.
    feeds : in the order of a cross-sectional rule's arrays.
    features : by a feed's name (T, R): what the rule reads, one row a bar.
    """

    spec: Any
    feeds: Sequence[Any]
    features: Mapping[str, Matrix]
    form: RuleForm = field(init=False)

    def __post_init__(self) -> None:
        self.form = form_of(type(self.spec))
        self._of_feed = {data: FeedMemory(self._started()) for data in self.feeds}
        self._rows = {data: self._feature_rows(data) for data in self.feeds} if self.spec.reads else {}
        self._cross_state = self._started_cross()

    def weight(self, data: Any) -> float:
        """The part of the rule's size at the last decision on a feed."""
        return self._of_feed[data].weight

    def set_weight(self, data: Any, weight: float) -> None:
        """Remember the part of the rule's size at a decision."""
        self._of_feed[data].weight = weight

    def filled_in_bar(self, data: Any) -> None:
        """Take note of an entry that was filled in this bar by a limit or a stop of its own."""
        self._of_feed[data].is_filled_in_bar = True

    def look(self, data: Any, position: Any, opinion: tuple[float, float], side: int, held: int, waiting: int) -> View:
        """The view of a feed at a new bar; to be called once at each, since it remembers the bar.

        Parameters
        ----------
        position : backtrader's.
        opinion : prediction and confidence.
        waiting : the side of an entry that waits for its price.
        """
        memory = self._of_feed[data]
        before, memory.before = memory.before, opinion
        high = data.high[0]
        low = data.low[0]
        close = data.close[0]
        if side == 0:
            memory.highest = memory.lowest = math.nan
        elif held == 1:
            memory.highest, memory.lowest = (close, close) if memory.is_filled_in_bar else (high, low)
        else:
            memory.highest = max(memory.highest, high)
            memory.lowest = min(memory.lowest, low)
        memory.is_filled_in_bar = False
        entry = position.price if side else math.nan
        best, worst = (memory.highest, memory.lowest) if side > 0 else (memory.lowest, memory.highest)
        return View(
            *opinion,
            *before,
            open=data.open[0],
            high=high,
            low=low,
            close=close,
            volume=data.volume[0],
            side=side,
            held=held,
            waiting=waiting,
            entry_price=entry,
            unrealised=position_return(side, entry, close),
            best=position_return(side, entry, best),
            worst=position_return(side, entry, worst),
            features=self._rows[data][len(data) - 1] if self._rows else (),
        )

    def ask(self, data: Any, view: View, *, keeps_state: bool = True) -> Decision:
        """The rule's decision on one feed.

        Parameters
        ----------
        keeps_state : False for a question that changes nothing.
        """
        memory = self._of_feed[data]
        if not self.form.has_state:
            return self._checked(self.spec.rule(view, self.spec))
        answer = self.spec.rule(view, memory.state, self.spec)
        decision, state = _pair(answer)
        state = cast_state(self.spec.state, state)
        if keeps_state:
            memory.state = state
        return self._checked(decision)

    def ask_cross(self, views: Mapping[Any, View], integers: Mapping[str, Mapping[Any, int]]) -> list[Decision]:
        """The rule's decisions on all feeds, in their order.

        Parameters
        ----------
        views : of the feeds with a new bar.
        integers : by ``side``, ``held`` and ``waiting``, those of all feeds.
        """
        view = self._cross_view(views, integers)
        if not self.form.has_state:
            return self._checked_cross(self.spec.rule(view, self.spec))
        answer = self.spec.rule(view, self._cross_state, self.spec)
        decision, state = _pair(answer)
        self._cross_state = self.spec.state(*(self._vector(values) for values in state))
        return self._checked_cross(decision)

    def _vector(self, values: Any) -> Any:
        vector = np.array(values, dtype=np.float64)
        if vector.shape != (len(self.feeds),):
            raise ValueError(f"it gave a state of shape {vector.shape}, not one number for each of {len(self.feeds)}")
        return vector

    def _cross_view(self, views: Mapping[Any, View], integers: Mapping[str, Mapping[Any, int]]) -> CrossView:
        def column(values: Mapping[Any, float]) -> Any:
            return np.array([values.get(data, math.nan) for data in self.feeds], dtype=np.float64)

        numbers: dict[str, Any] = {
            name: np.array([by_feed[data] for data in self.feeds], dtype=np.int64) for name, by_feed in integers.items()
        }
        for name in CrossView._fields:
            if name not in (*integers, "features"):
                numbers[name] = column({data: getattr(view, name) for data, view in views.items()})
        reads = self.spec.reads
        indices = range(len(reads._fields) if reads else 0)
        columns = [column({data: view.features[index] for data, view in views.items()}) for index in indices]
        return CrossView(**numbers, features=reads(*columns) if reads else ())

    def _checked(self, decision: Any) -> Decision:
        if not isinstance(decision, Decision):
            raise TypeError(f"it gave {decision!r}, which is no Decision: return Decision(target)")
        target = float(decision.target)
        reason = int(decision.reason)
        if not -1.0 <= target <= 1.0:
            raise ValueError(f"it gave the target {target!r}, which is not from -1 to 1")
        if not 0 <= reason < max(len(self.spec.reasons), 1):
            raise ValueError(f"it gave the reason {reason}, but the strategy has {len(self.spec.reasons)} reasons")
        return Decision(target, reason)

    def _checked_cross(self, decision: Any) -> list[Decision]:
        if not isinstance(decision, CrossDecision):
            raise TypeError(f"it gave {decision!r}, which is no CrossDecision: return CrossDecision(targets)")
        count = len(self.feeds)
        reasons = np.zeros(count, dtype=np.int64) if decision.reason is None else decision.reason
        for values in (decision.target, reasons):
            if np.shape(values) != (count,):
                raise ValueError(f"it gave an answer of shape {np.shape(values)}, not one for each of {count} symbols")
        return [Decision(target, reason) for target, reason in zip(decision.target, reasons, strict=True)]

    def checked(self, decision: Decision) -> Decision:
        """A decision on one feed out of many, once it is found to be one."""
        return self._checked(decision)

    def words(self, decision: Decision) -> str:
        """The strategy's words for a decision."""
        reasons = self.spec.reasons
        return str(reasons[decision.reason]) if reasons else "signal"

    def _started(self) -> Any:
        return started(self.spec.state) if self.form.has_state else None

    def _started_cross(self) -> Any:
        if not self.form.has_state:
            return None
        return self.spec.state(*(np.full(len(self.feeds), float(value)) for value in self.spec.state()))

    def _feature_rows(self, data: Any) -> list[Any]:
        values = self.features.get(data._name)
        if values is None:
            names = ", ".join(self.spec.reads._fields)
            raise ConfigError(
                f"strategy {self.spec.kind} reads {names}, but there are no features for {data._name}; give the "
                "parameter `features`: by the feed's name, an array with a row a bar and a column for each of them"
            )
        return [self.spec.reads(*row) for row in np.asarray(values, dtype=np.float64).tolist()]


def _pair(answer: Any) -> tuple[Any, Any]:
    if type(answer) is not tuple or len(answer) != 2:
        raise TypeError(f"it gave {answer!r}; a rule with a state returns a decision and the state")
    return answer


def flattened(view: View) -> View:
    """A view as it would be without a position."""
    nothing: dict[str, Any] = dict.fromkeys(("entry_price", "unrealised", "best", "worst"), math.nan)
    return view._replace(side=0, held=0, **nothing)
