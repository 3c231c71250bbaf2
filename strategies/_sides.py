"""The sides of the market that a strategy may be on: the rule of ``strategy.side``. Pure; both engines use it."""

from typing import Any

__all__ = ["on_allowed_side"]


def on_allowed_side(target: Any, p: Any) -> Any:
    """A rule's target, or 0 in place of one on a side that ``strategy.side`` bars.

    Parameters
    ----------
    target : from -1 to 1: the side by its sign. Anything else is given back as it is, for others to refuse.
    p : has ``allow_long`` and ``allow_short`` (1.0 or 0.0), as :class:`strategies.base.Sided` does.

    Examples
    --------
    >>> from strategies.threshold import Threshold
    >>> [on_allowed_side(target, Threshold(side="long")) for target in (1, 0.5, 0, -0.5, -1)]
    [1, 0.5, 0, 0, 0]
    """
    if 0.0 < target <= 1.0 and p.allow_long == 0.0:
        return 0
    if -1.0 <= target < 0.0 and p.allow_short == 0.0:
        return 0
    return target
