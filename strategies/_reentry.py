"""Entries after a position has ended: the rule of ``strategy.reenter``. Pure functions, which both engines use."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import Discriminator, PositiveInt, Tag

from core.spec import Spec

__all__ = ["Pause", "Reenter", "bars_to_wait", "gated", "side_left"]


class Pause(Spec):
    """No entry for some bars after a position has ended."""

    after: PositiveInt
    """Closes of the symbol without an entry, from the first one after the position on."""


def _form(value: object) -> str:
    """The tag of a value of the config: of a word, or of a mapping; messages leave tags with ``<`` out."""
    return "<pause>" if isinstance(value, Mapping | Spec) else "<word>"


Reenter: TypeAlias = Annotated[
    Annotated[Literal["always", "new_signal"], Tag("<word>")] | Annotated[Pause, Tag("<pause>")],
    Discriminator(_form),
]


def side_left(last: int, side: int) -> int:
    """The side whose signal is used up: that of the position now, else that of the last one.

    Parameters
    ----------
    last : the side so far; 0 for none, or if its signal has ended since.
    side : the side of the position at this bar: 1, -1 or 0.
    """
    return side if side != 0 else last


def bars_to_wait(wait: int, side: int, p: Any) -> int:
    """The closes that still have to pass before an entry, this one included.

    Parameters
    ----------
    wait : their number at the bar before.
    side : the side of the position at this bar: 1, -1 or 0.
    p : has ``reenter_after``, the closes without an entry after each position; 0 for none.

    Examples
    --------
    >>> from strategies.threshold import Threshold
    >>> bars_to_wait(2, 0, Threshold(reenter={"after": 3}))
    1
    """
    if side != 0:
        return int(p.reenter_after) + 1
    return wait - 1 if wait > 0 else 0


def gated(target: int, side: int, last: int, wait: int, p: Any) -> int:
    """The side to be on: the rule's, or 0 in place of an entry that ``reenter`` bars.

    Parameters
    ----------
    target : the side that the strategy's rule gave.
    side : the side of the position at this bar: 1, -1 or 0.
    last : see :func:`side_left`.
    wait : see :func:`bars_to_wait`.
    p : has ``reenter_new`` (1 or 0) and ``reenter_after``.

    Examples
    --------
    >>> from strategies.threshold import Threshold
    >>> [gated(1, 0, last, 0, Threshold(reenter="new_signal")) for last in (1, 0, -1)]
    [0, 1, 1]
    """
    if target == side:
        return target
    if p.reenter_after > 0 and wait > 0:
        return 0
    if p.reenter_new != 0 and side == 0 and target == last:
        return 0
    return target
