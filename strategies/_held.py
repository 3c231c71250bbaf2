"""A position that a decision is asked for, with what its rule remembers."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Held:
    """A position in a symbol at its last close, with what its rule remembers; nothing is held by default.

    Attributes
    ----------
    side : 1 long, -1 short, 0 flat.
    held : bars of the symbol in a row at whose close it was on this side, the last bar included.
    entry_price : average price of the position; NaN when flat.
    best, worst : the highest and the lowest return of the position at any price since its entry; NaN when flat.
    waiting : the side of an entry that waits for its price; 0 for none.
    weight : the part of the risk rule's size at the last decision.
    state : the rule's own numbers, as the last decision gave them; empty: its start values.
    last_side, bars_to_wait : for ``strategy.reenter``: the side whose signal is used up, and the closes without an
        entry that are left, this one included.
    """

    side: int = 0
    held: int = 0
    entry_price: float = math.nan
    best: float = math.nan
    worst: float = math.nan
    waiting: int = 0
    weight: float = 1.0
    state: Mapping[str, float] = field(default_factory=dict)
    last_side: int = 0
    bars_to_wait: int = 0
