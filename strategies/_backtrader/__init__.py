"""Any strategy rule as a backtrader strategy: a shell around the rule, the sizer and the risk rule."""

from .account import AccountStops, Halt
from .orders import Bracket, OrderStrategy, Refusal, Wanted
from .signal_strategy import FeedView, Move, SignalStrategy, as_side

__all__ = [
    "AccountStops",
    "Bracket",
    "FeedView",
    "Halt",
    "Move",
    "OrderStrategy",
    "Refusal",
    "SignalStrategy",
    "Wanted",
    "as_side",
]
