"""Records of fills and stops that a ``RiskBroker`` keeps for audits."""

from dataclasses import dataclass
from typing import Any, NamedTuple


class FillNote(NamedTuple):
    """Values that are known only at the moment of a fill.

    Attributes
    ----------
    share_at_fill : |position after| x fill price / account value before the fill's commission; NaN for an account that
        is worth nothing.
    interest : short interest that backtrader books into this fill, account currency; 0 unless the fill closes.
    position_after : units held after the fill, signed.
    slippage, impact : cost of each in this fill, account currency.
    """

    share_at_fill: float
    interest: float
    position_after: float
    slippage: float
    impact: float


@dataclass(frozen=True, slots=True)
class Protected:
    """An entry that a stop protects: the columns of the table ``stops`` that are known at the entry's fill."""

    data: Any
    dt: float
    size: float
    entry_price: float
    stop_price: float
    bar_extreme: float
    bar_close: float


@dataclass(frozen=True, slots=True)
class Stopped:
    """A stop that was hit: the units that it closed, its price, and the market's price before slippage."""

    dt: float
    size: float
    trigger: float
    quoted: float
