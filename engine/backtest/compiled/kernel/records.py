"""The records and arrays that a kernel works on."""

from typing import NamedTuple

import numpy as np

from .record_types import (
    ApproxAccount,
    CheckedSymbol,
    LoggedFill,
    LoggedHalt,
    LoggedInterest,
    LoggedOrder,
    Order,
    PlannedExposure,
    PolicyRow,
    PolicyTotals,
    Position,
    Records,
    Seen,
)

REAL, INTEGER = "f8", "i8"


def _layout(reals: str, integers: str) -> "np.dtype[np.void]":
    """A record of floats and, after them, of whole numbers; names are separated by blanks.

    >>> _layout("price units", "step").names
    ('price', 'units', 'step')
    """
    return np.dtype([*((name, REAL) for name in reals.split()), *((name, INTEGER) for name in integers.split())])


POLICY = _layout(
    "cash base cap lot stop_value target_value band gross net short positions open_risk min_order daily_loss drawdown "
    "commission commission_per_unit commission_minimum slippage short_rate cash_rate delisting_return",
    "mode stop target trails resize stop_range target_range resume_after slip_out cap_at_fill delists",
)
"""One policy as numbers: infinity where a limit is not given. ``stop_range`` and ``target_range`` are indices into
``MarketArrays.true_ranges``; rates of interest are by day."""

POSITION = _layout(
    "units entry stop target distance due quoted price planned",
    "bars_held target_side is_closing bracket live_from sent hit entry_id stop_id target_id side_left bars_to_wait",
)
"""One symbol: the position, the prices of its stop and target, and what the present close plans for it.

``distance`` lies between a stop that trails and the close; ``due`` is short interest that no fill has booked yet.
``planned`` are the units after the orders of this close. ``bars_held`` is signed like the
position. ``bracket`` is the side that stop and target protect, 0 for none; they act from the step ``live_from`` on, in
the order of ``sent``. ``hit`` is the exit that the bar reaches, ``quoted`` and ``price`` are its prices before and
after slippage. The ids are those of logged orders, -1 for none. ``side_left`` and ``bars_to_wait`` are those of
:mod:`strategies._reentry`."""

SEEN = _layout("highest lowest weight", "reason scales is_filled_in_bar")
"""One symbol, for rules of a view: the highest and the lowest price since the entry; of the last decision the part of
the rule's size, the reason, and 1 if it moves a position to another part of the rule's size; 1 if the entry was filled
in this bar by an order with a price of its own."""

QUEUED = _layout("units price stop target distance loss_share", "symbol kind sent id trigger bars")
"""An order that waits: a market order for its symbol's next open, ``price`` is then the close of its decision; an entry
with a price of its own, whose ``trigger`` is its kind, for its price, for so many ``bars``."""

CHECKED = _layout("units", "is_checked")
"""A symbol in the check of the cash: its units after the orders checked so far."""

APPROX_ACCOUNT = _layout("value short gross", "step")
"""The account at the open of a step as far as it must be known to see that an order fits; see
:mod:`~engine.backtest.compiled.kernel.fast_admission`. The step is -1 before the first."""

PLANNED_EXPOSURE = _layout("gross net short positions open_risk", "entries")
"""Sums of a :class:`~risk.account_limits.AccountExposure` after the first ``entries`` entries of a close, -1 for not
summed yet."""

ORDER = _layout(
    "size cut trimmed filled price share room requested at quoted prediction entry_size entry_price entry_stop "
    "stopped_size trigger stopped_at",
    "symbol step kind side status code parent bars_held halt fill entered stopped reason",
)
"""An order as it is logged; see :mod:`engine.backtest.compiled.log_reader`."""

FILL = _layout("size price closed opened interest after quoted", "order step symbol")
"""A fill as it is logged."""

HALT_ROW = _layout("value reference", "step code")
"""A stop of the account that acted: the account, and the value that its loss is measured from."""

INTEREST = _layout("amount", "step symbol")
"""Interest at a step: on idle cash, or of a short of a symbol."""

TOTAL = _layout("value mean squares downside extreme drawdown traded", "fills trades rejections ended step")
"""Sums over the backtest of one policy: the account at the end; of the returns the mean, the sum of squares around it,
the sum of squares of their shortfall to the risk-free rate, and the largest absolute one; the lowest value over the
highest before, minus 1; the counters; the end of the kernel (``DONE`` or another), and its step."""


class MarketArrays(NamedTuple):
    """A market and its signals on one line of time: T steps, N symbols.

    Attributes
    ----------
    open, high, low, close : (T, N) prices; ``close`` is the last one known, the others are those of a new bar.
    has_bar : (T, N) True where the symbol has a new bar.
    bar_days : (T, N) calendar days from the session of the symbol's bar before to that of this one.
    prediction, confidence : (T, N) NaN for no opinion.
    volume, previous_prediction, previous_confidence : (T, N) for rules of a view, else empty: units traded in the bar,
        and the opinion at the symbol's bar before.
    features : (T, N, R) the features that the rule reads.
    may_enter : (M, T, N) True where an entry may be decided, by each filter in use.
    true_ranges : (K, T, N) average true ranges, one for each window in use.
    end_step : (N,) the step at which a symbol is taken as ended; -1 if it has not.
    step_days : (T,) calendar days from the session of the step before.
    new_session : (T,) True where the step is the first of its session.
    return_index : (T,) the daily return that ends at the step; -1 for none.
    next_return : (T + 1,) the first step from here on at which one ends; T for none.
    """

    open: "np.ndarray"
    high: "np.ndarray"
    low: "np.ndarray"
    close: "np.ndarray"
    has_bar: "np.ndarray"
    bar_days: "np.ndarray"
    prediction: "np.ndarray"
    confidence: "np.ndarray"
    volume: "np.ndarray"
    previous_prediction: "np.ndarray"
    previous_confidence: "np.ndarray"
    features: "np.ndarray"
    may_enter: "np.ndarray"
    true_ranges: "np.ndarray"
    end_step: "np.ndarray"
    step_days: "np.ndarray"
    new_session: "np.ndarray"
    return_index: "np.ndarray"
    next_return: "np.ndarray"


class Workspace(NamedTuple):
    """The arrays that a kernel changes while it backtests one policy; D daily returns.

    Attributes
    ----------
    positions : (N,) of :data:`POSITION`.
    orders : of :data:`QUEUED`: the queue.
    waiting_entries : (N,) of :data:`QUEUED`: each symbol's entry with a price of its own; ``trigger`` is 0 for none.
    checked : (N,) of :data:`CHECKED`, for the check of the cash.
    planned_prices, planned_stops : (N,) prices of planned entries and of their stops.
    hit_symbols, planned_symbols, changed_symbols : (N,) symbols whose stop or target the bar reaches; with an entry at
        this close; for which the rule changes something at this close.
    rule_predictions, rule_confidences, rule_sides : (N,) inputs of a cross-sectional rule.
    seen : (N,) of :data:`SEEN`; of length 1 for rules that are handed no view.
    rule_state : (N, S) the numbers of a rule that looks at one symbol, (S, N) of one that looks at all.
    rule_view, rule_features : (13, N) and (R, N) inputs of a cross-sectional rule of a view.
    rule_held, rule_waiting : (N,) the same.
    counters : (5,) counts and sums; see ``FILLS`` and so on.
    failed_at : (2,) ``STEP`` and ``SYMBOL`` at which the kernel ended.
    session_equity : (D + 1,) the account before the first session, and at the end of each.
    session_returns : (D,) room for the returns of the sessions.
    approx_account : (1,) of :data:`APPROX_ACCOUNT`.
    planned_exposure : (1,) of :data:`PLANNED_EXPOSURE`.
    next_change_short, next_change_flat, next_change_long : (T + 1,) the first step from here on at which the rule wants
        to leave this side; empty in kernels that do not skip by them.
    """

    positions: Records[Position]
    orders: Records[Order]
    waiting_entries: Records[Order]
    checked: Records[CheckedSymbol]
    planned_prices: "np.ndarray"
    planned_stops: "np.ndarray"
    hit_symbols: "np.ndarray"
    planned_symbols: "np.ndarray"
    changed_symbols: "np.ndarray"
    rule_predictions: "np.ndarray"
    rule_confidences: "np.ndarray"
    rule_sides: "np.ndarray"
    seen: Records[Seen]
    rule_state: "np.ndarray"
    rule_view: "np.ndarray"
    rule_features: "np.ndarray"
    rule_held: "np.ndarray"
    rule_waiting: "np.ndarray"
    counters: "np.ndarray"
    failed_at: "np.ndarray"
    session_equity: "np.ndarray"
    session_returns: "np.ndarray"
    approx_account: Records[ApproxAccount]
    planned_exposure: Records[PlannedExposure]
    next_change_short: "np.ndarray"
    next_change_flat: "np.ndarray"
    next_change_long: "np.ndarray"


class Policies(NamedTuple):
    """P policies.

    Attributes
    ----------
    rows : (P,) of :data:`POLICY`.
    rules : (U,) parameters of the strategy's rule, each combination once.
    rule_index : (P,) the record of ``rules`` that each policy has.
    """

    rows: Records[PolicyRow]
    rules: "np.ndarray"
    rule_index: "np.ndarray"


class KernelResult(NamedTuple):
    """The arrays that a kernel writes for P policies.

    Attributes
    ----------
    totals : (P,) of :data:`TOTAL`.
    tails : (P, Q, 2) ``VALUE_AT_RISK`` and ``SHORTFALL`` for each tail probability.
    curves : (P, D + 1) the account before the first session and at the end of each; empty if it is not requested.
    tail_probabilities : (Q,) fractions of the returns that lie in a tail.
    risk_free : the risk-free return of one session.
    """

    totals: Records[PolicyTotals]
    tails: "np.ndarray"
    curves: "np.ndarray"
    tail_probabilities: "np.ndarray"
    risk_free: float


class Log(NamedTuple):
    """The log of a kernel with ``FEATURES.record``; in others arrays of length 1 that nothing touches.

    Attributes
    ----------
    value, cash : (T,); units : (T, N).
    orders, fills, halts : of :data:`ORDER`, :data:`FILL` and :data:`HALT_ROW`.
    interest, charges : of :data:`INTEREST`: earned on idle cash, and paid by shorts.
    counts : (6,) rows that are written; see ``ORDERS_WRITTEN`` and so on.
    """

    value: "np.ndarray"
    cash: "np.ndarray"
    units: "np.ndarray"
    orders: Records[LoggedOrder]
    fills: Records[LoggedFill]
    halts: Records[LoggedHalt]
    interest: Records[LoggedInterest]
    charges: Records[LoggedInterest]
    counts: "np.ndarray"


class Queue(NamedTuple):
    """Counts of the market orders that wait for an open.

    Attributes
    ----------
    accepted : those at the front that the check of the cash has accepted.
    waiting : all of them; more than there is room for once one did not fit.
    sent : orders ever sent.
    planned : entries that this close has planned so far, those that the limits bar included.
    """

    accepted: int
    waiting: int
    sent: int
    planned: int


class Decision(NamedTuple):
    """A close at which the strategy decides.

    Attributes
    ----------
    step : of the close.
    value : the account.
    halt_bars : bars until trading resumes after a stop of the account; 0 while it goes on.
    """

    step: int
    value: float
    halt_bars: int


class Request(NamedTuple):
    """Units that the rule of sizes asks for at a close.

    Attributes
    ----------
    symbol : its index.
    side : 1 to buy, -1 to sell short.
    units : not signed.
    close : the price.
    stop : of the position; NaN for none.
    is_new : True for an entry, False for an addition to a position.
    """

    symbol: int
    side: int
    units: float
    close: float
    stop: float
    is_new: bool


class Admission(NamedTuple):
    """The part of a request that the account's limits admit.

    Attributes
    ----------
    units : not signed; 0 if nothing is left.
    code : of the limit that holds the rest back.
    room : units for which that limit has room.
    """

    units: float
    code: int
    room: float


class Execution(NamedTuple):
    """The fill of an order.

    Attributes
    ----------
    step : of the bar.
    size : units, signed.
    quoted, price : before and after slippage.
    account : the account's value before it; 0 where it is not needed.
    """

    step: int
    size: float
    quoted: float
    price: float
    account: float


class Reason(NamedTuple):
    """The reason of an order's status: a code, and the numbers of its text.

    Attributes
    ----------
    code : of :mod:`.codes` or :mod:`risk.account_limits`; 0 for none.
    room : units or cash that there was room for.
    requested : units.
    at : the price, cash or number that the text names.
    quoted : the market's price.
    """

    code: int
    room: float
    requested: float
    at: float
    quoted: float
