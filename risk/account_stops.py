"""The account's stops: after a daily loss or a drawdown everything is sold at the next open, for a number of bars.

They are checked at each close. Trading resumes ``resume_after`` bars later, and the peak begins anew there.
The function uses nothing but ``+ - *`` and comparisons, so that a compiler gives the same bits as Python.
"""

import math
from typing import Any, NamedTuple


class HaltState(NamedTuple):
    """The state of the account's stops between closes.

    Attributes
    ----------
    peak : the highest account value since trading began or resumed.
    base : the account at the last close of the session before.
    last : the account at the last close.
    left : bars until trading resumes; 0 while it goes on.
    """

    peak: float
    base: float
    last: float
    left: int


TRADING, DAILY_LOSS, DRAWDOWN, HALTED, RESUMED = range(5)
HALTS = {DAILY_LOSS: "daily_loss", DRAWDOWN: "drawdown"}
"""The words for the stops of the account, by their codes."""


def watch(state: HaltState, value: float, new_session: bool, p: Any) -> tuple[HaltState, int]:
    """Check the account's stops at a close: a stop acts, trading is still halted, or it resumes.

    Parameters
    ----------
    state : as of the last close; at first ``HaltState(cash, cash, cash, 0)``.
    value : of the account now.
    new_session : whether this is the first close of its session.
    p : has ``daily_loss``, ``drawdown`` (infinity for none) and ``resume_after``.

    Returns
    -------
    The next state, and one of ``TRADING``, ``DAILY_LOSS``, ``DRAWDOWN`` (sell everything), ``HALTED``, ``RESUMED``.

    >>> from risk.account_limits import LimitsSpec
    >>> watch(HaltState(100.0, 100.0, 100.0, 0), 79.0, True, LimitsSpec(drawdown=0.2).halts)
    (HaltState(peak=100.0, base=100.0, last=79.0, left=20), 2)
    """
    base = state.last if new_session else state.base
    if state.left == 1:
        return HaltState(value, value, value, 0), RESUMED
    if state.left > 1:
        return HaltState(state.peak, base, value, state.left - 1), HALTED
    peak = max(state.peak, value)
    code = TRADING
    if p.drawdown < math.inf and value <= peak * (1.0 - p.drawdown):
        code = DRAWDOWN
    elif p.daily_loss < math.inf and value <= base * (1.0 - p.daily_loss):
        code = DAILY_LOSS
    return HaltState(peak, base, value, p.resume_after if code else 0), code
