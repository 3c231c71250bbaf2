"""The whole numbers that a kernel works with: kinds of stops and orders, statuses, reasons, and places in arrays."""

NONE, PERCENT, ATR, ANY = range(4)
"""Distances of stops and targets: none, a part of the price, a multiple of the average true range; ``ANY``: each policy
has its own."""
NO, YES = 0, 1
NOTIONAL, STOP = 0, 1
"""Modes of sizing."""
STEPWISE, WHILE_FLAT, ALWAYS = 1, 2, 3
"""Ways to skip steps without events; see :class:`~engine.backtest.compiled.kernel_features.KernelFeatures`."""

KEEP = 2
"""Instead of a side: the rule has no opinion."""

CLOSE, ENTRY, ADD, REDUCE = range(4)
"""Purposes of a market order."""
MARKET_ORDER, STOP_ORDER, LIMIT_ORDER, TRAIL_ORDER, REFUSED, CLOSE_ORDER = range(6)
"""Kinds of a logged order, as in the table ``orders``, and entries for which no order was sent."""
PENDING, COMPLETED, CANCELLED, MARGIN, REJECTED = range(5)
"""Statuses of a logged order."""

AT_SIGNAL = 32
"""Added to a code of :mod:`risk.account_limits` that held an order back at the signal rather than at the fill."""
(
    GONE,
    SHORT_OF_CASH,
    SHORT_AT_FILL,
    NO_SIZE,
    HALT,
    NO_STOP,
    NO_TARGET,
    LOW_STOP,
    LOW_TARGET,
    EXIT,
    ONLY_CLOSES,
    DELISTED,
    EXPIRED,
    NO_ENTRY,
    LOW_ENTRY,
) = range(64, 79)
"""Reasons of an order's status, beyond the codes of :mod:`risk.account_limits`."""

RESIZED = -2
"""In place of the reason of a decision: the order moves a position back to the rule's size."""

STOP_HIT, TARGET_HIT, ENTRY_HIT = 1, 2, 3
"""Orders whose price the bar reaches; 0 for none."""

DONE, RUINED, BAD_SIDE, QUEUE_FULL = range(4)
"""Ends of a kernel. ``RUINED``: the account lost more than it had, or its value is no number."""

FILLS, TRADES, REJECTIONS, TRADED, TURNOVER = range(5)
"""Counters of a policy: fills, trades that have ended, market orders that were refused or rejected; the value traded in
the session, and the sum over sessions of that value as a fraction of the account before."""

ORDERS_WRITTEN, FILLS_WRITTEN, HALTS_WRITTEN, INTEREST_WRITTEN, CHARGES_WRITTEN, OVERFLOW = range(6)
"""Counts of a log: rows of each of its arrays, and 1 if one did not fit."""

STEP, SYMBOL = range(2)
"""Parts of ``Workspace.failed_at``."""
VALUE_AT_RISK, SHORTFALL = range(2)
"""Parts of ``KernelResult.tails``."""
ONLY_SYMBOL = 0
"""The index of the symbol in a kernel of one."""
