"""Many policies, one after the other, in one call. Compiled; plain Python."""

import math
from typing import Any

from .event_skipping import foresee, look_every_step
from .loop import run_policy
from .records import BAD_SIDE, DONE, FLAT, QUEUE_FULL, USES, KernelResult, Log, MarketArrays, Workspace
from .running_totals import sum_up


def run_policies(
    grid: MarketArrays,
    rows: Any,
    rules: Any,
    which: Any,
    first: int,
    last: int,
    asks: int,
    space: Workspace,
    log: Log,
    answer: KernelResult,
) -> int:
    """Backtest policies ``first`` to ``last`` (not included) of a chunk.

    Parameters
    ----------
    rows : (P,) of :data:`~engine.backtest.compiled.kernel.records.POLICY`.
    rules, which : what the rule reads, and which of these each policy has; equal ones should stand together.
    asks : whether the rule may be asked beforehand; it might fail on something that it is never asked in truth.

    Returns
    -------
    ``DONE``, or why one of them could not be finished: the first whose total says so. Where is in ``space.where``.
    """
    asked = -1
    for number in range(first, last):
        mine, total = which[number], answer.totals[number]
        if USES.foresight >= FLAT and mine != asked:
            asked = mine
            if asks:
                foresee(grid, rules[mine], space)
            else:
                look_every_step(space)
        ended = run_policy(grid, rows[number], rules[mine], space, log)
        total.ended, total.step = ended, space.where[0]
        if ended == DONE:
            sum_up(number, space, answer)
        elif ended in (BAD_SIDE, QUEUE_FULL):
            return ended
        else:
            total.value = space.worth[-1]
            total.mean = total.squares = total.downside = total.extreme = total.drawdown = total.traded = math.nan
    return DONE
