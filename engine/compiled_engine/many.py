"""Many policies, one after the other, in one call. Compiled; plain Python."""

import math
from typing import Any

from .loop import run_policy
from .quiet import foresee
from .shape import BAD_SIDE, DONE, QUEUE_FULL, USES, Answer, Grid, Log, Space
from .totals import sum_up


def run_policies(
    grid: Grid, rows: Any, rules: Any, which: Any, first: int, last: int, space: Space, log: Log, answer: Answer
) -> int:
    """Backtest policies ``first`` to ``last`` (not included) of a chunk.

    Parameters
    ----------
    rows : (P,) of :data:`~engine.compiled_engine.shape.POLICY`.
    rules, which : what the rule reads, and which of these each policy has; equal ones should stand together.

    Returns
    -------
    ``DONE``, or why one of them could not be finished; which, where and how is in ``answer.totals`` and ``space.where``.
    """
    asked = -1
    for number in range(first, last):
        mine, total = which[number], answer.totals[number]
        if USES.foresight and mine != asked:
            foresee(grid, rules[mine], space)
            asked = mine
        ended = run_policy(grid, rows[number], rules[mine], space, log)
        total.ended, total.step = ended, space.where[0]
        if ended == BAD_SIDE or ended == QUEUE_FULL:
            return ended
        if ended == DONE:
            sum_up(number, space, answer)
        else:
            total.value = space.worth[-1]
            total.mean = total.squares = total.downside = total.drawdown = total.traded = math.nan
    return DONE
