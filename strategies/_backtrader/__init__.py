"""Any strategy rule as a backtrader strategy: a shell around the rule, the sizer and the risk rule."""

from strategies._rule_calls import as_side

from .account import AccountStops, Halt
from .orders import Bracket, OrderStrategy, PositionGoal, Refusal
from .signal_strategy import FeedView, Move, SignalStrategy

__all__ = [
    "AccountStops",
    "Bracket",
    "FeedView",
    "Halt",
    "Move",
    "OrderStrategy",
    "PositionGoal",
    "Refusal",
    "SignalStrategy",
    "as_side",
]
