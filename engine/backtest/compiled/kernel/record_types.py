"""Types of the records that a kernel reads and writes, for the type checker; the layouts are in :mod:`.records`.

The linker leaves annotations out of a kernel's source, so that they cost nothing.
"""

from typing import Protocol, TypeVar

T = TypeVar("T")


class Records(Protocol[T]):
    """An array of records."""

    def __getitem__(self, index: int, /) -> T:
        """The record at an index; a change of it is a change of the array."""
        ...

    def __setitem__(self, index: int, record: T, /) -> None:
        """Copy a record to an index."""
        ...

    def __len__(self) -> int:
        """Return the number of records."""
        ...


class PolicyRow(Protocol):
    """One policy as numbers; see :data:`~engine.backtest.compiled.kernel.records.POLICY`."""

    cash: float
    base: float
    cap: float
    lot: float
    stop_value: float
    target_value: float
    band: float
    gross: float
    net: float
    short: float
    positions: float
    open_risk: float
    min_order: float
    daily_loss: float
    drawdown: float
    commission: float
    commission_per_unit: float
    commission_minimum: float
    slippage: float
    short_rate: float
    cash_rate: float
    delisting_return: float
    mode: int
    stop: int
    target: int
    trails: int
    resize: int
    stop_range: int
    target_range: int
    resume_after: int
    slip_out: int
    cap_at_fill: int
    delists: int


class Position(Protocol):
    """One symbol's position; see :data:`~engine.backtest.compiled.kernel.records.POSITION`."""

    units: float
    entry: float
    stop: float
    target: float
    distance: float
    due: float
    quoted: float
    price: float
    planned: float
    bars_held: int
    target_side: int
    is_closing: int
    bracket: int
    live_from: int
    sent: int
    hit: int
    entry_id: int
    stop_id: int
    target_id: int
    side_left: int
    bars_to_wait: int


class EntryTerms(Protocol):
    """The parameters of a strategy that its entries have in common, among those of its rule."""

    entry_kind: int
    entry_offset: int
    entry_value: float
    entry_range: int
    entry_bars: int


class Seen(Protocol):
    """A symbol, for rules of a view; see :data:`~engine.backtest.compiled.kernel.records.SEEN`."""

    highest: float
    lowest: float
    weight: float
    reason: int
    scales: int
    is_filled_in_bar: int


class Order(Protocol):
    """A market order that waits; see :data:`~engine.backtest.compiled.kernel.records.QUEUED`."""

    units: float
    price: float
    stop: float
    target: float
    distance: float
    loss_share: float
    symbol: int
    kind: int
    sent: int
    id: int
    trigger: int
    bars: int


class LoggedOrder(Protocol):
    """An order as it is logged; see :data:`~engine.backtest.compiled.kernel.records.ORDER`."""

    size: float
    cut: float
    trimmed: float
    filled: float
    price: float
    share: float
    room: float
    requested: float
    at: float
    quoted: float
    prediction: float
    entry_size: float
    entry_price: float
    entry_stop: float
    stopped_size: float
    trigger: float
    stopped_at: float
    symbol: int
    step: int
    kind: int
    side: int
    status: int
    code: int
    parent: int
    bars_held: int
    halt: int
    fill: int
    entered: int
    stopped: int
    reason: int


class LoggedFill(Protocol):
    """A fill as it is logged; see :data:`~engine.backtest.compiled.kernel.records.FILL`."""

    size: float
    price: float
    closed: float
    opened: float
    interest: float
    after: float
    quoted: float
    order: int
    step: int
    symbol: int


class LoggedHalt(Protocol):
    """A stop of the account as it is logged; see :data:`~engine.backtest.compiled.kernel.records.HALT_ROW`."""

    step: int
    code: int
    value: float
    reference: float


class LoggedInterest(Protocol):
    """Interest as it is logged; see :data:`~engine.backtest.compiled.kernel.records.INTEREST`."""

    amount: float
    step: int
    symbol: int


class CheckedSymbol(Protocol):
    """A symbol in the check of the cash; see :data:`~engine.backtest.compiled.kernel.records.CHECKED`."""

    units: float
    is_checked: int


class ApproxAccount(Protocol):
    """The account, nearly; see :data:`~engine.backtest.compiled.kernel.records.APPROX_ACCOUNT`."""

    value: float
    short: float
    gross: float
    step: int


class PlannedExposure(Protocol):
    """Sums over a plan; see :data:`~engine.backtest.compiled.kernel.records.PLANNED_EXPOSURE`."""

    gross: float
    net: float
    short: float
    positions: float
    open_risk: float
    entries: int


class PolicyTotals(Protocol):
    """Sums over one backtest; see :data:`~engine.backtest.compiled.kernel.records.TOTAL`."""

    value: float
    mean: float
    squares: float
    downside: float
    extreme: float
    drawdown: float
    traded: float
    fills: int
    trades: int
    rejections: int
    ended: int
    step: int
