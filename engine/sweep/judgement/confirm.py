"""The best trials once more, on backtrader, fill for fill: what a sweep says of a trial is what backtrader says."""

import logging
from collections.abc import Mapping
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from core.digests import seed_of
from core.errors import WorkbenchError
from core.types import Market, RunResult
from engine.backtest.account_returns import BENCHMARK, STRATEGY, daily_returns
from engine.backtest.bt import engine
from engine.backtest.engine_output import BacktestInput
from engine.backtest.engines import first_difference
from engine.pipeline import Stopwatch, examined, save, tearsheets
from engine.results.compute_measures import measure_here, measure_in
from engine.results.metrics_json import metrics
from engine.run_folder.run_log import recorded
from engine.sweep.space.dimensions import iter_points
from engine.sweep.space.samplers import seed_for
from engine.sweep.space.space_check import trial_config
from engine.sweep.space.trial_measures import measures_of
from engine.sweep.storage.sweep_folder import WINNERS
from engine.sweep.storage.trial_store import TrialStore
from engine.sweep.trials.plan import Group, Plan
from engine.sweep.trials.ranking import TrialRanking
from engine.sweep.trials.runner import TrialRunner
from risk.measures.base import Sample
from risk.periods import periods_per_year
from signals.signals_result import Signals

if TYPE_CHECKING:
    from engine.config.run_config import RunConfig

log = logging.getLogger(__name__)


class ConfirmationError(WorkbenchError):
    """The engines disagree on what the sweep found: one of them is wrong, and nothing can be believed."""

    exit_code = 1


@dataclass(frozen=True, eq=False)
class Confirmed:
    """A trial that backtrader ran as well.

    Attributes
    ----------
    number, point : the trial.
    config : its config.
    signals, result : of the bars that trials see.
    daily : its daily returns beside the benchmark's, on these bars.
    folder : the name of its run folder; empty for one that was only compared.
    metrics : what its metrics.json holds; empty likewise.
    held_out : measures of the sessions after the holdout's date; None where there is none.
    """

    number: int
    point: Mapping[str, Any]
    config: "RunConfig"
    signals: Signals
    result: RunResult
    daily: pd.DataFrame
    folder: str = ""
    metrics: Mapping[str, Any] | None = None
    held_out: Mapping[str, Any] | None = None


@dataclass(eq=False)
class Confirmation:
    """Runs trials on backtrader and compares.

    Attributes
    ----------
    whole : the sweep's config on all its data, the holdout included.
    """

    plan: Plan
    shop: TrialRunner
    board: TrialRanking
    records: TrialStore
    whole: "RunConfig"

    def point(self, number: int) -> dict[str, Any]:
        """The point of a trial."""
        if self.plan.points is None:
            return dict(self.records.point(number))
        return next(iter_points(self.plan.points.columns(np.array([number]))))

    def spot_checks(self, winners: list[int]) -> list[int]:
        """Trials to compare besides, drawn from those that are done."""
        done = np.setdiff1d(np.flatnonzero(self.board.status == "done"), winners)
        chance = np.random.default_rng(seed_of(seed_for(self.plan.spec, self.plan.config.seed), "spot checks"))
        return sorted(chance.permutation(done)[: self.plan.spec.spot_checks].tolist())

    def compared(self, number: int) -> Confirmed:
        """Run a trial on backtrader, and compare it with what the sweep found.

        Raises
        ------
        ConfirmationError
            They differ; the first difference is named.
        """
        point = self.point(number)
        config = trial_config(self.plan.config, point, f"trial-{number:06d}")
        group = self.plan.groups.of(point)
        signals = self.shop.signals(group)
        result = self._agreed(number, config, self.plan.market, signals, group)
        value, fills = float(result.equity["equity"].iloc[-1]), len(result.fills)
        board = self.board
        if value != board.final_value[number] or fills != board.fills[number]:
            raise ConfirmationError(
                f"trial {number}: the sweep found {board.final_value[number]!r} after {board.fills[number]:g} fills, "
                f"backtrader {value!r} after {fills}; please report this config"
            )
        return Confirmed(number, point, config, signals, result, daily_returns(result, self.plan.market))

    def _agreed(self, number: int, config: "RunConfig", market: Market, signals: Signals, group: Group) -> RunResult:
        """What backtrader gives for a trial, once the compiled engine gave the same."""
        task = BacktestInput.of(market, signals.frame, config.strategy, config.risk, config.broker, config.id)
        result = engine.run_task(task)
        if not group.backtrader_reason:
            other = self.shop.recorded(task, group)
            difference = first_difference(result, other)
            if difference:
                raise ConfirmationError(f"trial {number}: the engines differ: {difference}; please report this config")
        return result

    def saved(self, found: Confirmed, folder: Path, pool: Executor | None) -> Confirmed:
        """Write a compared trial's run folder with its tear-sheet; the holdout is opened here, if there is one."""
        config, market, signals, result, held_out = found.config, self.plan.market, found.signals, found.result, None
        watch = Stopwatch()
        if self.plan.spec.holdout:
            config = trial_config(self.whole, found.point, found.config.name)
            market = config.data.load()
            log.warning(
                "the holdout is opened: trial %d is run on the bars after %s", found.number, self.plan.spec.holdout
            )
            group = self.plan.groups.of(found.point)
            signals = self.shop.generate_signals(market, config)
            result = self._agreed(found.number, config, market, signals, group)
            held_out = _after(self.plan, market, result)
        with recorded() as lines, tearsheets(config) as submit:
            outcome = examined(config, market, signals, result, watch, measure_in(pool) if pool else measure_here)
            put = save(outcome, config, folder / WINNERS, submit, watch, lines)
        return replace(found, folder=put.folder.name, metrics=metrics(outcome), held_out=held_out)


def _after(plan: Plan, market: Market, result: RunResult) -> dict[str, Any]:
    """What a trial and the benchmark did in the sessions that no trial saw."""
    daily = daily_returns(result, market)
    last = plan.span.sessions[-1]
    later = daily[daily.index > last]
    found: dict[str, Any] = {"first_session": f"{later.index[0]:%F}", "sessions": len(later)}
    wanted = [measure for measure in measures_of(plan.config) if measure.kind in SHOWN]
    year = periods_per_year(pd.DatetimeIndex(daily.index), plan.config.measures.periods_per_year)
    for column in (STRATEGY, BENCHMARK):
        sample = Sample(later[column].to_numpy(), periods_per_year=year, risk_free=plan.config.measures.risk_free)
        found[column] = {measure.name: measure.of(sample).dump() for measure in wanted}
    return found


SHOWN = ("total_return", "sharpe", "max_drawdown", "volatility")
"""The measures of a holdout, which may be short."""
