"""One market and its signals, over which chunk after chunk of policies is run, on several threads."""

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from core.errors import DataError, PluginError, WorkbenchError
from engine.backtest.compiled.kernel.records import (
    ALWAYS,
    DONE,
    FLAT,
    LOOK,
    NO,
    RUINED,
    TOTAL,
    KernelFeatures,
    KernelResult,
    Log,
    MarketArrays,
    Workspace,
    wider,
)
from engine.backtest.engine_output import BacktestInput

from .compilation import is_cross, kernel, reads_held, rule_of
from .engine import failure, no_log, refuse, space_of, told, until_of
from .market_arrays import grid_of, ground_of, ranges_of, shape_of
from .policy_table import PolicyTable, Reader
from .setting_errors import SettingError, SettingRuleError

BLOCK = 64
"""Policies that a thread takes at a time."""
UNFINISHED = -1
"""How a policy ended that has not been run."""


class Block(NamedTuple):
    """How a block of policies ended; if not well, the policy's place, step and symbol, and what was raised."""

    ended: int
    number: int
    where: Any
    error: Exception | None


FINISHED = Block(DONE, -1, None, None)


class BatchRun:
    """What is the same for all chunks.

    Attributes
    ----------
    task : market, signals, and what a setting leaves as it is.
    reader : makes policies of settings.
    sessions : (D,) dates.
    count : D.

    Parameters
    ----------
    shares : of the tails that are wanted.
    curves : whether the account's value at each session is kept.
    threads : at least 1.
    """

    def __init__(self, task: BacktestInput, shares: tuple[float, ...], *, curves: bool, threads: int) -> None:
        refuse(task.strategy, task.broker)
        if len(task.timeline.ticks) < 2:
            raise DataError(f"there is no bar after the first decision, {task.signals.start}; give it more data")
        self.task, self.reader = task, Reader(task)
        self._grid, self._shares, self._curves = grid_of(task, ()), shares, curves
        self._threads, self._ground, self._log = threads, ground_of(self._grid), no_log()
        self._spaces: list[Workspace] = []  # those that no thread works in
        self._shape: KernelFeatures | None = None
        self._shared = False
        days = task.timeline.days[self._grid.day >= 0].astype("datetime64[D]")
        self.sessions = pd.DatetimeIndex(days, name="session").as_unit("ns")
        self.count = len(days)

    @property
    def shape(self) -> KernelFeatures | None:
        """What the kernel holds so far."""
        return self._shape

    def prepare(self, policies: PolicyTable) -> None:
        """Take the kernel that serves policies like these, of which many share their rule."""
        self._shape = self._shape_with(policies)
        self._shared = True

    def run(self, policies: PolicyTable, first: int, rate: float) -> KernelResult:
        """Backtest a chunk.

        Parameters
        ----------
        first : the number of its first setting, for messages.
        rate : the risk-free return of one session.

        Raises
        ------
        PluginError
            The rule failed; setting, symbol and bar are named.
        """
        count, answer = len(policies.rows), self._answer(len(policies.rows), rate)
        rows, which = policies.rows, policies.which
        shuffled = len(policies.rules) > 1 and bool((which[1:] < which[:-1]).any())
        order: Any = range(count)
        if shuffled:  # equal rules together: each is asked beforehand once
            order = np.argsort(which, kind="stable")
            rows, which = rows[order], which[order]
        grid, shape = self._market(), self._shape_for(policies)
        compiled = kernel(rule_of(type(self.task.strategy)), shape.cross, shape)
        part = partial(self._run_block, compiled, grid, shape, rows, policies.rules, which, answer)
        blocks = [(start, min(start + BLOCK, count)) for start in range(0, count, BLOCK)]
        if self._threads == 1 or len(blocks) == 1:
            for start, stop in blocks:
                self._require(part(start, stop), first, order)
        else:
            self._require(part(0, 0), first, order)  # compile once, before the threads
            with ThreadPoolExecutor(self._threads) as pool:
                for block in pool.map(part, *zip(*blocks, strict=True)):
                    self._require(block, first, order)
        if self._curves:
            answer.curves[answer.totals["ended"] == RUINED] = np.nan
        if not shuffled:
            return answer
        back = np.argsort(order)
        curves = answer.curves[back] if self._curves else answer.curves
        return answer._replace(totals=answer.totals[back], tails=answer.tails[back], curves=curves)

    def _answer(self, count: int, rate: float) -> KernelResult:
        totals = np.zeros(count, dtype=TOTAL)
        totals["ended"] = UNFINISHED
        kept = (count, self.count + 1) if self._curves else (0, 0)
        tails, shares = np.full((count, len(self._shares), 2), np.nan), np.array(self._shares, dtype=np.float64)
        return KernelResult(totals, tails, np.empty(kept), shares, np.array([rate]))

    def _run_block(self, compiled: Any, grid: MarketArrays, shape: KernelFeatures, *work: Any) -> Block:
        """:func:`run_block` in a space that no other thread works in."""
        space, foresees = self._spaces.pop() if self._spaces else space_of(grid), shape.foresight >= FLAT
        if foresees and not space.until.size:
            space = space._replace(until=until_of(grid))
        block = run_block(compiled, grid, space, self._log, foresees, *work)
        self._spaces.append(space)
        return block

    def _require(self, block: Block, first: int, order: Any) -> None:
        if block.error is not None:
            found: WorkbenchError = told(block.error, self.task, block.where)
        elif block.ended != DONE:
            found = failure(block.ended, self.task, block.where)
        else:
            return
        if block.number < 0:
            raise found from block.error
        error_type = SettingRuleError if isinstance(found, PluginError) else SettingError
        raise error_type(first + int(order[block.number]), str(found)) from block.error

    def _market(self) -> MarketArrays:
        """The market, with the average true ranges that are in use by now."""
        if len(self.reader.windows) > len(self._grid.ranges):
            self._grid = self._grid._replace(ranges=ranges_of(self.task, self.reader.windows))
        return self._grid

    def _shape_for(self, policies: PolicyTable) -> KernelFeatures:
        """What a kernel must hold for this chunk and all before it: another one takes seconds to compile."""
        self._shape = shape = self._shape_with(policies)
        return shape._replace(foresight=self._foresight(shape, policies))

    def _shape_with(self, policies: PolicyTable) -> KernelFeatures:
        shape = shape_of(policies.rows, self._ground, cross=is_cross(self.task.strategy), record=False)
        return shape if self._shape is None or self._shape == shape else wider(self._shape, shape)

    def _foresight(self, shape: KernelFeatures, policies: PolicyTable) -> int:
        """How steps without events are passed over; to ask the rule beforehand pays if several policies share it."""
        if shape.cross or shape.gaps or shape.symbols != 1 or shape.halts or shape.cash_interest:
            return NO
        if not self._shared and len(policies.rows) < 2 * len(policies.rules):
            return LOOK
        return FLAT if reads_held(rule_of(type(self.task.strategy))) else ALWAYS


def run_block(
    compiled: Any,
    grid: MarketArrays,
    space: Workspace,
    log: Log,
    foresees: bool,
    rows: Any,
    rules: Any,
    which: Any,
    answer: KernelResult,
    first: int,
    last: int,
) -> Block:
    """Run policies ``first`` to ``last`` (not included), asking their rules beforehand if that goes well."""
    asks = 1
    while True:
        try:
            ended = int(compiled(grid, rows, rules, which, first, last, asks, space, log, answer))
            if ended == DONE:
                return FINISHED
            return Block(ended, _unfinished(answer, first, last), space.where.copy(), None)
        except Exception as error:  # a rule may raise anything, and the compiler at what it cannot do
            first = _unfinished(answer, first, last)
            if not (asks and foresees and first >= 0):
                return Block(DONE, first, space.where.copy(), error)
            asks = 0  # it may have failed on something that it is never asked in truth


def _unfinished(answer: KernelResult, first: int, last: int) -> int:
    """The first policy that was not run to its end; -1 if there is none."""
    ended = answer.totals["ended"][first:last]
    found = np.flatnonzero((ended != DONE) & (ended != RUINED))
    return first + int(found[0]) if found.size else -1
