"""Confirmation of the best trials on backtrader, fill for fill: the reported results are backtrader's."""

import logging
from collections.abc import Mapping
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from core.digests import seed_of
from core.errors import WorkbenchError
from core.types import Market, RunResult, Vector
from engine.backtest.account_returns import BENCHMARK, STRATEGY, daily_returns
from engine.backtest.bt import engine
from engine.backtest.engine_output import BacktestInput
from engine.backtest.engines import first_difference
from engine.pipeline import Stopwatch, examined, save, tearsheets
from engine.results.compute_measures import measure_here, measure_in
from engine.results.metrics_json import metrics
from engine.run_folder.run_log import recorded
from engine.sweep.session import SweepSession
from engine.sweep.space.dimensions import iter_points
from engine.sweep.space.samplers import seed_for
from engine.sweep.space.space_check import trial_config
from engine.sweep.space.trial_measures import measures_of
from engine.sweep.storage.file_names import WINNERS
from engine.sweep.trials.plan import Group, Plan
from engine.sweep.trials.ranking import TrialRanking
from engine.sweep.trials.runner import TrialRunner
from risk.measures.base import Sample
from risk.periods import periods_per_year
from signals.signals_result import Signals

if TYPE_CHECKING:
    from engine.config.run_config import RunConfig

log = logging.getLogger(__name__)

HOLDOUT_MEASURES = ("total_return", "sharpe", "max_drawdown", "volatility")
"""Kinds of measures of a holdout, which may be short."""


class ConfirmationError(WorkbenchError):
    """The engines' results for a trial differ: one of them is wrong, and no result of the sweep can be trusted."""

    exit_code = 1


@dataclass(frozen=True, eq=False)
class Confirmed:
    """A trial that backtrader ran as well.

    Attributes
    ----------
    number, point : the trial.
    config : its config.
    signals, result : of the bars that trials see.
    daily : its daily returns and the benchmark's, on these bars.
    folder : the name of its run folder; empty for one that was only compared.
    metrics : the content of its metrics.json; None likewise.
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

    def returns_over(self, sessions: pd.DatetimeIndex) -> Vector:
        """(D,) daily returns on these sessions, NaN where it has none."""
        return np.asarray(self.daily[STRATEGY].reindex(sessions), dtype=np.float64)


@dataclass(eq=False)
class Confirmation:
    """Runs trials on backtrader and compares them with the sweep's results."""

    session: SweepSession
    runner: TrialRunner
    ranking: TrialRanking

    @property
    def plan(self) -> Plan:
        """The sweep's plan."""
        return self.session.plan

    def point(self, trial_number: int) -> dict[str, Any]:
        """The point of a trial."""
        if self.plan.points is None:
            return dict(self.session.trial_store.point(trial_number))
        return next(iter_points(self.plan.points.columns(np.array([trial_number]))))

    def spot_checks(self, winners: list[int]) -> list[int]:
        """Numbers of further trials to compare, drawn from those that are done."""
        done = np.setdiff1d(np.flatnonzero(self.ranking.status == "done"), winners)
        rng = np.random.default_rng(seed_of(seed_for(self.plan.spec, self.plan.config.seed), "spot checks"))
        return sorted(rng.permutation(done)[: self.plan.spec.spot_checks].tolist())

    def compare(self, trial_number: int) -> Confirmed:
        """Run a trial on backtrader, and compare it with the sweep's result.

        Raises
        ------
        ConfirmationError
            They differ; the first difference is named.
        """
        point = self.point(trial_number)
        config = trial_config(self.plan.config, point, f"trial-{trial_number:06d}")
        group = self.plan.groups.of(point)
        signals = self.runner.signals(group)
        result = self._run_on_engines(trial_number, config, self.plan.market, signals, group)
        value = float(result.equity["equity"].iloc[-1])
        fills = len(result.fills)
        swept_value = self.ranking.final_value[trial_number]
        swept_fills = self.ranking.fills[trial_number]
        if value != swept_value or fills != swept_fills:
            raise ConfirmationError(
                f"trial {trial_number}: the sweep found {swept_value!r} after {swept_fills:g} fills, "
                f"backtrader {value!r} after {fills}; please report this config"
            )
        return Confirmed(trial_number, point, config, signals, result, _daily(result, self.plan.market, config))

    def _run_on_engines(
        self, trial_number: int, config: "RunConfig", market: Market, signals: Signals, group: Group
    ) -> RunResult:
        """The result of backtrader, which the compiled engine's equals where it can run the config."""
        task = BacktestInput.from_config(market, signals.frame, config)
        result = engine.run_task(task)
        if not group.backtrader_reason:
            difference = first_difference(result, self.runner.recorded(task, group))
            if difference:
                raise ConfirmationError(
                    f"trial {trial_number}: the engines differ: {difference}; please report this config"
                )
        return result

    def save(self, confirmed: Confirmed, pool: Executor | None) -> Confirmed:
        """Write a compared trial's run folder with its tear-sheet, over the holdout as well if there is one."""
        stopwatch = Stopwatch()
        config = confirmed.config
        market = self.plan.market
        signals = confirmed.signals
        result = confirmed.result
        held_out = None
        if self.plan.spec.holdout:
            config, market, signals, result = self._run_with_holdout(confirmed)
            held_out = _holdout_measures(self.plan, market, result)
        with recorded() as log_lines, tearsheets(config) as submit:
            outcome = examined(config, market, signals, result, stopwatch, measure_in(pool) if pool else measure_here)
            saved = save(outcome, config, self.session.folder / WINNERS, submit, stopwatch, log_lines)
        return replace(confirmed, folder=saved.folder.name, metrics=metrics(outcome), held_out=held_out)

    def _run_with_holdout(self, confirmed: Confirmed) -> tuple["RunConfig", Market, Signals, RunResult]:
        """A trial on all data, the holdout included."""
        config = trial_config(self.session.config, confirmed.point, confirmed.config.name)
        market = config.data.load()
        self.session.registry.record_opening(market)
        log.warning(
            "the holdout is opened: trial %d is run on the bars after %s", confirmed.number, self.plan.spec.holdout
        )
        group = self.plan.groups.of(confirmed.point)
        signals = self.runner.generate_signals(market, config)
        return config, market, signals, self._run_on_engines(confirmed.number, config, market, signals, group)


def _daily(result: RunResult, market: Market, config: "RunConfig") -> pd.DataFrame:
    return daily_returns(result, market, config.broker.cash_interest)


def _holdout_measures(sweep_plan: Plan, market: Market, result: RunResult) -> dict[str, Any]:
    """Measures of a trial and of the benchmark in the sessions that no trial saw."""
    daily = _daily(result, market, sweep_plan.config)
    later = daily[daily.index > sweep_plan.span.sessions[-1]]
    spec = sweep_plan.config.measures
    year = periods_per_year(pd.DatetimeIndex(daily.index), spec.periods_per_year)
    measures = [measure for measure in measures_of(sweep_plan.config) if measure.kind in HOLDOUT_MEASURES]
    held_out: dict[str, Any] = {"first_session": f"{later.index[0]:%F}", "sessions": len(later)}
    for column in (STRATEGY, BENCHMARK):
        sample = Sample(later[column].to_numpy(), periods_per_year=year, risk_free=sweep_plan.config.risk_free)
        held_out[column] = {measure.name: measure.of(sample).dump() for measure in measures}
    return held_out
