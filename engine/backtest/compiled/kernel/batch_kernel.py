"""The policies of a block, one after the other, in one call. Compiled; plain Python."""

import math

from engine.backtest.compiled.codes import BAD_SIDE, DONE, QUEUE_FULL, STEP, WHILE_FLAT
from engine.backtest.compiled.kernel_features import FEATURES

from .event_skipping import expect_changes, precompute_rule
from .loop import run_policy
from .records import KernelResult, Log, MarketArrays, Policies, Workspace
from .running_totals import sum_up


def run_policies(
    arrays: MarketArrays,
    policies: Policies,
    first: int,
    last: int,
    precomputes: int,
    workspace: Workspace,
    log: Log,
    result: KernelResult,
) -> int:
    """Backtest policies ``first`` to ``last`` (not included) of a chunk; equal rules should stand together.

    Parameters
    ----------
    precomputes : 1 if the rule may be called beforehand; it might fail on something that it is never called with later.

    Returns
    -------
    ``DONE``, or the reason for which one of them could not be finished: the first whose total has it. Step and symbol
    are in ``workspace.failed_at``.
    """
    precomputed = -1
    for index in range(first, last):
        rule_index = policies.rule_index[index]
        p = policies.rules[rule_index]
        total = result.totals[index]
        if FEATURES.skipping >= WHILE_FLAT and rule_index != precomputed:
            precomputed = rule_index
            if precomputes:
                precompute_rule(arrays, p, workspace)
            else:
                expect_changes(workspace)
        ended = run_policy(arrays, policies.rows[index], p, workspace, log)
        total.ended = ended
        total.step = workspace.failed_at[STEP]
        if ended == DONE:
            sum_up(index, workspace, result)
        elif ended in (BAD_SIDE, QUEUE_FULL):
            return ended
        else:
            total.value = workspace.session_equity[-1]
            total.mean = total.squares = total.downside = total.extreme = total.drawdown = total.traded = math.nan
    return DONE
