"""The contract of a strategy plug-in.

A strategy is one file in this folder: a spec whose fields are its parameters, and a pure rule that decides the side of
the market for a symbol. It does not depend on backtrader; :mod:`strategies._backtrader` runs any rule.

A rule is of one of two kinds, by the spec's base class:

- *scalar* (:class:`Strategy`): its input is one symbol, and it is evaluated for each symbol with a new bar;
- *cross-sectional* (:class:`CrossSectional`): its input is one bar of all symbols side by side.

A rule has one of two signatures. One that is called with prediction, confidence and side gives a side. One that is
called with a :class:`~strategies._view.View` sees the bar, the position, features of the config and numbers of its own,
and gives a :class:`~strategies._view.Decision`: a target from -1 to 1, and a reason.

Every rule reads ``p`` only by attribute, every attribute it reads is a number, and it uses only ``+ - * /``,
comparisons, ``min``, ``max``, square roots and sorting. Then it can be compiled as it stands and gives the same bits:
powers, exponentials and logarithms differ in the last bit between Python and a compiler.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt
from pydantic import Field

from core.plugins import PluginSpec
from core.types import Vector

from ._entry_filter import Condition, EntryFilter, Hours, Weekday
from ._entry_order import EntryOrder
from ._reentry import Pause, Reenter
from ._view import (
    CrossDecision,
    CrossView,
    CrossViewRule,
    Decision,
    StatefulCrossRule,
    StatefulRule,
    View,
    ViewRule,
)

__all__ = [
    "Condition",
    "CrossDecision",
    "CrossRule",
    "CrossSectional",
    "CrossView",
    "CrossViewRule",
    "Decision",
    "EntryFilter",
    "EntryOrder",
    "Hours",
    "Pause",
    "Reenter",
    "Rule",
    "Sided",
    "Sides",
    "StatefulCrossRule",
    "StatefulRule",
    "Strategy",
    "View",
    "ViewRule",
    "Weekday",
]

Sides: TypeAlias = npt.NDArray[np.int64]


class Rule(Protocol):
    """From one symbol's signal and position to its target side."""

    def __call__(self, prediction: float, confidence: float, side: int, held: int, p: Any) -> int:
        """Return the side to be on after this bar.

        Parameters
        ----------
        prediction : expected return over the label's horizon, a fraction; NaN when there is no opinion.
        confidence : in [0, 1]; NaN exactly where the prediction is.
        side : the side now: 1 long, -1 short, 0 flat.
        held : bars of the symbol in a row at whose close it was on this side, this bar included; 0 when flat.
        p : the parameters: the spec, or anything with the same numeric attributes.

        Returns
        -------
        1 long, -1 short, 0 flat. ``side`` for a NaN prediction: no opinion keeps the position.
        """
        ...


class CrossRule(Protocol):
    """From one bar of all symbols to their target sides."""

    def __call__(self, prediction: Vector, confidence: Vector, side: Sides, p: Any) -> Sides:
        """Return the sides to be on after this bar.

        Parameters
        ----------
        prediction : (N,) as in :class:`Rule`, in the symbols' order; NaN for a symbol without an opinion or without a
            new bar.
        confidence : (N,) as in :class:`Rule`.
        side : (N,) the sides now: 1, -1 or 0; it is not changed.
        p : as in :class:`Rule`.

        Returns
        -------
        (N,) 1, -1 or 0; a symbol's ``side`` where its prediction is NaN.
        """
        ...


def _is_always(reenter: object) -> bool:
    return reenter == "always"


def _is_empty(value: object) -> bool:
    return not value


class Strategy(PluginSpec):
    """A strategy's parameters; its rule looks at one symbol.

    Attributes
    ----------
    rule : the pure rule, a module-level function of the strategy's file.
    reads : for a rule of a view: the features that it reads, the fields of a ``NamedTuple``; None for none.
    state : for a rule with numbers of its own: a ``NamedTuple`` of them with start values; None for none.
    reasons : for a rule of a view: what its decisions' ``reason`` counts, a few words each.
    """

    family: ClassVar[str] = "strategies"
    rule: ClassVar[Any]
    """A :class:`Rule`, or a :class:`~strategies._view.ViewRule` or :class:`~strategies._view.StatefulRule`; in a
    :class:`CrossSectional` a :class:`CrossRule`, or one of those of a :class:`~strategies._view.CrossView`."""
    reads: ClassVar[Any] = None
    state: ClassVar[Any] = None
    reasons: ClassVar[tuple[str, ...]] = ()

    reenter: Annotated[Reenter, Field(exclude_if=_is_always)] = "always"
    """Entries after a position has ended, by a stop, a target or the rule: `always`; `new_signal`: on the same side
    only once the rule, asked without a position, wanted something else; `{after: 5}`: none at the symbol's next 5
    closes."""

    features: Annotated[Mapping[str, str], Field(exclude_if=_is_empty)] = {}
    """The columns of the config's features that the rule reads under other names: `{fast: sma_10, slow: sma_50}`. A
    name that is a column's own, or the kind of the config's only feature of that kind, needs no entry."""

    entry_order: Annotated[EntryOrder | None, Field(exclude_if=_is_empty)] = None
    """The order that opens a position: by default a market order, which fills at the next open. `{kind: limit, offset:
    {kind: percent, value: 0.01}, bars: 3}` waits three bars for a better price, `{kind: close}` fills at the next
    close."""

    only_if: Annotated[tuple[Condition, ...], Field(exclude_if=_is_empty)] = ()
    """Conditions for an entry, all of which must hold: `[{feature: volatility_20, op: "<", value: 0.02}]`. They hold
    back entries alone, not exits or resizes; a reversal that they bar only closes."""

    warmup: Annotated[int, Field(ge=0, exclude_if=_is_empty)] = 0
    """Bars of each symbol, from the first decision on, at which nothing is entered."""

    sessions: Annotated[tuple[Weekday, ...], Field(exclude_if=_is_empty)] = ()
    """Days of the week at whose sessions entries may be decided, such as `[mon, tue]`; all by default."""

    hours: Annotated[tuple[Hours, ...], Field(exclude_if=_is_empty)] = ()
    """Spans of the day, in the market's time zone, in which a bar may close that decides an entry: `["09:45-15:30"]`;
    all by default."""

    def identity(self) -> dict[str, Any]:
        """The part of a run's identity that the strategy is: its plain mapping."""
        return self.dump()

    @property
    def entry_filter(self) -> EntryFilter:
        """The bars at which entries may be decided."""
        return EntryFilter(self.only_if, self.warmup, self.sessions, self.hours)

    @property
    def reenter_new(self) -> int:
        """1 if an entry on the side of the last position needs a new signal, else 0."""
        return int(self.reenter == "new_signal")

    @property
    def reenter_after(self) -> int:
        """Closes without an entry after each position."""
        return self.reenter.after if isinstance(self.reenter, Pause) else 0

    def exit_reason(self, prediction: float, side: int, held: int) -> str:  # noqa: ARG002 (for strategies with more reasons than one)
        """The word in the table ``trades`` for an exit by the rule; the arguments are the rule's."""
        return "signal"

    def check(self, symbols: Sequence[str]) -> None:
        """Refuse a market in which the rule could never act, before any time is spent on it.

        Parameters
        ----------
        symbols : the traded symbols.

        Raises
        ------
        ConfigError
            The parameters ask for more than these symbols.
        """


class CrossSectional(Strategy):
    """A strategy's parameters; its rule, a :class:`CrossRule`, looks at all symbols at once."""


class Sided(Strategy):
    """A strategy that can be confined to one side of the market: a side that is not allowed means flat."""

    side: Literal["long", "short", "both"] = "both"
    """Which positions are allowed; a side that is not allowed means flat."""

    @property
    def allow_long(self) -> float:
        """1.0 if long positions are allowed, else 0.0."""
        return 0.0 if self.side == "short" else 1.0

    @property
    def allow_short(self) -> float:
        """1.0 if short positions are allowed, else 0.0."""
        return 0.0 if self.side == "long" else 1.0
