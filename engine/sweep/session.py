"""An unfinished sweep that this process works on: its plan, its finished trials, and the settings tried before it."""

import logging
import platform
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.ledger.settings import PriorTrials
from engine.pipeline import Stopwatch
from engine.run_folder import manifest
from engine.sweep.space.trial_measures import measures_of
from engine.sweep.storage import sweep_folder
from engine.sweep.storage.journal import Journal
from engine.sweep.storage.sweep_id import sweep_id
from engine.sweep.storage.trial_registry import TrialRegistry, warn_of_seen_holdout
from engine.sweep.storage.trial_store import TrialStore
from engine.sweep.trials.compiled_trials import TrialOutputs
from engine.sweep.trials.plan import Plan
from risk.periods import periods_per_year

if TYPE_CHECKING:
    from engine.config.run_config import RunConfig

log = logging.getLogger(__name__)

FORMAT = 1
"""Version of the journal's content."""


@dataclass(frozen=True, eq=False)
class SweepSession:
    """A sweep in the folder that this process owns.

    Attributes
    ----------
    config : of the sweep, on all its data, the holdout included.
    label : the name of the folder of the finished sweep.
    plan : its trials, on the data that they may see.
    folder : of the unfinished sweep.
    journal : of this folder.
    trial_store : the finished trials.
    registry : the sweep's records in the ledger.
    prior : the settings tried before on these data, as they were when this sweep began.
    stopwatch : seconds by stage, for the manifest.
    """

    config: "RunConfig"
    label: str
    plan: Plan
    folder: Path
    journal: Journal
    trial_store: TrialStore
    registry: TrialRegistry
    prior: PriorTrials
    stopwatch: Stopwatch

    @cached_property
    def outputs(self) -> TrialOutputs:
        """Results to keep of every trial."""
        return outputs_of(self.plan)

    @cached_property
    def sessions_per_year(self) -> float:
        """Sessions in a year, counted over the span that all trials share unless the config states them."""
        return periods_per_year(self.plan.span.sessions, self.plan.config.measures.periods_per_year)


def open_session(
    config: "RunConfig",
    sweep_plan: Plan,
    folder: Path,
    stopwatch: Stopwatch,
    raise_if_interrupted: Callable[[], None],
    repeated_prior: PriorTrials | None = None,
) -> SweepSession:
    """Open the journal and the finished trials of an owned folder; both are begun if there are none.

    Parameters
    ----------
    raise_if_interrupted : called before a trial is stored.
    repeated_prior : the prior trials of a sweep that is repeated; else they are counted now, or read from the journal.

    Raises
    ------
    CodeChangedError
        The sweep was begun with other code, or other libraries that decide numbers.
    StoreError
        The journal is damaged.
    """
    label = label_of(config)
    journal = sweep_folder.open_journal(folder, header(label))
    trial_store = TrialStore(folder, journal, raise_if_interrupted)
    if len(trial_store):
        log.warning("%d of %d trials were finished before; the rest follows", len(trial_store), sweep_plan.count)
    registry = TrialRegistry(sweep_plan, sweep_id(config), is_recording=repeated_prior is None)
    prior = prior_trials(registry, journal, config) if repeated_prior is None else repeated_prior
    warn_of_seen_holdout(sweep_plan, prior)
    registry.begin()
    return SweepSession(
        config=config,
        label=label,
        plan=sweep_plan,
        folder=folder,
        journal=journal,
        trial_store=trial_store,
        registry=registry,
        prior=prior,
        stopwatch=stopwatch,
    )


def label_of(config: "RunConfig") -> str:
    """The name of a sweep's folder: the config's name and the sweep's id."""
    return f"{config.name}-{sweep_id(config)}"


def outputs_of(sweep_plan: Plan) -> TrialOutputs:
    """Results to keep of every trial of a plan."""
    spec = sweep_plan.config.measures
    return TrialOutputs(
        measures_of(sweep_plan.config),
        spec.periods_per_year,
        sweep_plan.config.risk_free,
        sweep_plan.span,
        sweep_plan.summed,
        sweep_plan.with_returns,
    )


def header(label: str) -> dict[str, Any]:
    """The first entry of a journal: what must be equal for a sweep to be continued."""
    return {
        "format": FORMAT,
        "sweep": label,
        "code": manifest.code_digest(),
        "versions": manifest.versions(),
        "python": platform.python_version(),
    }


def prior_trials(registry: TrialRegistry, journal: Journal, config: "RunConfig | None" = None) -> PriorTrials:
    """The settings tried before, as they were when this sweep began; the journal holds them from then on.

    Parameters
    ----------
    config : of the sweep on all its data, for earlier uses of its holdout.
    """
    for entry in journal.entries:
        if "earlier" in entry:
            return PriorTrials(**entry["earlier"])
    prior = registry.prior_trials(config)
    journal.append({"earlier": prior.dump()})
    return prior
