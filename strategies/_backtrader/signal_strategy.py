"""Any strategy rule as a backtrader strategy: a shell around the rule and the sizer."""

import math
from typing import Any, NamedTuple, cast

import numpy as np

from core.errors import ConfigError, PluginError
from strategies._contract import form_of
from strategies._entry_filter import NO_FILTER
from strategies._entry_order import EntryOrder
from strategies._reentry import bars_to_wait, gated, side_left
from strategies._rule_calls import as_side, side_of
from strategies._view import Decision, View
from strategies.base import CrossSectional, Strategy
from strategies.threshold import Threshold

from .orders import OrderStrategy, PositionGoal
from .rule_views import RuleMemory, flattened

RESIZE = "resize"
"""The word for an order that moves a position back to the rule's size."""


class FeedView(NamedTuple):
    """The input of a rule for one feed with a new bar.

    Attributes
    ----------
    data : the feed.
    prediction, confidence, side, held : as in :class:`strategies.base.Rule`.
    seen : what a rule of a view is handed; None for another.
    """

    data: Any
    prediction: float
    confidence: float
    side: int
    held: int
    seen: View | None = None


class Move(NamedTuple):
    """A rule's decision: the target side (1, -1, 0) of the feed of a view.

    Attributes
    ----------
    weight : the part of the risk rule's size, from 0 to 1.
    decision : the strategy's word for it; empty for a side without a reason.
    scales : True if a position that is kept is to be moved to another part of the rule's size.
    """

    view: FeedView
    target: int
    weight: float = 1.0
    decision: str = ""
    scales: bool = False

    @property
    def stays(self) -> bool:
        """True if a position is kept on its side."""
        return self.target == self.view.side != 0

    @property
    def goal(self) -> PositionGoal:
        """The position that it asks for."""
        resizes = self.stays and not self.scales
        decision = RESIZE if resizes else self.decision or "signal"
        return PositionGoal(self.target, self.view.confidence, self.weight, decision)


class SignalStrategy(OrderStrategy):
    """Follows the feeds' ``prediction`` and ``confidence`` lines by a strategy's rule.

    At the close of each *new* bar of a feed the rule names the target side; orders fill at that feed's next open, or
    as ``entry_order`` says of entries. A cross-sectional rule gets all feeds at once, those without a new bar as NaN.
    A reversal is two orders, first the close of exactly what is held, then the opening; with several feeds, all
    closes, and then all reductions by ``risk.resize``, are sent before the first opening, so that they free the cash
    and the limits of the account. A NaN prediction keeps the position and sends nothing. The size of an opening order
    comes from the sizer's ``opening`` with the bar's confidence (:class:`~risk.bt_adapter.RiskRuleSizer` has it); any
    other sizer is called the usual way. A size of 0 sends no order and is recorded in :attr:`refusals`.

    With ``risk.stop`` or ``risk.take_profit`` an entry is a bracket: a stop and a limit order become active one bar
    after the entry's fill, and the fill of one cancels the other. An exit cancels them first. With ``risk.resize`` a
    position that the rule keeps is moved back to the rule's size. ``risk.limits`` hold back new risk; the stops of the
    account sell everything and refuse entries for a while.

    To send another kind of order, override :meth:`open_order` or :meth:`close_order`; to take signals from elsewhere,
    :meth:`opinion`; to decide otherwise, :meth:`target`, or :meth:`targets` for all feeds at once; to place stops
    elsewhere, :meth:`bracket`. A subclass's own ``__init__`` calls this one.

    Parameters
    ----------
    spec : a strategy spec such as ``Threshold(entry=0.001)``; its ``rule`` is called with it as parameters.
    features : by a feed's name (T, R): the features that the rule ``reads``, one row a bar.
    entries : by a feed's name (T,): True at the bars at which an entry may be decided; empty for all bars.
    closes : by a feed's name (T,): the UTC close times of its bars, for messages; empty to name a bar by the feed's own
        time.
    risk, distances, session : see :class:`OrderStrategy`, which has the attributes, too.

    Raises
    ------
    PluginError
        The rule failed, or gave something else than its contract says; the message names strategy, symbol and bar.
    """

    params: tuple[tuple[str, Any], ...] = (
        ("spec", Threshold()),
        ("features", {}),
        ("entries", {}),
        ("closes", {}),
    )

    def __init__(self) -> None:
        super().__init__()
        self._bars_seen = dict.fromkeys(self.datas, 0)
        self._held = dict.fromkeys(self.datas, 0)
        self._side_left = dict.fromkeys(self.datas, 0)
        self._bars_to_wait = dict.fromkeys(self.datas, 0)
        spec = self.p.spec
        takes_view = isinstance(spec, Strategy) and form_of(type(spec)).takes_view
        self._entries = self._filters()
        self._memory = RuleMemory(spec, list(self.datas), self.p.features) if takes_view else None

    def entry_order(self) -> EntryOrder | None:
        """The order that opens positions: the parameter's, or else that of the strategy."""
        return super().entry_order() or getattr(self.p.spec, "entry_order", None)

    def _filters(self) -> dict[Any, list[bool]]:
        """By feed, the bars at which an entry may be decided; empty for all."""
        if not self.p.entries and getattr(self.p.spec, "entry_filter", NO_FILTER) != NO_FILTER:
            raise ConfigError(
                f"strategy {self.p.spec.kind} filters its entries (only_if, warmup, sessions or hours); give the "
                "parameter `entries`: by the feed's name, True at the bars at which an entry may be decided"
            )
        return {data: np.asarray(self.p.entries[data._name]).tolist() for data in self.datas if self.p.entries}

    def prenext(self) -> None:
        """Trade what has begun: a feed that starts later delays no other."""
        self.next()

    def next(self) -> None:
        """Decide on every feed with a new bar, then send the orders, all exits first."""
        moves = self.decide([self.view(data) for data in self.fresh()])
        moves = [move for move in moves if not self._is_on_its_way(move)]
        leaving = {move.view.data: self.exit_word(move) for move in moves if not move.stays}
        leaving.update(self.look_at_account())
        for data, reason in leaving.items():
            self.leave(data, reason)
        if any(move.target for move in moves):  # else nothing is opened or added to
            self.plan(leaving)
        additions = self._reduce([move for move in moves if move.stays and move.view.data not in leaving])
        for move in moves:
            data = move.view.data
            if not move.stays and move.target:
                self.enter(data, move.goal)
            elif data in additions:
                self.add(data, move.goal, additions[data])

    def _is_on_its_way(self, move: Move) -> bool:
        """True if the order of a move waits for its price already."""
        return move.view.side == 0 and move.target != 0 and move.target == self.entry_orders.side(move.view.data)

    def _reduce(self, staying: list[Move]) -> dict[Any, float]:
        """Send the reductions of a close, which make room for what is opened; by feed, the units to be added."""
        resized = [move for move in staying if self.p.risk.resize or move.scales]
        differences = [(move, self.resizing(move.view.data, move.goal)) for move in resized]
        for move, difference in differences:
            if difference < 0.0:
                self.reduce(move.view.data, move.goal, -difference)
        return {move.view.data: difference for move, difference in differences if difference > 0.0}

    def fresh(self) -> list[Any]:
        """The feeds that have a new bar, in the order of the feeds; those that have not begun have none."""
        new = [data for data, seen in self._bars_seen.items() if len(data) > seen]
        self._bars_seen.update((data, len(data)) for data in new)
        return new

    def view(self, data: Any) -> FeedView:
        """The rule's input for a feed; to be called once at each of its new bars, since it counts the bars held."""
        is_filled_in_bar = self.entry_orders.age(data)
        side = self.side(data)
        before = self._held[data]
        # Signed, so that a position that was reversed since the last bar begins anew.
        self._held[data] = before + side if before * side > 0 else side
        if self.bars_reentry:
            self._side_left[data] = side_left(self._side_left[data], side)
            self._bars_to_wait[data] = bars_to_wait(self._bars_to_wait[data], side, self.p.spec)
        opinion = self.opinion(data)
        held = abs(self._held[data])
        position = self.getposition(data)
        if not self._memory:
            return FeedView(data, *opinion, side, held)
        if is_filled_in_bar:
            self._memory.filled_in_bar(data)
        seen = self._memory.look(data, position, opinion, side, held, self.entry_orders.side(data))
        return FeedView(data, *opinion, side, held, seen)

    def opinion(self, data: Any) -> tuple[float, float]:
        """The prediction and the confidence at this bar; a NaN prediction is no opinion."""
        return data.prediction[0], data.confidence[0]

    def side(self, data: Any) -> int:
        """The side that a feed is on now: 1 long, -1 short, 0 flat."""
        size = self.getposition(data).size
        return int(size > 0) - int(size < 0)

    def decide(self, views: list[FeedView]) -> list[Move]:
        """The moves after the new bars; feeds without an opinion have none."""
        with_opinion = [view for view in views if not math.isnan(view.prediction)]
        # Staying flat is a move that acts, too: it withdraws an entry that is still pending. Staying in leaves orders
        # alone, for they may protect the position.
        if self._memory:
            moves = self._moves_of_views(self._memory, views, with_opinion)
        else:
            moves = [Move(view, target) for view, target in zip(with_opinion, self.targets(with_opinion), strict=True)]
        if self.bars_reentry:
            moves = [self._gated(move) for move in moves]
        return [self._filtered(move) for move in moves] if self._entries else moves

    def _filtered(self, move: Move) -> Move:
        """The move, or to be flat in place of an entry that the strategy's filters bar."""
        data, _, _, side, *_ = move.view
        if move.target in (0, side) or self._entries[data][len(data) - 1]:
            return move
        return move._replace(target=0)

    def _moves_of_views(self, memory: RuleMemory, views: list[FeedView], with_opinion: list[FeedView]) -> list[Move]:
        """The moves by a rule that is handed views."""
        cross = isinstance(self.p.spec, CrossSectional)
        evaluated = with_opinion
        moves = []
        try:
            decisions = self._cross_decisions(memory, views) if cross and with_opinion else {}
            for view in with_opinion:
                evaluated = [view]
                decision = (
                    memory.calls.checked(decisions[view.data])
                    if cross
                    else memory.ask(view.data, cast("View", view.seen))
                )
                moves.append(self._move(memory, view, decision))
        except Exception as error:
            raise self._failed(evaluated, error) from error
        return moves

    def _cross_decisions(self, memory: RuleMemory, views: list[FeedView]) -> dict[Any, Decision]:
        seen = {view.data: cast("View", view.seen) for view in views}
        sides = {data: self.side(data) for data in self.datas}
        integers = {
            "side": sides,
            "held": {data: abs(self._held[data]) if sides[data] else 0 for data in self.datas},
            "waiting": {data: self.entry_orders.side(data) for data in self.datas},
        }
        return dict(zip(self.datas, memory.ask_cross(seen, integers), strict=True))

    @staticmethod
    def _move(memory: RuleMemory, view: FeedView, decision: Decision) -> Move:
        """A decision as a move; its weight is remembered."""
        side = side_of(decision.target)
        weight = abs(decision.target)
        scales = side == view.side != 0 and weight != memory.weight(view.data)
        memory.set_weight(view.data, weight)
        return Move(view, side, weight, memory.calls.words(decision), scales)

    @property
    def bars_reentry(self) -> bool:
        """True if ``reenter`` of the strategy may bar an entry."""
        spec = self.p.spec
        return bool(getattr(spec, "reenter_new", 0) or getattr(spec, "reenter_after", 0))

    def _gated(self, move: Move) -> Move:
        """The move, or to be flat in place of an entry that the strategy's ``reenter`` bars."""
        view = move.view
        if self.p.spec.reenter_new and self._signal(move) != self._side_left[view.data]:
            self._side_left[view.data] = 0
        last = self._side_left[view.data]
        wait = self._bars_to_wait[view.data]
        return move._replace(target=gated(move.target, view.side, last, wait, self.p.spec))

    def _signal(self, move: Move) -> int:
        """The side that the rule wants without a position; of a cross-sectional rule, the side that it gave."""
        view = move.view
        if isinstance(self.p.spec, CrossSectional):
            return move.target
        try:
            if self._memory:
                flat = flattened(cast("View", view.seen))
                target = self._memory.ask(view.data, flat, keeps_state=False).target
                return int(target > 0.0) - int(target < 0.0)
            return as_side(self.target(view.prediction, view.confidence, 0, 0), self.p.spec)
        except Exception as error:
            raise self._failed([view], error) from error

    def targets(self, views: list[FeedView]) -> list[int]:
        """The sides to be on, one for each view; views hold no NaN."""
        evaluated = views
        try:
            if isinstance(self.p.spec, CrossSectional) and views:
                return self._cross_section(views)
            sides = []
            for view in views:
                evaluated = [view]
                side = self.target(view.prediction, view.confidence, view.side, view.held)
                sides.append(as_side(side, self.p.spec))
        except Exception as error:
            raise self._failed(evaluated, error) from error
        return sides

    def target(self, prediction: float, confidence: float, side: int, held: int) -> int:
        """The side for one feed to be on, by a rule that is not cross-sectional: 1, -1 or 0."""
        target: int = self.p.spec.rule(prediction, confidence, side, held, self.p.spec)
        return target

    def _cross_section(self, views: list[FeedView]) -> list[int]:
        column_of = {data: index for index, data in enumerate(self.datas)}
        prediction, confidence = (np.full(len(column_of), np.nan) for _ in range(2))
        side = np.array([self.side(data) for data in self.datas], dtype=np.int64)
        for view in views:
            prediction[column_of[view.data]] = view.prediction
            confidence[column_of[view.data]] = view.confidence
        sides = self.p.spec.rule(prediction, confidence, side, self.p.spec)
        if np.shape(sides) != side.shape:
            raise ValueError(f"it gave an answer of shape {np.shape(sides)}, not one side for each of {side.shape}")
        return [as_side(sides[column_of[view.data]], self.p.spec) for view in views]

    def _failed(self, views: list[FeedView], error: Exception) -> PluginError:
        """The error for an exception of a rule, in one line with strategy, symbols and bar."""
        kind = getattr(self.p.spec, "kind", type(self.p.spec).__name__)
        bar = self._bar_in_words(views[0].data)
        symbols = ", ".join(str(view.data._name) for view in views)
        return PluginError(
            f"strategy {kind}: its rule failed on {symbols} at the bar of {bar}: "
            f"{type(error).__name__}: {error}; mend the rule"
        )

    def _bar_in_words(self, data: Any) -> str:
        """The time of a feed's bar: its close as in the tables, if it is known."""
        closes = self.p.closes.get(data._name)
        return f"{data.datetime.datetime(0):%F %T}" if closes is None else f"{closes[len(data) - 1]:%F %T} UTC"

    def exit_word(self, move: Move) -> str:
        """The word for an exit by a move."""
        return move.decision or self.exit_reason(move.view)

    def exit_reason(self, view: FeedView) -> str:
        """The word for an exit by a rule without reasons at this bar."""
        reason = getattr(self.p.spec, "exit_reason", None)
        return str(reason(view.prediction, view.side, view.held)) if reason else "signal"
