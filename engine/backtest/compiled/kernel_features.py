"""The features that a kernel is compiled for: its machine code holds only what some policy of a run uses."""

from typing import Any, NamedTuple

from engine.backtest.compiled.codes import ANY, NO


class KernelFeatures(NamedTuple):
    """The features of a kernel.

    Attributes
    ----------
    symbols : 1, or 0 for any number.
    gaps : True if a symbol may have no bar at a step.
    cross : True if the rule sees all symbols at once.
    reenter : True if any strategy bars entries after a position has ended.
    entry_orders : True if any strategy's entries do not fill at the next open.
    filters : True if any strategy allows entries at some bars only.
    view : True if the rule is handed a view of the bar and the position, and gives a target.
    reasons : number of the reasons that a rule of a view may give, at least 1.
    sides : True if any strategy bars a side of the market.
    mode : ``NOTIONAL``, ``STOP`` or ``ANY``.
    stop, target : ``NONE``, ``PERCENT``, ``ATR`` or ``ANY``.
    trails : stops follow the close: ``NO``, ``YES`` or ``ANY``.
    resize, halts, gross, net, positions, open_risk, min_order, lot : True if any policy has it.
    short : True if any policy can be short.
    commission, slippage, slip_out, short_interest, cash_interest : True if any policy has it; ``commission`` stands for
        a commission by unit or a minimum.
    delisting : True if a symbol has ended and any policy closes positions in such.
    record : True if everything is logged, for the tables of one run.
    daily : True if every step ends a session.
    skipping : ``NO``, or the way to skip steps without events. ``STEPWISE`` calls the rule at each of them and does
        nothing else; with ``WHILE_FLAT`` and ``ALWAYS`` the steps at which the rule wants another side are computed
        beforehand, for a flat position or for any.
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
    skipping: int = NO
    delisting: bool = True
    reenter: bool = True
    entry_orders: bool = False
    filters: bool = False
    view: bool = False
    reasons: int = 1
    sides: bool = False


FEATURES = KernelFeatures()
"""Stands in the kernel's source for the features that it is compiled for; the linker writes those in its place."""


def union(one: KernelFeatures, other: KernelFeatures) -> KernelFeatures:
    """Features that serve the policies of both.

    >>> union(KernelFeatures(stop=1, lot=False), KernelFeatures(stop=2, lot=True))[4:6]
    (3, 3)
    >>> union(KernelFeatures(stop=1), KernelFeatures(stop=1)).stop
    1
    """
    pairs = zip(one, other, strict=True)
    both: Any = [a if a == b else (a or b) if isinstance(a, bool) else ANY for a, b in pairs]
    return KernelFeatures(*both)
