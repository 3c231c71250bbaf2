"""The view of a rule, from backtrader's feeds and positions, and the numbers that a rule keeps from bar to bar."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from core.errors import ConfigError
from core.types import Matrix
from strategies._rule_calls import RuleCalls
from strategies._view import Decision, View, position_return

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
    is_filled_in_bar : True if the entry was filled in this bar, and not at its open.
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
    calls: RuleCalls = field(init=False)

    def __post_init__(self) -> None:
        self.calls = RuleCalls(self.spec)
        self._of_feed = {data: FeedMemory(self.calls.start()) for data in self.feeds}
        self._rows = {data: self._feature_rows(data) for data in self.feeds} if self.spec.reads else {}
        self._cross_state = self.calls.start_cross(len(self.feeds))

    def weight(self, data: Any) -> float:
        """The part of the rule's size at the last decision on a feed."""
        return self._of_feed[data].weight

    def set_weight(self, data: Any, weight: float) -> None:
        """Remember the part of the rule's size at a decision."""
        self._of_feed[data].weight = weight

    def filled_in_bar(self, data: Any) -> None:
        """Take note of an entry that was filled in this bar, and not at its open."""
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
        decision, state = self.calls.ask(view, memory.state)
        if keeps_state:
            memory.state = state
        return decision

    def ask_cross(self, views: Mapping[Any, View], integers: Mapping[str, Mapping[Any, int]]) -> list[Decision]:
        """The rule's decisions on all feeds, in their order, each still to be checked.

        Parameters
        ----------
        views : of the feeds with a new bar.
        integers : by ``side``, ``held`` and ``waiting``, those of all feeds.
        """
        numbers = {name: [by_feed[data] for data in self.feeds] for name, by_feed in integers.items()}
        view = self.calls.cross_view([views.get(data) for data in self.feeds], numbers)
        decisions, self._cross_state = self.calls.ask_cross(view, self._cross_state)
        return decisions

    def _feature_rows(self, data: Any) -> list[Any]:
        values = self.features.get(data._name)
        if values is None:
            names = ", ".join(self.spec.reads._fields)
            raise ConfigError(
                f"strategy {self.spec.kind} reads {names}, but there are no features for {data._name}; give the "
                "parameter `features`: by the feed's name, an array with a row a bar and a column for each of them"
            )
        return [self.spec.reads(*row) for row in np.asarray(values, dtype=np.float64).tolist()]


def flattened(view: View) -> View:
    """A view as it would be without a position."""
    nothing: dict[str, Any] = dict.fromkeys(("entry_price", "unrealised", "best", "worst"), math.nan)
    return view._replace(side=0, held=0, **nothing)
