"""Any strategy rule as a backtrader strategy: a shell around the rule, the sizer and the risk rule."""

from .account import AccountStops, Halt
from .orders import Bracket, OrderStrategy, Refusal
from .signal_strategy import Move, SignalStrategy, View, as_side

__all__ = ["AccountStops", "Bracket", "Halt", "Move", "OrderStrategy", "Refusal", "SignalStrategy", "View", "as_side"]
