"""The features that a kernel is compiled for, and the records that it works on.

A kernel is specialised: the machine code holds only what some config of a run uses; :class:`KernelFeatures` lists it.
"""

from typing import Any, NamedTuple

import numpy as np

NONE, PERCENT, ATR, ANY = range(4)
"""Where stops and targets lie: nowhere, at a part of the price, at a multiple of the average true range; ``ANY`` asks
each policy."""
NO, YES = 0, 1
LOOK, FLAT, ALWAYS = 1, 2, 3
NOTIONAL, STOP = 0, 1
CLOSE, ENTRY, ADD, REDUCE = range(4)
"""What a market order is for."""
MARKET_ORDER, STOP_ORDER, LIMIT_ORDER, TRAIL_ORDER, REFUSED = range(5)
"""What an order in the log is: the words of the table ``orders``, and entries for which none was sent."""
PENDING, COMPLETED, CANCELLED, MARGIN, REJECTED = range(5)

AT_SIGNAL = 32
"""Added to a code of :mod:`risk.limits` that held an order back at the signal rather than at the fill."""
GONE, SHORT_OF_CASH, SHORT_AT_FILL, NO_SIZE, HALT, NO_STOP, NO_TARGET, LOW_STOP, LOW_TARGET, EXIT, ONLY_CLOSES = range(
    64, 75
)
"""Why an order is as it is, beyond the codes of :mod:`risk.limits`."""

DONE, RUINED, BAD_SIDE, QUEUE_FULL = range(4)
"""How a kernel ended. ``RUINED``: the account lost more than it had, or its value is no number."""

KEEP = 2
"""Instead of a side: the rule has no opinion."""


class KernelFeatures(NamedTuple):
    """What a kernel is compiled for.

    Attributes
    ----------
    symbols : 1, or 0 for any number.
    gaps : whether a symbol may have no bar at a step.
    cross : whether the rule sees all symbols at once.
    mode : ``NOTIONAL``, ``STOP`` or ``ANY``.
    stop, target : ``NONE``, ``PERCENT``, ``ATR`` or ``ANY``.
    trails : ``NO``, ``YES`` or ``ANY``: whether stops follow the close.
    resize, halts, gross, net, positions, open_risk, min_order, lot : whether any policy has it.
    short : whether any policy can be short.
    commission, slippage, slip_out, short_interest, cash_interest : whether any policy has it; ``commission`` stands for
        a commission by unit or a minimum.
    record : whether everything is written down, for the tables of one run.
    daily : whether every step ends a session.
    foresight : ``NO``, or how steps are passed over in which nothing can happen: ``LOOK`` asks the rule at each of
        them and does nothing else; with ``FLAT`` and ``ALWAYS`` it is known beforehand when it wants something new,
        while nothing is held or at any time.
    """

    symbols: int = 0
    gaps: bool = True
    cross: bool = False
    mode: int = ANY
    stop: int = ANY
    target: int = ANY
    trails: int = ANY
    resize: bool = True
    halts: bool = True
    gross: bool = True
    net: bool = True
    short: bool = True
    positions: bool = True
    open_risk: bool = True
    min_order: bool = True
    lot: bool = True
    commission: bool = True
    slippage: bool = True
    slip_out: int = ANY
    short_interest: bool = True
    cash_interest: bool = True
    record: bool = True
    daily: bool = False
    foresight: int = NO


USES = KernelFeatures()
"""What the kernel's source is written against; the linker puts the shape that is compiled in its place."""

REAL, WHOLE = "f8", "i8"
POLICY = np.dtype(
    [
        *((name, REAL) for name in ("cash", "base", "cap", "lot", "stop_value", "target_value", "band")),
        *((name, REAL) for name in ("gross", "net", "short", "positions", "open_risk", "min_order")),
        *((name, REAL) for name in ("daily_loss", "drawdown", "commission", "commission_per_unit")),
        *((name, REAL) for name in ("commission_minimum", "slippage", "short_rate", "cash_rate")),
        *((name, WHOLE) for name in ("mode", "stop", "target", "trails", "resize", "stop_range", "target_range")),
        *((name, WHOLE) for name in ("resume_after", "slip_out", "cap_at_fill")),
    ]
)
"""One policy as numbers: infinity where a limit is not given. ``stop_range`` and ``target_range`` say which of the
market's average true ranges is meant; rates of interest are by day."""

POSITION = np.dtype(
    [
        *(
            (name, REAL)
            for name in ("units", "entry", "stop", "target", "distance", "due", "quoted", "price", "planned")
        ),
        *((name, WHOLE) for name in ("held", "wish", "leaves", "bracket", "live_from", "sent", "hit", "due_since")),
        *((name, WHOLE) for name in ("entry_id", "stop_id", "target_id")),
    ]
)
"""One symbol: the position, where its stop and its target lie, and what is to be done about it."""

QUEUED = np.dtype(
    [
        *((name, REAL) for name in ("units", "price", "stop", "target", "distance", "loss_share")),
        *((name, WHOLE) for name in ("symbol", "kind", "sent", "id")),
    ]
)
"""A market order that waits for its symbol's next open."""

ORDER = np.dtype(
    [
        *(
            (name, REAL)
            for name in ("size", "cut", "trimmed", "filled", "price", "share", "fits", "wanted", "at", "quoted")
        ),
        *(
            (name, REAL)
            for name in ("prediction", "entry_size", "entry_price", "entry_stop", "stopped_size", "trigger")
        ),
        ("stopped_at", REAL),
        *((name, WHOLE) for name in ("symbol", "bar", "kind", "side", "status", "code", "parent", "held", "halt")),
        *((name, WHOLE) for name in ("fill", "entered", "stopped")),
    ]
)
"""An order as it is written down; see :mod:`engine.backtest.compiled.log_reader`."""

FILL = np.dtype(
    [
        *((name, REAL) for name in ("size", "price", "closed", "opened", "interest", "after", "quoted")),
        *((name, WHOLE) for name in ("order", "step", "symbol")),
    ]
)


class MarketArrays(NamedTuple):
    """A market and its signals on one line of time: T steps, N symbols.

    Attributes
    ----------
    open, high, low, close : (T, N) prices; ``close`` is the last one known, the others are those of a new bar.
    fresh : (T, N) whether the symbol has a new bar.
    days : (T, N) calendar days since the symbol's bar before.
    prediction, confidence : (T, N) NaN for no opinion.
    ranges : (K, T, N) average true ranges, one for each window in use.
    last : (T, N) the number of the symbol's latest bar.
    idle_days : (T,) calendar days since the step before.
    new_session : (T,) whether the step is the first of its session.
    day : (T,) the daily return that ends at the step; -1 for none.
    ends : (T + 1,) the first step from here on at which one ends; T for none.
    """

    open: "np.ndarray"
    high: "np.ndarray"
    low: "np.ndarray"
    close: "np.ndarray"
    fresh: "np.ndarray"
    days: "np.ndarray"
    prediction: "np.ndarray"
    confidence: "np.ndarray"
    ranges: "np.ndarray"
    last: "np.ndarray"
    idle_days: "np.ndarray"
    new_session: "np.ndarray"
    day: "np.ndarray"
    ends: "np.ndarray"


class Workspace(NamedTuple):
    """Where a kernel works.

    Attributes
    ----------
    state : (N,) of :data:`POSITION`.
    queue : of :data:`QUEUED`.
    clones : (3, N) units, and whether they were looked at, for the check of what was sent; stops of planned entries.
    picks : (3, N) symbols: hits of a step, entries of a close, and those that want something done at a close.
    seen, sides : (2, N) and (N,) what a cross-sectional rule is told.
    tally : counts and sums, see ``TRADES`` and so on.
    where : step and symbol at which the kernel ended.
    worth : (D + 1,) the account before the first session, and at the end of each.
    spare : (D,) the returns of the sessions, and what else is made of them.
    rough : the account at the open as far as it must be known to see that an order fits: see
        :mod:`~engine.backtest.compiled.kernel.fast_admission`.
    plan : what will be held after the orders of a close so far: a step, and the sums of a :class:`~risk.limits.Book`.
    until : (3, T + 1) for short, flat and long: the first step from here at which the rule wants something else; empty
        without foresight.
    """

    state: "np.ndarray"
    queue: "np.ndarray"
    clones: "np.ndarray"
    picks: "np.ndarray"
    seen: "np.ndarray"
    sides: "np.ndarray"
    tally: "np.ndarray"
    where: "np.ndarray"
    worth: "np.ndarray"
    spare: "np.ndarray"
    rough: "np.ndarray"
    plan: "np.ndarray"
    until: "np.ndarray"


FILLS, TRADES, REJECTIONS, TRADED, TURNOVER = range(5)
"""What is counted: fills, trades that have ended, market orders that were refused or rejected; the value traded in the
session, and the sum over sessions of that value as a share of the account before."""


TOTAL = np.dtype(
    [
        *((name, REAL) for name in ("value", "mean", "squares", "downside", "extreme", "drawdown", "traded")),
        *((name, WHOLE) for name in ("fills", "trades", "rejections", "ended", "step")),
    ]
)
"""What is known of a policy once it was backtested: the account at the end; of the returns the mean, the sum of squares
around it, that of what they lack to the risk-free rate, and the largest in size; the lowest value over the highest
before, minus 1; what is counted; how the kernel ended, and at which step."""


class KernelResult(NamedTuple):
    """Where a kernel writes what is wanted of P policies.

    Attributes
    ----------
    totals : (P,) of :data:`TOTAL`.
    tails : (P, Q, 2) value at risk and expected shortfall for each of ``shares``.
    curves : (P, D + 1) the account before the first session and at the end of each; empty if not wanted.
    shares : (Q,) of the returns that lie in a tail.
    rate : (1,) the risk-free return of one session.
    """

    totals: "np.ndarray"
    tails: "np.ndarray"
    curves: "np.ndarray"
    shares: "np.ndarray"
    rate: "np.ndarray"


class Log(NamedTuple):
    """What is written down if ``USES.record``; else arrays of length 1 that nothing touches.

    Attributes
    ----------
    value, cash : (T,); units : (T, N).
    orders, fills : of :data:`ORDER` and :data:`FILL`.
    halts : (H, 4) step, code, value and what it is measured from.
    earned : (E, 2) step and interest on idle cash.
    counts : orders, fills, halts, earned that are written, and whether one did not fit.
    """

    value: "np.ndarray"
    cash: "np.ndarray"
    units: "np.ndarray"
    orders: "np.ndarray"
    fills: "np.ndarray"
    halts: "np.ndarray"
    earned: "np.ndarray"
    counts: "np.ndarray"


ORDERS_WRITTEN, FILLS_WRITTEN, HALTS_WRITTEN, EARNED_WRITTEN, OVERFLOW = range(5)


def wider(one: KernelFeatures, other: KernelFeatures) -> KernelFeatures:
    """A shape that holds what either does.

    >>> wider(Shape(stop=1, lot=False), Shape(stop=2, lot=True))[4:6], wider(Shape(stop=1), Shape(stop=1)).stop
    ((3, 3), 1)
    """
    pairs = zip(one, other, strict=True)
    both: Any = [a if a == b else (a or b) if isinstance(a, bool) else ANY for a, b in pairs]
    return KernelFeatures(*both)
